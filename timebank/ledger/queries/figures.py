"""What had come in and gone out on an account by an instant: closing figures and the rows after them.

A closed month says what each account that moved in it had come to, so only open months, and the month of the instant,
are ever read row by row. However long the history, the time is the same.

Each read first finds out where its rows begin (``cut_before``) and keeps to it: on PostgreSQL a close may commit
between two statements, and its month must be read once, as rows or as figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, func, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from timebank.core.clock import month_of, month_range
from timebank.ledger.models import Account, Closing, Entry, Period, Transfer

ALWAYS = "9999-12"  # later than any month

# Built once, which spares SQLAlchemy walking them at every balance.
_PERIOD, _CLOSING = (cast(Table, table.__table__).c for table in (Period, Closing))
_OPEN = (
    select(_PERIOD.id, _PERIOD.month)
    .where(_PERIOD.book_id == bindparam("book_id"), _PERIOD.month <= bindparam("month"))
    .where(_PERIOD.closed_at.is_(None) | (_PERIOD.month == bindparam("month")))
    .order_by(_PERIOD.month)
)
_IN_MONTH = select(_PERIOD.id).where(_PERIOD.book_id == bindparam("book_id"), _PERIOD.month == bindparam("month"))
_CLOSED = (
    select(_CLOSING.posted_in, _CLOSING.posted_out, _CLOSING.movements)
    .where(_CLOSING.account_id == bindparam("account_id"), _CLOSING.month < bindparam("first"))
    .order_by(_CLOSING.month.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What had come in and gone out on an account, holds not counted, in how many movements."""

    posted_in: int = 0
    posted_out: int = 0
    movements: int = 0

    @property
    def balance(self) -> int:
        """What stood there."""
        return self.posted_in - self.posted_out

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.posted_in + other.posted_in, self.posted_out + other.posted_out, self.movements + other.movements
        )

    def __sub__(self, other: Figures) -> Figures:
        return Figures(
            self.posted_in - other.posted_in, self.posted_out - other.posted_out, self.movements - other.movements
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """Where figures end and rows begin: closing figures before ``first``, then the rows of the open periods.

    ``own`` is the period of the month itself, open or closed; none before anything was posted in it.
    """

    first: str
    period_ids: tuple[int, ...]
    own: tuple[int, ...]


def cut_before(session: Session, book_id: int, month: str) -> Cut:
    """The open months before a month, which are read row by row, and the first of them (else ``month`` itself)."""
    found = session.connection().execute(_OPEN, {"book_id": book_id, "month": month}).all()
    before = [row for row in found if row.month != month]
    return Cut(
        first=before[0].month if before else month,
        period_ids=tuple(row.id for row in before),
        own=tuple(row.id for row in found if row.month == month),
    )


def period_of(session: Session, book_id: int, month: str) -> tuple[int, ...]:
    """The period of a month: one, or none before anything was posted in it."""
    return tuple(session.connection().execute(_IN_MONTH, {"book_id": book_id, "month": month}).scalars())


def balance(session: Session, account_id: int, *, at: datetime | None = None) -> int:
    """What stood on an account just before ``at`` (or stands now), holds included, read from its transfers."""
    return figures_at(session, account_id, at).balance


def figures_at(session: Session, account_id: int, at: datetime | None = None) -> Figures:
    """What had come in and gone out on an account just before ``at``, or until now; nothing for an unknown account."""
    account = session.get(Account, account_id)
    if account is None:
        return Figures()
    month = month_of(at) if at is not None else ALWAYS
    cut = cut_before(session, account.book_id, month)
    closed = session.connection().execute(_CLOSED, {"account_id": account_id, "first": cut.first}).one_or_none()
    found = _figures(closed) + rows_of(session, account_id, cut.period_ids)
    if at is None or at == month_range(month)[0]:
        return found
    return found + rows_of(session, account_id, cut.own, Entry.posted_at < at)


def rows_of(session: Session, account_id: int, period_ids: Sequence[int], *narrowed: ColumnElement[bool]) -> Figures:
    """What moved on an account in some periods, row by row; ``narrowed`` by what is known of entries or transfers."""
    if not period_ids:
        return Figures()
    nothing = func.abs(0)
    amount, count = func.coalesce(func.sum(Transfer.amount), 0), func.count()
    sides = union_all(
        _side(Transfer.credit_id, account_id, period_ids, narrowed).with_only_columns(amount, nothing, count),
        _side(Transfer.debit_id, account_id, period_ids, narrowed).with_only_columns(nothing, amount, count),
    )
    both = [_figures(row) for row in session.execute(sides)]
    return both[0] + both[1]


def _side(
    side: InstrumentedAttribute[int],
    account_id: int,
    period_ids: Sequence[int],
    narrowed: Sequence[ColumnElement[bool]],
) -> Select[Any]:
    chosen = select(Transfer.id).where(side == account_id, Transfer.period_id.in_(period_ids), *narrowed)
    return chosen.join(Entry, Entry.id == Transfer.entry_id) if narrowed else chosen


def _figures(row: Row[*tuple[Any, ...]] | None) -> Figures:
    """PostgreSQL sums bigints as Decimal; amounts are whole numbers here."""
    return Figures(*(int(figure) for figure in row)) if row is not None else Figures()
