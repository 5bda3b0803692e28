"""The trial balance that sums to zero, and each account's movements of a month by kind of entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Subquery, func, select, true, union_all
from sqlalchemy.orm import Session

from timebank.ledger.models import Account, Entry, Period, Transfer


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
    """What came in and went out on an account in a month through one kind of entry."""

    account_id: int
    kind: str
    unit: str
    credited: int
    debited: int


def _legs(book_id: int) -> Subquery:
    """Each transfer twice: once for each account it touches."""

    def leg(account: Any, debited: Any, credited: Any) -> Select[Any]:
        return (
            select(
                account.label("account_id"),
                Entry.kind.label("kind"),
                Period.month.label("month"),
                debited.label("debited"),
                credited.label("credited"),
            )
            .select_from(Transfer)
            .join(Entry, Entry.id == Transfer.entry_id)
            .join(Period, Period.id == Entry.period_id)
            .where(Transfer.book_id == book_id)
        )

    nothing = func.abs(0)
    return union_all(
        leg(Transfer.debit_id, Transfer.amount, nothing), leg(Transfer.credit_id, nothing, Transfer.amount)
    ).subquery("leg")


def trial_balance(session: Session, book_id: int, *, month: str | None = None) -> list[TrialRow]:
    """Every account of a book that was ever moved, for one month or from the beginning. Each unit sums to zero."""
    legs = _legs(book_id)
    first = month or ""  # every month comes after the empty text
    during = legs.c.month >= first
    rows = session.execute(
        select(
            Account.id.label("account_id"),
            Account.code,
            Account.kind,
            Account.unit,
            func.coalesce(func.sum(legs.c.credited - legs.c.debited).filter(legs.c.month < first), 0).label("opening"),
            func.coalesce(func.sum(legs.c.debited).filter(during), 0).label("debited"),
            func.coalesce(func.sum(legs.c.credited).filter(during), 0).label("credited"),
        )
        .join(legs, legs.c.account_id == Account.id)
        .where(legs.c.month <= month if month is not None else true())
        .group_by(Account.id, Account.code, Account.kind, Account.unit)
        .order_by(Account.unit, Account.kind, Account.code)
    )
    return [TrialRow(**{name: _plain(value) for name, value in row._mapping.items()}) for row in rows]


def movements(session: Session, book_id: int, month: str) -> Iterator[Movement]:
    """What moved on each account in a month, by kind of entry."""
    legs = _legs(book_id)
    rows = session.execute(
        select(
            legs.c.account_id,
            legs.c.kind,
            Account.unit,
            func.sum(legs.c.credited).label("credited"),
            func.sum(legs.c.debited).label("debited"),
        )
        .join(Account, Account.id == legs.c.account_id)
        .where(legs.c.month == month)
        .group_by(legs.c.account_id, legs.c.kind, Account.unit)
        .order_by(legs.c.account_id, legs.c.kind)
    )
    for row in rows:
        yield Movement(**{name: _plain(value) for name, value in row._mapping.items()})


def _plain(value: Any) -> Any:
    """PostgreSQL sums bigints as Decimal; amounts are whole numbers here."""
    return value if value is None or isinstance(value, str) else int(value)
