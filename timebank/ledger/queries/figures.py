"""What had come in and gone out on an account by an instant: closing figures and the rows after them.

A closed month says what each account that moved in it had come to, so only open months, and the month of the instant,
are ever read row by row. However long the history, the time is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from timebank.core.clock import month_of, month_range
from timebank.ledger.models import Account, Closing, Entry, Period, Transfer

ALWAYS = "9999-12"  # later than any month


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


def balance(session: Session, account_id: int, *, at: datetime | None = None) -> int:
    """What stood on an account just before ``at`` (or stands now), holds included, read from its transfers."""
    return figures_at(session, account_id, at).balance


def figures_at(session: Session, account_id: int, at: datetime | None = None) -> Figures:
    """What had come in and gone out on an account just before ``at``, or until now; nothing for an unknown account."""
    account = session.get(Account, account_id)
    if account is None:
        return Figures()
    month = month_of(at) if at is not None else ALWAYS
    found = _closed_before(session, account_id, month) + rows_of(
        session, account_id, _open_before(session, account.book_id, month)
    )
    if at is None or at == month_range(month)[0]:
        return found
    within = _periods(session, account.book_id, Period.month == month)
    return found + rows_of(session, account_id, within, Entry.posted_at < at)


def rows_of(session: Session, account_id: int, period_ids: Sequence[int], *narrowed: ColumnElement[bool]) -> Figures:
    """What moved on an account in some periods, row by row; ``narrowed`` by what is known of entries or transfers."""
    if not period_ids:
        return Figures()
    came, went = (
        _sum(session, side, account_id, period_ids, narrowed) for side in (Transfer.credit_id, Transfer.debit_id)
    )
    return Figures(came[0], went[0], came[1] + went[1])


def _sum(
    session: Session,
    side: InstrumentedAttribute[int],
    account_id: int,
    period_ids: Sequence[int],
    narrowed: Sequence[ColumnElement[bool]],
) -> tuple[int, int]:
    chosen = select(func.coalesce(func.sum(Transfer.amount), 0), func.count()).where(
        side == account_id, Transfer.period_id.in_(period_ids), *narrowed
    )
    if narrowed:
        chosen = chosen.join(Entry, Entry.id == Transfer.entry_id)
    amount, count = session.execute(chosen).one()
    return int(amount), int(count)


def _closed_before(session: Session, account_id: int, month: str) -> Figures:
    """The latest closing figures before a month."""
    row = session.execute(
        select(Closing.posted_in, Closing.posted_out, Closing.movements)
        .where(Closing.account_id == account_id, Closing.month < month)
        .order_by(Closing.month.desc())
        .limit(1)
    ).one_or_none()
    return Figures(*row) if row is not None else Figures()


def _open_before(session: Session, book_id: int, month: str) -> list[int]:
    return _periods(session, book_id, Period.month < month, Period.closed_at.is_(None))


def _periods(session: Session, book_id: int, *narrowed: ColumnElement[bool]) -> list[int]:
    return list(session.scalars(select(Period.id).where(Period.book_id == book_id, *narrowed)))
