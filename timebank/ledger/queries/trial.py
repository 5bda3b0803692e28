"""The trial balance that sums to zero, and each account's movements of a month by kind of entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Subquery, case, func, select, union_all
from sqlalchemy.orm import Session

from timebank.core.clock import month_range
from timebank.ledger.models import Account, Entry, Period, Transfer
from timebank.ledger.queries.figures import Figures
from timebank.ledger.queries.standing import standing_at


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRow:
    """One account in a trial balance: opening, what was debited and credited, closing (credit is positive)."""

    account_id: int
    code: str
    kind: str
    unit: str
    opening: int
    debited: int
    credited: int

    @property
    def closing(self) -> int:
        """Balance at the end."""
        return self.opening + self.credited - self.debited


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """What came in and went out on an account in a month through one kind of entry, for one kind of document."""

    account_id: int
    kind: str
    source_type: str
    unit: str
    credited: int
    debited: int


def trial_balance(session: Session, book_id: int, *, month: str | None = None) -> list[TrialRow]:
    """Every account of a book that was ever moved, for one month or from the beginning. Each unit sums to zero.

    Read from closing figures and the rows of open months; ``verification`` reads every row instead.
    """
    start, end = month_range(month) if month is not None else (None, None)
    return balances_between(session, book_id, start, end)


def balances_between(session: Session, book_id: int, start: datetime | None, end: datetime | None) -> list[TrialRow]:
    """Every account of a book that had moved by ``end``: what it brought forward, what moved in ``[start, end)``."""
    before = standing_at(session, book_id, start) if start is not None else {}
    after = standing_at(session, book_id, end)
    accounts = session.execute(
        select(Account.id, Account.code, Account.kind, Account.unit)
        .where(Account.book_id == book_id)
        .order_by(Account.unit, Account.kind, Account.code)
    )
    rows = []
    for account in accounts:
        if account.id in after:
            opening, closing = before.get(account.id, Figures()), after[account.id]
            moved = closing - opening
            rows.append(
                TrialRow(
                    account_id=account.id,
                    code=account.code,
                    kind=account.kind,
                    unit=account.unit,
                    opening=opening.balance,
                    debited=moved.posted_out,
                    credited=moved.posted_in,
                )
            )
    return rows


def _legs(book_id: int, month: str) -> Subquery:
    """Each transfer of a month twice: once for each account it touches."""

    def leg(account: Any, debited: Any, credited: Any) -> Select[Any]:
        return (
            select(
                account.label("account_id"),
                case((Entry.reverses_id.is_not(None), "reverse"), else_=Entry.kind).label("kind"),
                Entry.source_type.label("source_type"),
                debited.label("debited"),
                credited.label("credited"),
            )
            .select_from(Transfer)
            .join(Entry, Entry.id == Transfer.entry_id)
            .join(Period, Period.id == Entry.period_id)
            .where(Period.book_id == book_id, Period.month == month)
        )

    nothing = func.abs(0)
    return union_all(
        leg(Transfer.debit_id, Transfer.amount, nothing), leg(Transfer.credit_id, nothing, Transfer.amount)
    ).subquery("leg")


def movements(session: Session, book_id: int, month: str) -> Iterator[Movement]:
    """What moved on each account in a month, by kind of entry and of its document."""
    legs = _legs(book_id, month)
    rows = session.execute(
        select(
            legs.c.account_id,
            legs.c.kind,
            legs.c.source_type,
            Account.unit,
            func.sum(legs.c.credited).label("credited"),
            func.sum(legs.c.debited).label("debited"),
        )
        .join(Account, Account.id == legs.c.account_id)
        .group_by(legs.c.account_id, legs.c.kind, legs.c.source_type, Account.unit)
        .order_by(legs.c.account_id, legs.c.kind, legs.c.source_type)
    )
    for row in rows:
        yield Movement(**{name: _plain(value) for name, value in row._mapping.items()})


def _plain(value: Any) -> Any:
    """PostgreSQL sums bigints as Decimal; amounts are whole numbers here."""
    return value if value is None or isinstance(value, str) else int(value)
