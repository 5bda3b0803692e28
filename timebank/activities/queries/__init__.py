"""Reads of activities, shifts and sign-ups."""

from timebank.activities.queries.limits import find_limits, list_limit_rules
from timebank.activities.queries.lists import (
    Scope,
    ShiftFilter,
    list_coming,
    list_drafts,
    list_member_shifts,
    list_month,
    list_shifts,
)
from timebank.activities.queries.people import PersonNotFound, find_person
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
    list_left,
    list_offered,
    list_unsettled,
    list_waiting,
    sign_ups_of,
)

__all__ = [
    "ActivityNotFound",
    "PersonNotFound",
    "Scope",
    "ShiftFilter",
    "ShiftNotFound",
    "count_waiting",
    "find_clash",
    "find_limits",
    "find_person",
    "find_sign_up",
    "get_activity",
    "get_shift",
    "line_position",
    "list_changes",
    "list_coming",
    "list_confirmed",
    "list_drafts",
    "list_left",
    "list_limit_rules",
    "list_member_shifts",
    "list_month",
    "list_offered",
    "list_shifts",
    "list_unsettled",
    "list_waiting",
    "sign_ups_of",
]
