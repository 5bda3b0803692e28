"""The verbs of the ledger. They never commit; a door's unit of work does.

Order of locks, always: period, key (the entry or hold row), accounts by id. So no two postings can wait for each other.
"""

from timebank.ledger.rules import EntryDraft, TransferDraft
from timebank.ledger.service.accounts import AccountClosed, NotEnough, close_account, open_account, open_book
from timebank.ledger.service.entries import AlreadyReversed, EntryNotFound, KeyReused, Posted, post, post_many, reverse
from timebank.ledger.service.holds import (
    HoldDraft,
    HoldEnded,
    HoldTooSmall,
    expire_holds,
    hold,
    post_hold,
    void_hold,
)
from timebank.ledger.service.periods import EarlierMonthOpen, MonthNotOver, close_period, open_period

__all__ = [
    "AccountClosed",
    "AlreadyReversed",
    "EarlierMonthOpen",
    "EntryDraft",
    "EntryNotFound",
    "HoldDraft",
    "HoldEnded",
    "HoldTooSmall",
    "KeyReused",
    "MonthNotOver",
    "NotEnough",
    "Posted",
    "TransferDraft",
    "close_account",
    "close_period",
    "expire_holds",
    "hold",
    "open_account",
    "open_book",
    "open_period",
    "post",
    "post_hold",
    "post_many",
    "reverse",
    "void_hold",
]
