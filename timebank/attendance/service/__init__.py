"""The verbs of the door, the review and the approval. They never commit; a door's unit of work does.

Order of locks, always: shift (review, approval), scan key, attendance, points carry by member, member (where a rule
looks at balances or opens accounts), then the ledger's own.
A scan at the door shares the shift with other scans, so that nobody sends or approves the list meanwhile, and takes its
key and its attendance row.
"""

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
from timebank.attendance.service.kiosks import KioskNotNow, close_kiosk, open_kiosk
from timebank.attendance.service.posters import NoPoster, ShiftOver, TooManyPosters, make_poster, revoke_poster
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
from timebank.attendance.service.sheets import (
    NothingToPrint,
    PhotoDraft,
    PhotosFull,
    SheetDraft,
    keep_photo,
    look_at_photo,
    print_sheet,
)
from timebank.attendance.service.shifts import ReviewClosed
from timebank.attendance.service.typing import (
    LinesWrong,
    PageDraft,
    PageTyped,
    PhotoMissing,
    TypedLine,
    TypedPage,
    type_page,
)

__all__ = [
    "AlreadySubmitted",
    "Approved",
    "BeyondShift",
    "ChangedMeanwhile",
    "Correction",
    "FourEyes",
    "KioskNotNow",
    "LinesWrong",
    "ManualEntry",
    "NoPoster",
    "NotSubmitted",
    "NothingToCorrect",
    "NothingToPrint",
    "PageDraft",
    "PageTyped",
    "PhotoDraft",
    "PhotoMissing",
    "PhotosFull",
    "ReviewClosed",
    "ScanAnswer",
    "ScanDraft",
    "SheetDraft",
    "ShiftOver",
    "StillPending",
    "StillRunning",
    "TimesOutOfRange",
    "TooManyPosters",
    "TypedLine",
    "TypedPage",
    "approve_shift",
    "close_kiosk",
    "close_missing",
    "correct_times",
    "explained",
    "keep_correction",
    "keep_photo",
    "lock_booked_record",
    "look_at_photo",
    "make_poster",
    "open_giveaway",
    "open_kiosk",
    "print_sheet",
    "record_scan",
    "rejudge",
    "restore",
    "return_shift",
    "revoke_poster",
    "set_manual",
    "submit_shift",
    "type_page",
    "void",
]
