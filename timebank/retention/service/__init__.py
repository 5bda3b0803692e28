"""The verbs: set a term, hold, propose, prepare, sign, drop, keep what reading a package found."""

from timebank.retention.service.checking import Reading, keep_reading, note_unpacked
from timebank.retention.service.disposing import (
    AlreadyDecided,
    ListChanged,
    NotPrepared,
    NotTheSamePerson,
    drop_disposal,
    prepare_disposal,
    propose_disposal,
    sign_disposal,
)
from timebank.retention.service.holding import (
    AlreadyHeld,
    NothingToHold,
    NotYours,
    lift_hold,
    place_hold,
    refuse_lifting,
)
from timebank.retention.service.terms import DayPassed, TermDraft, set_term

__all__ = [
    "AlreadyDecided",
    "AlreadyHeld",
    "DayPassed",
    "ListChanged",
    "NotPrepared",
    "NotTheSamePerson",
    "NotYours",
    "NothingToHold",
    "Reading",
    "TermDraft",
    "drop_disposal",
    "keep_reading",
    "lift_hold",
    "note_unpacked",
    "place_hold",
    "prepare_disposal",
    "propose_disposal",
    "refuse_lifting",
    "set_term",
    "sign_disposal",
]
