"""Months of a book: which one a posting goes to, and closing one for ever.

Posting and closing exclude each other through the period's row: a posting holds it shared until it commits, a close
takes it alone. So a close waits for postings in flight, and later postings find the month closed and take the next.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.clock import month_of, month_range, next_month
from timebank.core.db import insert_once
from timebank.core.errors import Conflict
from timebank.core.keys import Keys
from timebank.ledger.models import Period, Seal
from timebank.ledger.sealing import chain_head, seal_row


class MonthNotOver(Conflict):
    """The month still runs."""

    code = "ledger.month_not_over"
    text = "{month} 还没有过完，要到下个月才能结账。"


class EarlierMonthOpen(Conflict):
    """An earlier month is still open; months close in order."""

    code = "ledger.earlier_month_open"
    text = "{month} 还没有结账。请先结这个月，再结后面的月份。"


def open_period(session: Session, book_id: int, *, now: datetime) -> int:
    """The id of the month that takes postings at ``now``, held open until this transaction ends.

    That is the calendar month of ``now``, or the first month after it that is not closed.
    """
    month = month_of(now)
    while True:
        period = _shared(session, book_id, month)
        if period is None:
            session.execute(insert_once(session, Period).values(book_id=book_id, month=month))
            period = _shared(session, book_id, month)
        if period is not None and period.closed_at is None:
            return period.id
        month = next_month(month)


def _shared(session: Session, book_id: int, month: str):  # type: ignore[no-untyped-def]
    return session.execute(
        select(Period.id, Period.closed_at)
        .where(Period.book_id == book_id, Period.month == month)
        .with_for_update(read=True)
    ).one_or_none()


def close_period(session: Session, book_id: int, month: str, *, actor: Actor, keys: Keys, now: datetime) -> Seal:
    """Close a month and seal it; a closed month gives its seal again. Raises MonthNotOver, EarlierMonthOpen."""
    if now < month_range(month)[1]:
        raise MonthNotOver(month=month)
    session.execute(insert_once(session, Period).values(book_id=book_id, month=month))
    period = session.scalars(
        select(Period)
        .where(Period.book_id == book_id, Period.month == month)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if period.closed_at is not None:
        return session.get_one(Seal, period.id)
    _refuse_gaps(session, book_id, month)
    period.closed_at, period.closed_by_id, period.closed_by_name = now, actor.member_id, actor.name
    session.flush()
    row = seal_row(session, period, chain_head(session, book_id), keys=keys, now=now)
    session.execute(insert(Seal).values(row))
    return session.get_one(Seal, period.id)


def _refuse_gaps(session: Session, book_id: int, month: str) -> None:
    earlier = session.scalar(
        select(Period.month)
        .where(Period.book_id == book_id, Period.month < month, Period.closed_at.is_(None))
        .order_by(Period.month)
        .limit(1)
    )
    if earlier is not None:
        raise EarlierMonthOpen(month=earlier)
