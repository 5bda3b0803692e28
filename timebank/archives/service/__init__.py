"""The steps of a close. Each is safe to repeat, alone or from two processes at once: one seal, one package, one row."""

from timebank.archives.service.keeping import Attempt, audit, keep_audit, record_attempt
from timebank.archives.service.packing import (
    NotClosed,
    NothingToCorrect,
    PackageDiffers,
    PackageFile,
    ReasonMissing,
    alone,
    hash_of,
    keep_package,
    make_package,
)
from timebank.archives.service.sealing import (
    BeforeOpening,
    Checked,
    NotAMonth,
    NotReady,
    check_month,
    close_month,
    refuse_no_month,
    seal_month,
)
from timebank.archives.service.telling import tell_unclosed

__all__ = [
    "Attempt",
    "BeforeOpening",
    "Checked",
    "NotAMonth",
    "NotClosed",
    "NotReady",
    "NothingToCorrect",
    "PackageDiffers",
    "PackageFile",
    "ReasonMissing",
    "alone",
    "audit",
    "check_month",
    "close_month",
    "hash_of",
    "keep_audit",
    "keep_package",
    "make_package",
    "record_attempt",
    "refuse_no_month",
    "seal_month",
    "tell_unclosed",
]
