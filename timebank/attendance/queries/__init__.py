"""Reads of scans and attendance: for the door, for the review, for desks, cards and reports."""

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
from timebank.attendance.queries.door import DoorCounts, Latest, door_counts, find_ground, hold_ground, list_latest
from timebank.attendance.queries.flags import Flags, find_own_hand, list_flags, list_hands
from timebank.attendance.queries.policy import policy_of
from timebank.attendance.queries.roster import RosterLine, find_roster_line, list_roster, list_scans, search_members
from timebank.attendance.queries.shifts import (
    HeldBack,
    ShiftCard,
    find_approval,
    list_approved,
    list_held,
    list_rounds,
    list_unrecorded,
    list_waiting_approval,
    list_waiting_review,
    standing_of,
)
from timebank.attendance.queries.totals import (
    MemberTotals,
    MonthTotals,
    member_totals,
    month_totals,
    month_totals_by_branch,
)

__all__ = [
    "MANUAL",
    "MINUTES",
    "POINTS",
    "SIGNED",
    "SOURCE",
    "UNOPENED",
    "DoorCounts",
    "Flags",
    "HeldBack",
    "Latest",
    "MemberTotals",
    "MonthTotals",
    "RecordChange",
    "RosterLine",
    "ShiftCard",
    "coins_of_day",
    "door_counts",
    "find_approval",
    "find_booked_record",
    "find_ground",
    "find_own_hand",
    "find_roster_line",
    "hold_ground",
    "list_approved",
    "list_flags",
    "list_hands",
    "list_held",
    "list_latest",
    "list_roster",
    "list_rounds",
    "list_scans",
    "list_unrecorded",
    "list_waiting_approval",
    "list_waiting_review",
    "may_give_away",
    "member_totals",
    "month_totals",
    "month_totals_by_branch",
    "plan_correction",
    "policy_of",
    "search_members",
    "standing_of",
    "with_corrections",
]
