"""The package of a closed month: tables in three formats, the journal, the manifest, in one bag.

A room of its own because it writes a file and nothing else: no row of the database changes here.
"""

from timebank.archives.package.contents import STEPS, PackageMismatchError, Progress, write_package

__all__ = ["STEPS", "PackageMismatchError", "Progress", "write_package"]
