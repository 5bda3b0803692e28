"""The verbs of the door, the review and the approval. They never commit; a door's unit of work does.

Order of locks, always: shift (review, approval), scan key, attendance, points carry by member, member (where a rule
looks at balances or opens accounts), then the ledger's own.
A scan at the door shares the shift with other scans, so that nobody sends or approves the list meanwhile, and takes its
key and its attendance row.
"""

from timebank.attendance.service.approval import Approved, Yes, approve_shift, return_shift, submit_shift
from timebank.attendance.service.correcting import keep_correction, lock_booked_record, open_giveaway
from timebank.attendance.service.refusals import (
    AlreadySubmitted,
    BeyondShift,
    ChangedMeanwhile,
    FourEyes,
    NobodyChosen,
    NoHeldReason,
    NothingToSend,
    NotSubmitted,
    StillPending,
    StillRunning,
    TwoPeople,
)
from timebank.attendance.service.reminding import remind_branch
from timebank.attendance.service.review import (
    Correction,
    ManualEntry,
    NotBackdated,
    NotHeld,
    NothingToCorrect,
    TimesOutOfRange,
    close_missing,
    correct_times,
    enter_backdated,
    keep_held,
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
    "NoHeldReason",
    "NobodyChosen",
    "NotBackdated",
    "NotHeld",
    "NotSubmitted",
    "NothingToCorrect",
    "NothingToSend",
    "ReviewClosed",
    "ScanAnswer",
    "ScanDraft",
    "StillPending",
    "StillRunning",
    "TimesOutOfRange",
    "TwoPeople",
    "Yes",
    "approve_shift",
    "close_missing",
    "correct_times",
    "enter_backdated",
    "explained",
    "keep_correction",
    "keep_held",
    "lock_booked_record",
    "open_giveaway",
    "record_scan",
    "rejudge",
    "remind_branch",
    "restore",
    "return_shift",
    "set_manual",
    "submit_shift",
    "void",
]
