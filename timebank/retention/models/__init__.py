"""Terms, holds and lists of what was destroyed; readings of stored packages."""

from timebank.retention.models.checks import BAD, CHECK_NAMES, SOUND, UNPACKED, PackageCheck
from timebank.retention.models.disposals import (
    DESTROYED,
    DONE,
    DROPPED,
    KINDS,
    PREPARED,
    PROPOSED,
    SIGNED,
    SPARED,
    STATE_NAMES,
    Disposal,
    DisposalItem,
    LegalHold,
    RetentionTerm,
)

__all__ = [
    "BAD",
    "CHECK_NAMES",
    "DESTROYED",
    "DONE",
    "DROPPED",
    "KINDS",
    "PREPARED",
    "PROPOSED",
    "SIGNED",
    "SOUND",
    "SPARED",
    "STATE_NAMES",
    "UNPACKED",
    "Disposal",
    "DisposalItem",
    "LegalHold",
    "PackageCheck",
    "RetentionTerm",
]
