"""The verbs of the door, the review and the approval. They never commit; a door's unit of work does.

Order of locks, always: shift (review, approval), scan key, attendance, points carry by member, member (where a rule
looks at balances or opens accounts), then the ledger's own.
A scan at the door shares the shift with other scans, so that nobody sends or approves the list meanwhile, and takes its
key and its attendance row. A batch of scans does so member by member, by id; a decision takes its cases, by id, first.
"""

from timebank.attendance.service.absences import WasSeen, mark_absences
from timebank.attendance.service.approval import Approved, Yes, approve_shift, return_shift, submit_shift
from timebank.attendance.service.cases import (
    CaseDecided,
    CasesOpen,
    Decision,
    ListWaiting,
    NoAccount,
    NoSuchCase,
    decide_cases,
)
from timebank.attendance.service.correcting import keep_correction, lock_booked_record, open_giveaway
from timebank.attendance.service.judged import judgement_of
from timebank.attendance.service.kiosks import KioskNotNow, close_kiosk, open_kiosk
from timebank.attendance.service.posters import NoPoster, ShiftOver, TooManyPosters, make_poster, revoke_poster
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
    OvertimeDraft,
    TimesOutOfRange,
    close_missing,
    confirm_overtime,
    correct_times,
    enter_backdated,
    keep_held,
    rejudge,
    restore,
    set_manual,
    void,
)
from timebank.attendance.service.scans import ScanAnswer, ScanDraft, explained, record_scan
from timebank.attendance.service.sheets import (
    NothingToPrint,
    PhotoDestroyed,
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
from timebank.attendance.service.uploads import Batch, UploadedScan, record_batch

__all__ = [
    "AlreadySubmitted",
    "Approved",
    "Batch",
    "BeyondShift",
    "CaseDecided",
    "CasesOpen",
    "ChangedMeanwhile",
    "Correction",
    "Decision",
    "FourEyes",
    "KioskNotNow",
    "LinesWrong",
    "ListWaiting",
    "ManualEntry",
    "NoAccount",
    "NoHeldReason",
    "NoPoster",
    "NoSuchCase",
    "NobodyChosen",
    "NotBackdated",
    "NotHeld",
    "NotSubmitted",
    "NothingToCorrect",
    "NothingToPrint",
    "NothingToSend",
    "OvertimeDraft",
    "PageDraft",
    "PageTyped",
    "PhotoDestroyed",
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
    "TwoPeople",
    "TypedLine",
    "TypedPage",
    "UploadedScan",
    "WasSeen",
    "Yes",
    "approve_shift",
    "close_kiosk",
    "close_missing",
    "confirm_overtime",
    "correct_times",
    "decide_cases",
    "enter_backdated",
    "explained",
    "judgement_of",
    "keep_correction",
    "keep_held",
    "keep_photo",
    "lock_booked_record",
    "look_at_photo",
    "make_poster",
    "mark_absences",
    "open_giveaway",
    "open_kiosk",
    "print_sheet",
    "record_batch",
    "record_scan",
    "rejudge",
    "remind_branch",
    "restore",
    "return_shift",
    "revoke_poster",
    "set_manual",
    "submit_shift",
    "type_page",
    "void",
]
