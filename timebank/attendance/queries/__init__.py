"""Reads of scans and attendance: for the door, for the review, for desks, cards and reports."""

from timebank.attendance.queries.door import DoorCounts, Latest, door_counts, find_ground, list_latest
from timebank.attendance.queries.roster import (
    Flags,
    RosterLine,
    find_attendance,
    find_roster_line,
    list_flags,
    list_roster,
    list_scans,
    search_members,
)
from timebank.attendance.queries.shifts import (
    ShiftCard,
    find_approval,
    list_approved,
    list_door_shifts,
    list_waiting_approval,
    list_waiting_review,
)
from timebank.attendance.queries.totals import (
    MemberTotals,
    MonthTotals,
    list_member_attendance,
    member_totals,
    month_totals,
)

__all__ = [
    "DoorCounts",
    "Flags",
    "Latest",
    "MemberTotals",
    "MonthTotals",
    "RosterLine",
    "ShiftCard",
    "door_counts",
    "find_approval",
    "find_attendance",
    "find_ground",
    "find_roster_line",
    "list_approved",
    "list_door_shifts",
    "list_flags",
    "list_latest",
    "list_member_attendance",
    "list_roster",
    "list_scans",
    "list_waiting_approval",
    "list_waiting_review",
    "member_totals",
    "month_totals",
    "search_members",
]
