"""Reads packages back without the database: what is inside agrees with its own lists, its signature and its
neighbours, or each difference is named by its kind."""

from timebank.archives.reading.about import About, Report
from timebank.archives.reading.bag import Limits
from timebank.archives.reading.chain import check_chain
from timebank.archives.reading.damage import MEANINGS, Damage, Kind, Meaning
from timebank.archives.reading.package import read_json, read_package, verify_package

__all__ = [
    "MEANINGS",
    "About",
    "Damage",
    "Kind",
    "Limits",
    "Meaning",
    "Report",
    "check_chain",
    "read_json",
    "read_package",
    "verify_package",
]
