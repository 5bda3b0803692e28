"""Files: opening what offices send (bytes to cells), and the template they may fill.

A room of its own, since reading a file is neither pure arithmetic (it runs a program) nor a verb (it changes nothing).
"""

from timebank.members.roster.sheets.opening import FileRefused, open_sheets
from timebank.members.roster.sheets.template import write_template

__all__ = ["FileRefused", "open_sheets", "write_template"]
