"""What every account of a book had come to by an instant, in a few statements however many accounts there are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from timebank.core.clock import month_of, month_range
from timebank.ledger.models import Closing, Entry, Transfer
from timebank.ledger.queries.figures import ALWAYS, Figures, cut_before


def standing_at(
    session: Session, book_id: int, at: datetime | None = None, *, accounts: Select[int] | None = None
) -> dict[int, Figures]:
    """What had come in and gone out on each account just before ``at``, or until now; only accounts that had moved.

    All accounts of the book, or those whose ids ``accounts`` selects.
    Closing figures, the rows of open months before the month of ``at``, and the rows of that month before ``at``.
    """
    month = month_of(at) if at is not None else ALWAYS
    cut = cut_before(session, book_id, month)
    rows: list[ColumnElement[bool]] = [Entry.period_id.in_(cut.period_ids)] if cut.period_ids else []
    if at is not None and cut.own and at != month_range(month)[0]:
        rows.append(Entry.period_id.in_(cut.own) & (Entry.posted_at < at))
    parts = [_closed(book_id, cut.first, accounts), *([_rows(or_(*rows), accounts)] if rows else [])]
    found: dict[int, Figures] = {}
    for part in parts:
        for account_id, *figures in session.execute(part):
            found[account_id] = found.get(account_id, Figures()) + Figures(*(int(figure) for figure in figures))
    return found


def _closed(book_id: int, first: str, accounts: Select[int] | None) -> Select[*tuple[Any, ...]]:
    """The latest closing figures of each account before a month."""
    last = (
        select(Closing.account_id, func.max(Closing.month).label("month"))
        .where(Closing.book_id == book_id, Closing.month < first, *_within(Closing.account_id, accounts))
        .group_by(Closing.account_id)
        .subquery()
    )
    figures: tuple[Any, ...] = (Closing.posted_in, Closing.posted_out, Closing.movements)
    return select(Closing.account_id, *figures).join(
        last, (last.c.account_id == Closing.account_id) & (last.c.month == Closing.month)
    )


def _within(account: InstrumentedAttribute[int], accounts: Select[int] | None) -> list[ColumnElement[bool]]:
    return [account.in_(accounts)] if accounts is not None else []


def _rows(wanted: ColumnElement[bool], accounts: Select[int] | None) -> Select[Any]:
    """What moved on each account in the entries that are wanted, row by row."""
    nothing = func.abs(0)

    def side(account: Any, came: Any, went: Any) -> Select[Any]:
        return (
            select(account.label("account_id"), came.label("came"), went.label("went"))
            .select_from(Transfer)
            .join(Entry, Entry.id == Transfer.entry_id)
            .where(wanted, *_within(account, accounts))
        )

    legs = union_all(
        side(Transfer.credit_id, Transfer.amount, nothing), side(Transfer.debit_id, nothing, Transfer.amount)
    ).subquery("leg")
    return select(legs.c.account_id, func.sum(legs.c.came), func.sum(legs.c.went), func.count()).group_by(
        legs.c.account_id
    )
