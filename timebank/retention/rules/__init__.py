"""How long each kind of record is kept and why; and what the hash of a list is. Pure."""

from timebank.retention.rules.kinds import (
    AUTOMATIC,
    DISPOSABLE,
    LOOKS,
    LOOKS_LEAST,
    MOST_MONTHS,
    PERMANENT,
    Kept,
    Kind,
    class_of,
)
from timebank.retention.rules.lists import Listed, TermTooShort, before_of, check_term, hash_of_list

__all__ = [
    "AUTOMATIC",
    "DISPOSABLE",
    "LOOKS",
    "LOOKS_LEAST",
    "MOST_MONTHS",
    "PERMANENT",
    "Kept",
    "Kind",
    "Listed",
    "TermTooShort",
    "before_of",
    "check_term",
    "class_of",
    "hash_of_list",
]
