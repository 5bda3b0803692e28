"""Months of a book and their seals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from timebank.core.clock import month_of, next_month
from timebank.ledger.models import Account, Entry, Period, Seal, Transfer


@dataclass(frozen=True, kw_only=True, slots=True)
class PeriodView:
    """A month of a book, whether it is closed, by whom, and its seal."""

    period_id: int
    month: str
    entries: int
    closed_at: datetime | None
    closed_by: str | None
    hash: str | None
    previous_hash: str | None
    signature: str | None
    public_key: str | None
    totals: dict[str, int] | None
    transfer_count: int | None


def list_known_months(session: Session, book_id: int) -> list[str]:
    """The months of a book that hold entries or were closed, newest first."""
    return list(session.scalars(select(Period.month).where(Period.book_id == book_id).order_by(Period.month.desc())))


def list_periods(session: Session, book_id: int) -> list[PeriodView]:
    """The months of a book that hold entries or were closed, newest first."""
    return _views(session, _periods(book_id))


def find_period(session: Session, book_id: int, month: str) -> PeriodView | None:
    """One month of a book with its seal, if any entry or close ever touched it."""
    return next(iter(_views(session, _periods(book_id).where(Period.month == month))), None)


def _periods(book_id: int) -> Select[Period, Seal, int]:
    """Months with their seals, newest first. A seal says how many entries there are; only open months are counted."""
    counted = select(func.count()).where(Entry.period_id == Period.id).scalar_subquery()
    return (
        select(Period, Seal, func.coalesce(Seal.entry_count, counted))
        .outerjoin(Seal, Seal.period_id == Period.id)
        .where(Period.book_id == book_id)
        .order_by(Period.month.desc())
    )


def _views(session: Session, chosen: Select[Period, Seal, int]) -> list[PeriodView]:
    rows = session.execute(chosen.execution_options(populate_existing=True))
    return [_view(period, seal, entries) for period, seal, entries in rows]


def _view(period: Period, seal: Seal | None, entries: int) -> PeriodView:
    return PeriodView(
        period_id=period.id,
        month=period.month,
        entries=entries,
        closed_at=period.closed_at,
        closed_by=period.closed_by_name,
        hash=seal.hash if seal else None,
        previous_hash=seal.previous_hash if seal else None,
        signature=seal.signature if seal else None,
        public_key=seal.public_key if seal else None,
        totals=seal.totals if seal else None,
        transfer_count=seal.transfer_count if seal else None,
    )


def closed_months(session: Session, book_id: int) -> list[str]:
    """The closed months of a book, oldest first."""
    return list(
        session.scalars(
            select(Period.month).where(Period.book_id == book_id, Period.closed_at.is_not(None)).order_by(Period.month)
        )
    )


def first_month(session: Session, account_ids: Collection[int]) -> str | None:
    """The month in which the first of these accounts moved; None where none ever did."""
    moved = or_(
        *(
            exists().where(side == Account.id, Transfer.period_id == Period.id)
            for side in (Transfer.debit_id, Transfer.credit_id)
        )
    )
    within = select(func.min(Period.month)).join(Account, Account.book_id == Period.book_id)
    return session.scalar(within.where(Account.id.in_(account_ids), moved))


def months_to_close(session: Session, book_id: int, *, now: datetime) -> list[str]:
    """The months that are over but not closed, oldest first, from the first month of the book, gaps included."""
    first = session.scalar(select(func.min(Period.month)).where(Period.book_id == book_id))
    closed = set(closed_months(session, book_id))
    months, month = [], first or month_of(now)
    while month < month_of(now):
        if month not in closed:
            months.append(month)
        month = next_month(month)
    return months
