"""Reads of 争议."""

from timebank.disputes.queries.cases import (
    Case,
    DisputeNotFound,
    finals_of,
    find_by_key,
    find_of_order,
    find_ruling_by_key,
    find_statement_by_key,
    find_waiting_ruling,
    get_case,
    get_dispute,
    has_spoken,
    is_alive,
    list_open,
    list_open_everywhere,
    opened_before,
    page_ended,
)
from timebank.disputes.queries.involved import list_deciders, why_involved
from timebank.disputes.queries.looking import Effect, Look, look, share_of

__all__ = [
    "Case",
    "DisputeNotFound",
    "Effect",
    "Look",
    "finals_of",
    "find_by_key",
    "find_of_order",
    "find_ruling_by_key",
    "find_statement_by_key",
    "find_waiting_ruling",
    "get_case",
    "get_dispute",
    "has_spoken",
    "is_alive",
    "list_deciders",
    "list_open",
    "list_open_everywhere",
    "look",
    "opened_before",
    "page_ended",
    "share_of",
    "why_involved",
]
