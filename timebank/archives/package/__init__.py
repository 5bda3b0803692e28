"""The package of a closed month: paper for people, tables for offices and machines, journals, and a signed manifest.

A room of its own because it writes a file and nothing else: no row of the database changes here.
"""

from timebank.archives.package.contents import STEPS, PackageMismatchError, write_package
from timebank.archives.package.sources import Packing, Progress

__all__ = ["STEPS", "PackageMismatchError", "Packing", "Progress", "write_package"]
