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
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    func,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from timebank.core.clock import month_of, month_range
from timebank.ledger.models import Account, Closing, Entry, Period, Transfer

ALWAYS = "9999-12"  # later than any month

# Statements are built once: building them anew took longer than the database did.
TRANSFER, ENTRY, PERIOD, CLOSING = (cast(Table, model.__table__).c for model in (Transfer, Entry, Period, Closing))
_OF_BOOK = select(PERIOD.id, PERIOD.month).where(PERIOD.book_id == bindparam("book_id"))
# Two halves, each with an index: with an OR every closed month of a book was looked through.
_OPEN = (
    _OF_BOOK.where(PERIOD.month <= bindparam("month"), PERIOD.closed_at.is_(None))
    .union_all(_OF_BOOK.where(PERIOD.month == bindparam("month"), PERIOD.closed_at.is_not(None)))
    .order_by("month")
)
_IN_MONTH = select(PERIOD.id).where(PERIOD.book_id == bindparam("book_id"), PERIOD.month == bindparam("month"))
_CLOSED = (
    select(CLOSING.posted_in, CLOSING.posted_out, CLOSING.movements)
    .where(CLOSING.account_id == bindparam("account_id"), CLOSING.month < bindparam("first"))
    .order_by(CLOSING.month.desc())
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
class Within:
    """Which rows of some periods: those posted in ``[start, end)``, with ids below a transfer's. None is no bound."""

    start: datetime | None = None
    end: datetime | None = None
    below: int | None = None

    @property
    def bounds(self) -> dict[str, Any]:
        """The bounds there are, by name."""
        every = {"start": self.start, "end": self.end, "below": self.below}
        return {name: bound for name, bound in every.items() if bound is not None}

    @property
    def shape(self) -> frozenset[str]:
        """Which bounds there are: statements are built once for each."""
        return frozenset(self.bounds)


ALL_ROWS = Within()
_INSTANTS = frozenset({"start", "end"})


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
    return found + rows_of(session, account_id, cut.own, Within(end=at))


def rows_of(session: Session, account_id: int, period_ids: Sequence[int], within: Within = ALL_ROWS) -> Figures:
    """What moved on an account in some periods, row by row."""
    if not period_ids:
        return Figures()
    given = {"account_id": account_id, "period_ids": list(period_ids), **within.bounds}
    came, went = session.connection().execute(_sums(within.shape), given)
    return _figures(came) + _figures(went)


@cache
def _sums(shape: frozenset[str]) -> CompoundSelect[Any]:
    nothing = func.abs(0)
    amount, count = func.coalesce(func.sum(TRANSFER.amount), 0), func.count()
    return union_all(
        side(TRANSFER.credit_id, shape).with_only_columns(amount, nothing, count),
        side(TRANSFER.debit_id, shape).with_only_columns(nothing, amount, count),
    )


def the_account(shape: frozenset[str]) -> BindParameter[int]:
    """The account asked for.

    Between instants it is written into the statement, as the periods are. PostgreSQL plans a statement that came often
    for just any account, so for few rows, and would look up thousands of entries of the hot account one by one.
    """
    return bindparam("account_id", type_=TRANSFER.id.type, literal_execute=bool(shape & _INSTANTS))


def side(column: ColumnElement[int], shape: frozenset[str], *, newest: bool = False) -> Select[Any]:
    """The ids of transfers to an account or from it: binds ``account_id``, ``period_ids`` and the bounds in ``shape``.

    Entries stand in the periods of their transfers. Told so, PostgreSQL reads those months of entries at most. Where
    only the ``newest`` are wanted it is told in a way that it cannot count with: taking month and instants for two
    things, it expects a handful of entries where there are thousands, and would begin with them.
    """
    between = bool(shape & _INSTANTS)
    periods: BindParameter[Any] = bindparam("period_ids", expanding=True, literal_execute=between)
    chosen = select(TRANSFER.id).where(column == the_account(shape), TRANSFER.period_id.in_(periods))
    if between:
        entries = cast(Table, Entry.__table__)
        same = ENTRY.period_id == TRANSFER.period_id + 0 if newest else ENTRY.period_id.in_(periods)
        chosen = chosen.join(entries, and_(ENTRY.id == TRANSFER.entry_id, same))
    limits = {
        "start": ENTRY.posted_at >= bindparam("start"),
        "end": ENTRY.posted_at < bindparam("end"),
        "below": TRANSFER.id < bindparam("below"),
    }
    return chosen.where(*(limit for name, limit in limits.items() if name in shape))


def _figures(row: Row[*tuple[Any, ...]] | None) -> Figures:
    """PostgreSQL sums bigints as Decimal; amounts are whole numbers here."""
    return Figures(*(int(figure) for figure in row)) if row is not None else Figures()
