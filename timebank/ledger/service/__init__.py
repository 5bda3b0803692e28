"""The verbs of the ledger. They never commit; a door's unit of work does.

A refusal can come after part of a verb was written (an entry's row is what holds its key). So let refusals end the unit
of work, as doors do; who wants to go on after one wraps the verb in ``session.begin_nested()``.

Order of locks: the hold that is to end, period, batch of the book, key of the entry, accounts by id. A hold that is
placed locks its account, then its key. So no two postings can wait for each other.
"""

from timebank.ledger.rules import EntryDraft, TransferDraft
from timebank.ledger.service.accounts import (
    AccountClosed,
    AccountNotEmpty,
    AccountNotFound,
    BelowFloor,
    NotEnough,
    close_account,
    lock_accounts,
    open_account,
    open_accounts,
    open_book,
)
from timebank.ledger.service.entries import AlreadyReversed, EntryNotFound, KeyReused, Posted, post, post_many
from timebank.ledger.service.holds import (
    HoldDraft,
    HoldEnded,
    HoldNotFound,
    HoldTooSmall,
    NotFromHold,
    expire_holds,
    hold,
    post_hold,
    void_hold,
)
from timebank.ledger.service.lines import LineDraft, decide_line
from timebank.ledger.service.periods import (
    EarlierMonthOpen,
    LaterMonthClosed,
    MonthNotOver,
    close_period,
    common_instant,
)
from timebank.ledger.service.reversing import (
    Correcting,
    OneHand,
    OneSided,
    Reversal,
    Reversed,
    reverse,
    reverse_across,
)

__all__ = [
    "AccountClosed",
    "AccountNotEmpty",
    "AccountNotFound",
    "AlreadyReversed",
    "BelowFloor",
    "Correcting",
    "EarlierMonthOpen",
    "EntryDraft",
    "EntryNotFound",
    "HoldDraft",
    "HoldEnded",
    "HoldNotFound",
    "HoldTooSmall",
    "KeyReused",
    "LaterMonthClosed",
    "LineDraft",
    "MonthNotOver",
    "NotEnough",
    "NotFromHold",
    "OneHand",
    "OneSided",
    "Posted",
    "Reversal",
    "Reversed",
    "TransferDraft",
    "close_account",
    "close_period",
    "common_instant",
    "decide_line",
    "expire_holds",
    "hold",
    "lock_accounts",
    "open_account",
    "open_accounts",
    "open_book",
    "post",
    "post_hold",
    "post_many",
    "reverse",
    "reverse_across",
    "void_hold",
]
