"""Reads of people: one person, lists of them, their roles, cards and teams."""

from timebank.members.queries.cards import BadPersonalCode, CardRevoked, find_card, find_member_by_code
from timebank.members.queries.people import (
    MemberFilter,
    MemberNotActive,
    MemberNotFound,
    count_by_status,
    count_pending,
    find_member_by_number,
    find_twin,
    get_active_member,
    get_member,
    list_active_members,
    list_candidates,
    list_members,
    list_names,
)
from timebank.members.queries.private import list_accesses, list_consents, open_field
from timebank.members.queries.roles import (
    count_administrators,
    get_grant,
    list_grants,
    list_grants_at,
    list_grants_of,
    list_staff,
    resolve_grants,
)
from timebank.members.queries.teams import TeamNotFound, get_team, list_teams, list_teams_of

__all__ = [
    "BadPersonalCode",
    "CardRevoked",
    "MemberFilter",
    "MemberNotActive",
    "MemberNotFound",
    "TeamNotFound",
    "count_administrators",
    "count_by_status",
    "count_pending",
    "find_card",
    "find_member_by_code",
    "find_member_by_number",
    "find_twin",
    "get_active_member",
    "get_grant",
    "get_member",
    "get_team",
    "list_accesses",
    "list_active_members",
    "list_candidates",
    "list_consents",
    "list_grants",
    "list_grants_at",
    "list_grants_of",
    "list_members",
    "list_names",
    "list_staff",
    "list_teams",
    "list_teams_of",
    "open_field",
    "resolve_grants",
]
