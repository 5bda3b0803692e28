"""Reads: terms, what is past them and may go, lists, holds, readings of stored packages."""

from timebank.retention.queries.candidates import list_past, spared_why
from timebank.retention.queries.checks import (
    STALE_AFTER,
    Standing,
    list_bad,
    list_standing,
    list_to_check,
    list_unpacked,
)
from timebank.retention.queries.disposals import (
    DisposalNotFound,
    HoldNotFound,
    count_by_kind,
    count_waiting,
    find_proposed,
    get_disposal,
    get_hold,
    hash_now,
    list_disposals,
    list_holds,
    page_items,
    read_items,
)
from timebank.retention.queries.terms import Term, list_terms, months_of, past_before, terms_on

__all__ = [
    "STALE_AFTER",
    "DisposalNotFound",
    "HoldNotFound",
    "Standing",
    "Term",
    "count_by_kind",
    "count_waiting",
    "find_proposed",
    "get_disposal",
    "get_hold",
    "hash_now",
    "list_bad",
    "list_disposals",
    "list_holds",
    "list_past",
    "list_standing",
    "list_terms",
    "list_to_check",
    "list_unpacked",
    "months_of",
    "page_items",
    "past_before",
    "read_items",
    "spared_why",
    "terms_on",
]
