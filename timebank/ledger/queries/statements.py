"""Statements over a range, newest first, page after page, each line with the balance after it.

A page begins after a line, not at a number: so the last page of ten years costs what the first does. Months without a
movement of the account are stepped over by its closing figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, Subquery, Table, and_, bindparam, case, select, union_all
from sqlalchemy.orm import Session

from timebank.core.clock import is_month, month_of, month_range, next_month
from timebank.ledger.models import Account, Closing, Entry, Period, Transfer
from timebank.ledger.queries.figures import (
    ALWAYS,
    CLOSING,
    ENTRY,
    PERIOD,
    TRANSFER,
    Figures,
    Within,
    cut_before,
    figures_at,
    period_of,
    rows_of,
    side,
    the_account,
)

_TRANSFERS, _ENTRIES, _PERIODS, _CLOSINGS, _ACCOUNTS = (
    cast(Table, model.__table__) for model in (Transfer, Entry, Period, Closing, Account)
)
_MAX_ID_DIGITS = 18  # any id of a 64-bit column


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLine:
    """One movement on an account; ``amount`` is above zero when something came in.

    ``place`` names the line for ever: another movement never has it.
    """

    place: str
    entry_id: int
    kind: str
    source_type: str
    source_id: int | None
    actor_id: int | None
    for_member_id: int | None
    occurred_at: datetime
    posted_at: datetime
    amount: int
    balance: int
    other_id: int
    other: str
    rule: str | None
    facts: dict[str, Any]
    reverses_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementPage:
    """Some movements of a range, newest first.

    ``opening`` and ``closing`` are the balances at the two ends of the range, ``came`` and ``went`` what moved between
    them in ``count`` movements; ``older`` leads to the next page and is empty on the last.
    """

    lines: list[StatementLine]
    opening: int
    closing: int
    came: int
    went: int
    count: int
    older: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a statement ended: the month and the transfer of its last line."""

    month: str
    transfer_id: int

    def __str__(self) -> str:
        return f"{self.month}.{self.transfer_id}"


def read_place(text: str) -> Place | None:
    """The place that ``str(place)`` wrote; None for anything else."""
    month, _, number = text.partition(".")
    if not is_month(month) or not number.isascii() or not number.isdigit() or len(number) > _MAX_ID_DIGITS:
        return None
    return Place(month, int(number))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Range:
    """An account, and the instants between which its movements are wanted."""

    account_id: int
    book_id: int
    start: datetime | None
    end: datetime | None

    def within(self, below: int | None = None) -> Within:
        """The range as bounds of rows, below a transfer if given."""
        return Within(self.start, self.end, below)


def statement(
    session: Session,
    account_id: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    before: str = "",
    size: int = 50,
) -> StatementPage:
    """The movements on an account posted in ``[start, end)``, newest first, from the line after ``before`` on.

    ``before`` is the ``older`` of the page before; what is none is taken as the first page.
    """
    account = session.get(Account, account_id)
    if account is None:
        return StatementPage(lines=[], opening=0, closing=0, came=0, went=0, count=0, older="")
    wanted = _Range(account_id=account_id, book_id=account.book_id, start=start, end=end)
    opening = figures_at(session, account_id, start) if start is not None else Figures()
    closing = figures_at(session, account_id, end)
    place = read_place(before)
    rows = _newest(session, wanted, place, size + 1)
    shown = rows[:size]
    running = closing.balance if place is None or not shown else _after(session, wanted, shown[0])
    moved = closing - opening
    return StatementPage(
        lines=list(_lines(shown, running)),
        opening=opening.balance,
        closing=closing.balance,
        came=moved.posted_in,
        went=moved.posted_out,
        count=moved.movements,
        older=str(Place(shown[-1].month, shown[-1].id)) if len(rows) > size else "",
    )


def _lines(rows: Sequence[Row[*tuple[Any, ...]]], running: int) -> Iterator[StatementLine]:
    for row in rows:
        fields = row._asdict()
        place = str(Place(fields.pop("month"), fields.pop("id")))
        yield StatementLine(place=place, balance=running, **fields)
        running -= row.amount


def _after(session: Session, wanted: _Range, line: Row[*tuple[Any, ...]]) -> int:
    """The balance after a line, from the beginning of its month or of the range, whichever is later."""
    first = month_range(line.month)[0]
    since = first if wanted.start is None else max(first, wanted.start)
    period = period_of(session, wanted.book_id, line.month)
    until = rows_of(session, wanted.account_id, period, wanted.within(line.id + 1))
    return (figures_at(session, wanted.account_id, since) + until).balance


