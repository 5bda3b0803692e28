"""Reads of activities, shifts and sign-ups."""

from timebank.activities.queries.lists import (
    ShiftFilter,
    list_activities_of,
    list_coming,
    list_member_shifts,
    list_month,
    list_own,
    list_own_shifts,
    list_teams,
)
from timebank.activities.queries.shifts import (
    ActivityNotFound,
    ShiftNotFound,
    count_waiting,
    find_clash,
    find_sign_up,
    get_activity,
    get_shift,
    line_position,
    list_changes,
    list_confirmed,
    list_waiting,
    sign_ups_of,
)

__all__ = [
    "ActivityNotFound",
    "ShiftFilter",
    "ShiftNotFound",
    "count_waiting",
    "find_clash",
    "find_sign_up",
    "get_activity",
    "get_shift",
    "line_position",
    "list_activities_of",
    "list_changes",
    "list_coming",
    "list_confirmed",
    "list_member_shifts",
    "list_month",
    "list_own",
    "list_own_shifts",
    "list_teams",
    "list_waiting",
    "sign_ups_of",
]
