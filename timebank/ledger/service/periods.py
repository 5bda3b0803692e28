"""Months of a book: which one a posting goes to, and closing one for ever, with what each account had come to.

Posting and closing exclude each other through the period's row: a posting holds it shared until it commits, a close
takes it alone. So a close waits for postings in flight, and later postings find the month closed and take the next.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, func, insert, select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.clock import month_of, month_range, next_month
from timebank.core.db import insert_once
from timebank.core.errors import Conflict
from timebank.core.keys import Keys
from timebank.ledger.models import Period, Seal
from timebank.ledger.sealing import chain_head, seal_row
from timebank.ledger.service.closings import CLOSE_FIGURES

_PERIOD = cast(Table, Period.__table__).c
_SHARED = (  # built once, which spares SQLAlchemy walking it at every posting
    select(_PERIOD.id, _PERIOD.closed_at)
    .where(_PERIOD.book_id == bindparam("book_id"), _PERIOD.month == bindparam("month"))
    .with_for_update(read=True)
)


class MonthNotOver(Conflict):
    """The month still runs."""

    code = "ledger.month_not_over"
    text = "{month} 还没有过完，要到下个月才能结账。"


class EarlierMonthOpen(Conflict):
    """An earlier month is still open; months close in order."""

    code = "ledger.earlier_month_open"
    text = "{month} 还没有结账。请先结这个月，再结后面的月份。"


class LaterMonthClosed(Conflict):
    """A later month is closed already; a seal cannot be put in before another."""

    code = "ledger.later_month_closed"
    text = "{later} 已经结账，不能再回头结 {month}。晚到的账会记到下一个没有结的月份。"


@dataclass(frozen=True, slots=True)
class OpenPeriod:
    """A month that takes postings, and when it begins: nothing in it was posted before."""

    id: int
    starts_at: datetime


def open_period(session: Session, book_id: int, *, now: datetime) -> OpenPeriod:
    """The month that takes postings at ``now``, held open until this transaction ends.

    That is the calendar month of ``now``, or the month after the last closed one where that is later: for a posting
    that waited while its month was closed, or a clock that runs behind.
    """
    month = month_of(now)
    while True:
        wanted = {"book_id": book_id, "month": month}
        period = session.connection().execute(_SHARED, wanted).one_or_none()
        if period is None:
            month = max(month, _month_after_the_closed(session, book_id))
            session.execute(insert_once(session, Period).values(book_id=book_id, month=month))
        elif period.closed_at is not None:
            month = next_month(month)
        else:
            return OpenPeriod(int(period.id), month_range(month)[0])


def common_instant(session: Session, book_ids: Collection[int], *, now: datetime) -> datetime:
    """``now``, or the start of the first later month that is open in every one of these books.

    For events that stand in several books: posted at this instant they stand in the same month of each. The months stay
    open until this transaction ends. Books are taken in id order, as postings do.
    """
    at = now
    while True:
        starts = [open_period(session, book_id, now=at).starts_at for book_id in sorted(book_ids)]
        if max(starts) <= at:
            return at
        at = max(starts)


def _month_after_the_closed(session: Session, book_id: int) -> str:
    """Where the last closed month leads; a clock that runs behind must not open a month before it."""
    last = session.scalar(
        select(func.max(Period.month)).where(Period.book_id == book_id, Period.closed_at.is_not(None))
    )
    return next_month(last) if last else ""


def close_period(session: Session, book_id: int, month: str, *, actor: Actor, keys: Keys, now: datetime) -> Seal:
    """Close a month and seal it; a closed month gives its seal again.

    Raises MonthNotOver, EarlierMonthOpen, LaterMonthClosed.
    """
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
    session.execute(CLOSE_FIGURES, {"book_id": book_id, "period_id": period.id, "month": month})
    row = seal_row(session, period, chain_head(session, book_id), keys=keys, now=now)
    session.execute(insert(Seal).values(row))
    return session.get_one(Seal, period.id)


def _refuse_gaps(session: Session, book_id: int, month: str) -> None:
    """Months close one after another, the empty ones too, so that each seal follows the month before."""
    known = session.execute(
        select(Period.month, Period.closed_at).where(Period.book_id == book_id).order_by(Period.month)
    ).all()
    closed = [row.month for row in known if row.closed_at is not None]
    if closed and closed[-1] > month:
        raise LaterMonthClosed(month=month, later=closed[-1])
    expected = next_month(closed[-1]) if closed else known[0].month
    if expected < month:
        raise EarlierMonthOpen(month=expected)
