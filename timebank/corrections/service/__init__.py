"""The verbs of 更正. They never commit; a door's unit of work does.

Order of locks: the entry's name (one correction at a time), its record or order, the member's carry, the members
concerned by id, the ledger's own.
"""

from timebank.corrections.service.asking import CorrectionDraft, Deciders, ask, book_decided, lock_entry, withdraw
from timebank.corrections.service.deciding import approve, decline
from timebank.corrections.service.requests import RequestOpen, decline_request, request_check

__all__ = [
    "CorrectionDraft",
    "Deciders",
    "RequestOpen",
    "approve",
    "ask",
    "book_decided",
    "decline",
    "decline_request",
    "lock_entry",
    "request_check",
    "withdraw",
]
