"""Statements over a range, newest first, page after page, each line with the balance after it.

A page begins after a line, not at a number: so the last page of ten years costs what the first does. Months without a
movement of the account are stepped over by its closing figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, case, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from timebank.core.clock import is_month, month_of, month_range, next_month
from timebank.ledger.models import Account, Closing, Entry, Period, Transfer
from timebank.ledger.queries.figures import ALWAYS, Figures, cut_before, figures_at, period_of, rows_of

_MAX_ID_DIGITS = 18  # any id of a 64-bit column


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLine:
    """One movement on an account; ``amount`` is above zero when something came in."""

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

    @property
    def narrowed(self) -> list[ColumnElement[bool]]:
        """What the range asks of an entry's instant."""
        return [
            *([Entry.posted_at >= self.start] if self.start is not None else []),
            *([Entry.posted_at < self.end] if self.end is not None else []),
        ]


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
        del fields["id"], fields["month"]
        yield StatementLine(balance=running, **fields)
        running -= row.amount


def _after(session: Session, wanted: _Range, line: Row[*tuple[Any, ...]]) -> int:
    """The balance after a line, from the beginning of its month or of the range, whichever is later."""
    first = month_range(line.month)[0]
    since = first if wanted.start is None else max(first, wanted.start)
    period = period_of(session, wanted.book_id, line.month)
    until = rows_of(session, wanted.account_id, period, Transfer.id <= line.id, *wanted.narrowed)
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
        rows += session.execute(_page(wanted, step, most - len(rows))).all()
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
        closed = session.execute(_closed_months(wanted, first, until, most)).all()
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


def _closed_months(wanted: _Range, first: str, until: str, most: int) -> Select[int, str, int]:
    """The closed months in which an account moved, newest first, as many as could be needed for ``most`` rows."""
    return (
        select(Period.id, Closing.month, Closing.movements)
        .join(Period, (Period.book_id == Closing.book_id) & (Period.month == Closing.month))
        .where(Closing.account_id == wanted.account_id, Closing.month >= first, Closing.month < until)
        .order_by(Closing.month.desc())
        .limit(most)
    )


def _page(wanted: _Range, step: _Step, most: int) -> Select[*tuple[Any, ...]]:
    """The newest rows of an account in some periods, with everything a line shows."""
    found = _sides(wanted, step, most)
    other = case((Transfer.credit_id == wanted.account_id, Transfer.debit_id), else_=Transfer.credit_id)
    amount = case((Transfer.credit_id == wanted.account_id, Transfer.amount), else_=-Transfer.amount)
    return (
        select(
            Transfer.id,
            Period.month,
            Entry.id.label("entry_id"),
            Entry.kind,
            Entry.source_type,
            Entry.source_id,
            Entry.actor_id,
            Entry.for_member_id,
            Entry.occurred_at,
            Entry.posted_at,
            Entry.rule,
            Entry.facts,
            Entry.reverses_id,
            amount.label("amount"),
            other.label("other_id"),
            Account.code.label("other"),
        )
        .join(found, found.c.id == Transfer.id)
        .join(Entry, Entry.id == Transfer.entry_id)
        .join(Period, Period.id == Transfer.period_id)
        .join(Account, Account.id == other)
        .order_by(Period.month.desc(), Transfer.id.desc())
        .limit(most)
    )


def _sides(wanted: _Range, step: _Step, most: int) -> Subquery:
    """The newest transfers to the account and the newest from it, each read along its own index."""

    def side(column: InstrumentedAttribute[int]) -> Select[int]:
        chosen = select(Transfer.id).where(column == wanted.account_id)
        if wanted.narrowed:
            chosen = chosen.join(Entry, Entry.id == Transfer.entry_id).where(*wanted.narrowed)
        if step.below is not None:
            chosen = chosen.where(Transfer.id < step.below)
        if len(step.periods) == 1:
            chosen = chosen.where(Transfer.period_id == step.periods[0]).order_by(Transfer.id.desc())
        else:
            chosen = chosen.join(Period, Period.id == Transfer.period_id).where(Period.id.in_(step.periods))
            chosen = chosen.order_by(Period.month.desc(), Transfer.id.desc())
        return select(chosen.limit(most).subquery().c.id)

    return union_all(side(Transfer.credit_id), side(Transfer.debit_id)).subquery("found")
