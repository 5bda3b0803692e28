"""The verbs of the door, the review and the approval. They never commit; a door's unit of work does.

Order of locks, always: shift (review, approval), scan key, attendance, points carry by member, member (where a rule
looks at balances or opens accounts), then the ledger's own.
A scan at the door shares the shift with other scans, so that nobody sends or approves the list meanwhile, and takes its
key and its attendance row.
"""

from timebank.attendance.service.absences import WasSeen, mark_absences
from timebank.attendance.service.approval import (
    AlreadySubmitted,
    Approved,
    BeyondShift,
    ChangedMeanwhile,
    FourEyes,
    NotSubmitted,
    StillPending,
    StillRunning,
    approve_shift,
    return_shift,
    submit_shift,
)
from timebank.attendance.service.correcting import keep_correction, lock_booked_record, open_giveaway
from timebank.attendance.service.review import (
    Correction,
    ManualEntry,
    NothingToCorrect,
    TimesOutOfRange,
    close_missing,
    correct_times,
    rejudge,
    restore,
    set_manual,
    void,
)
from timebank.attendance.service.scans import ScanAnswer, ScanDraft, explained, record_scan
from timebank.attendance.service.shifts import ReviewClosed

__all__ = [
    "AlreadySubmitted",
    "Approved",
    "BeyondShift",
    "ChangedMeanwhile",
    "Correction",
    "FourEyes",
    "ManualEntry",
    "NotSubmitted",
    "NothingToCorrect",
    "ReviewClosed",
    "ScanAnswer",
    "ScanDraft",
    "StillPending",
    "StillRunning",
    "TimesOutOfRange",
    "WasSeen",
    "approve_shift",
    "close_missing",
    "correct_times",
    "explained",
    "keep_correction",
    "lock_booked_record",
    "mark_absences",
    "open_giveaway",
    "record_scan",
    "rejudge",
    "restore",
    "return_shift",
    "set_manual",
    "submit_shift",
    "void",
]
