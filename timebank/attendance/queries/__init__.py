"""Reads of scans and attendance: for the door, for the review, for desks, cards and reports."""

from timebank.attendance.queries.conflicts import (
    CaseLine,
    DayScan,
    Elsewhere,
    OpenShift,
    count_open_cases,
    list_booked_with_cases,
    list_cases,
    list_day_scans,
    list_elsewhere,
    list_open_shifts,
    list_unread,
)
from timebank.attendance.queries.corrected import (
    MANUAL,
    MINUTES,
    POINTS,
    SIGNED,
    with_corrections,
)
from timebank.attendance.queries.correcting import (
    UNOPENED,
    RecordChange,
    find_booked_record,
    may_give_away,
    plan_correction,
)
from timebank.attendance.queries.days import SOURCE, coins_of_day
from timebank.attendance.queries.door import (
    DoorCounts,
    Latest,
    door_counts,
    find_ground,
    hold_ground,
    hold_shift,
    list_latest,
)
from timebank.attendance.queries.flags import Flags, find_own_hand, list_flags
from timebank.attendance.queries.policy import policy_of
from timebank.attendance.queries.roster import RosterLine, find_roster_line, list_roster, list_scans, search_members
from timebank.attendance.queries.shifts import (
    ShiftCard,
    find_approval,
    list_approved,
    list_gate_shifts,
    list_waiting_approval,
    list_waiting_review,
)
from timebank.attendance.queries.totals import (
    MemberTotals,
    MonthTotals,
    member_totals,
    month_totals,
    month_totals_by_branch,
)
from timebank.attendance.queries.uploads import UploadAnswer, list_answers

__all__ = [
    "MANUAL",
    "MINUTES",
    "POINTS",
    "SIGNED",
    "SOURCE",
    "UNOPENED",
    "CaseLine",
    "DayScan",
    "DoorCounts",
    "Elsewhere",
    "Flags",
    "Latest",
    "MemberTotals",
    "MonthTotals",
    "OpenShift",
    "RecordChange",
    "RosterLine",
    "ShiftCard",
    "UploadAnswer",
    "coins_of_day",
    "count_open_cases",
    "door_counts",
    "find_approval",
    "find_booked_record",
    "find_ground",
    "find_own_hand",
    "find_roster_line",
    "hold_ground",
    "hold_shift",
    "list_answers",
    "list_approved",
    "list_booked_with_cases",
    "list_cases",
    "list_day_scans",
    "list_elsewhere",
    "list_flags",
    "list_gate_shifts",
    "list_latest",
    "list_open_shifts",
    "list_roster",
    "list_scans",
    "list_unread",
    "list_waiting_approval",
    "list_waiting_review",
    "may_give_away",
    "member_totals",
    "month_totals",
    "month_totals_by_branch",
    "plan_correction",
    "policy_of",
    "search_members",
    "with_corrections",
]
