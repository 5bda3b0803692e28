"""Reads packages back without the database: what is inside agrees with its own lists, or each difference is named."""

from timebank.archives.reading.damage import MEANINGS, Damage, Kind, Meaning
from timebank.archives.reading.package import read_json, verify_package

__all__ = ["MEANINGS", "Damage", "Kind", "Meaning", "read_json", "verify_package"]