@dataclass(frozen=True, slots=True)
class _Step:
    """Periods to look into at once; ``below`` a transfer, where the page before ended within the period."""

    periods: Sequence[int]
    below: int | None = None


def _newest(session: Session, wanted: _Range, place: Place | None, most: int) -> list[Row[*tuple[Any, ...]]]:
    """The newest rows of a range before a place, at most so many."""
    rows: list[Row[*tuple[Any, ...]]] = []
    for step in _steps(session, wanted, place, most):
        within = wanted.within(step.below)
        given = {"account_id": wanted.account_id, "period_ids": list(step.periods), "most": most - len(rows)}
        page = _page(within.shape, several=len(step.periods) > 1)
        rows += session.connection().execute(page, given | within.bounds).all()
        if len(rows) >= most:
            break
    return rows


def _steps(session: Session, wanted: _Range, place: Place | None, most: int) -> Iterator[_Step]:
    """Where to look, newest first: the month the page before ended in, each open month, then the closed ones."""
    first = month_of(wanted.start) if wanted.start else ""
    until = next_month(month_of(wanted.end)) if wanted.end else ALWAYS
    if place is not None:
        until = min(until, place.month)
        for period_id in period_of(session, wanted.book_id, place.month):
            yield _Step([period_id], place.transfer_id)
    cut = cut_before(session, wanted.book_id, until)
    for period_id in reversed(cut.period_ids):
        yield _Step([period_id])
    until = cut.first
    while True:
        given = {"account_id": wanted.account_id, "first": first, "until": until, "most": most}
        closed = session.connection().execute(_CLOSED_MONTHS, given).all()
        if not closed:
            return
        together = _together([row.movements for row in closed], most)
        yield _Step([row.id for row in closed[:together]])
        until = closed[together - 1].month


def _together(movements: Sequence[int], most: int) -> int:
    """How many months to read at once, by their running sums: as many as hold ``most`` rows, at least one."""
    for count in range(1, len(movements)):
        older = movements[count + 1] if count + 1 < len(movements) else 0
        if movements[0] - older > most:
            return count
    return len(movements)


# The closed months in which an account moved, newest first, as many as could be needed for the rows of a page.
_CLOSED_MONTHS = (
    select(PERIOD.id, CLOSING.month, CLOSING.movements)
    .join_from(_CLOSINGS, _PERIODS, and_(PERIOD.book_id == CLOSING.book_id, PERIOD.month == CLOSING.month))
    .where(CLOSING.account_id == bindparam("account_id"))
    .where(CLOSING.month >= bindparam("first"), CLOSING.month < bindparam("until"))
    .order_by(CLOSING.month.desc())
    .limit(bindparam("most"))
)


@cache
def _page(shape: frozenset[str], *, several: bool) -> Select[Any]:
    """The newest rows of an account in some periods, with everything a line shows; binds ``most`` and what sides do."""
    found = _sides(shape, several=several)
    came = TRANSFER.credit_id == the_account(shape)
    other = case((came, TRANSFER.debit_id), else_=TRANSFER.credit_id)
    return (
        select(
            TRANSFER.id,
            PERIOD.month,
            ENTRY.id.label("entry_id"),
            ENTRY.kind,
            ENTRY.source_type,
            ENTRY.source_id,
            ENTRY.actor_id,
            ENTRY.for_member_id,
            ENTRY.occurred_at,
            ENTRY.posted_at,
            ENTRY.rule,
            ENTRY.facts,
            ENTRY.reverses_id,
            case((came, TRANSFER.amount), else_=-TRANSFER.amount).label("amount"),
            other.label("other_id"),
            _ACCOUNTS.c.code.label("other"),
        )
        .join_from(_TRANSFERS, found, found.c.id == TRANSFER.id)
        .join(_ENTRIES, ENTRY.id == TRANSFER.entry_id)
        .join(_PERIODS, PERIOD.id == TRANSFER.period_id)
        .join(_ACCOUNTS, _ACCOUNTS.c.id == other)
        .order_by(PERIOD.month.desc(), TRANSFER.id.desc())
        .limit(bindparam("most"))
    )


def _sides(shape: frozenset[str], *, several: bool) -> Subquery:
    """The newest transfers to the account and the newest from it, each read along its own index."""

    def newest(column: ColumnElement[int]) -> Select[Any]:
        chosen = side(column, shape, newest=True)
        if several:
            chosen = chosen.join(_PERIODS, PERIOD.id == TRANSFER.period_id).order_by(PERIOD.month.desc())
        return select(chosen.order_by(TRANSFER.id.desc()).limit(bindparam("most")).subquery().c.id)

    return union_all(newest(TRANSFER.credit_id), newest(TRANSFER.debit_id)).subquery("found")
