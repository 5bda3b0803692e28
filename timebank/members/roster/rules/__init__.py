"""Rules of reading: from the cells of a file to cleaned people with findings. The same file reads the same way."""

from timebank.members.roster.rules.columns import NoNameColumn
from timebank.members.roster.rules.findings import ERROR, MENDED, NOTED, SKIPPED, Finding
from timebank.members.roster.rules.people import Person, in_file_order, without_mends
from timebank.members.roster.rules.reading import (
    MOST_PEOPLE,
    NobodyInFile,
    Roster,
    Sheet,
    TooManyPeople,
    from_text,
    read_roster,
    to_text,
)

__all__ = [
    "ERROR",
    "MENDED",
    "MOST_PEOPLE",
    "NOTED",
    "SKIPPED",
    "Finding",
    "NoNameColumn",
    "NobodyInFile",
    "Person",
    "Roster",
    "Sheet",
    "TooManyPeople",
    "from_text",
    "in_file_order",
    "read_roster",
    "to_text",
    "without_mends",
]
