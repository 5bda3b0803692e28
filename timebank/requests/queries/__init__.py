"""Reads of requests: one from every side, lists of them, who could do them, and how far a service has come."""

from timebank.requests.queries.counts import DeskCounts, count_desk, count_unrated
from timebank.requests.queries.lists import (
    Wanted,
    list_asked,
    list_invited,
    list_taken,
    page_desk,
    page_open,
)
from timebank.requests.queries.one import (
    RequestNotFound,
    Sides,
    find_by_key,
    get_request,
    is_coordinating,
    list_invitations,
    list_looks,
    list_steps,
    ratings_of,
    requests_of_holds,
    requests_of_records,
    score_of,
    sides_of,
)
from timebank.requests.queries.progress import progress_of_many, service_of
from timebank.requests.queries.shown import Shown, show, show_many
from timebank.requests.queries.suggesting import Suggestion, list_suggestions, why_unsuitable
from timebank.requests.queries.timeline import timeline

__all__ = [
    "DeskCounts",
    "RequestNotFound",
    "Shown",
    "Sides",
    "Suggestion",
    "Wanted",
    "count_desk",
    "count_unrated",
    "find_by_key",
    "get_request",
    "is_coordinating",
    "list_asked",
    "list_invitations",
    "list_invited",
    "list_looks",
    "list_steps",
    "list_suggestions",
    "list_taken",
    "page_desk",
    "page_open",
    "progress_of_many",
    "ratings_of",
    "requests_of_holds",
    "requests_of_records",
    "score_of",
    "service_of",
    "show",
    "show_many",
    "sides_of",
    "timeline",
    "why_unsuitable",
]
