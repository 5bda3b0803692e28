"""Balances at an instant and statements over a range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from timebank.ledger.models import Account, Entry, Transfer


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLine:
    """One movement on an account; ``amount`` is above zero when something came in."""

    entry_id: int
    kind: str
    source_type: str
    source_id: int | None
    occurred_at: datetime
    posted_at: datetime
    amount: int
    balance: int
    other_id: int
    other: str
    facts: dict[str, Any]
    reverses_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementPage:
    """Movements of a range, newest first; ``opening`` and ``closing`` are the balances at its two ends."""

    lines: list[StatementLine]
    opening: int
    closing: int
    total: int
    page: int
    per_page: int


def _signed(account_id: int) -> ColumnElement[int]:
    return case((Transfer.credit_id == account_id, Transfer.amount), else_=-Transfer.amount)


def _touching(account_id: int) -> ColumnElement[bool]:
    return or_(Transfer.credit_id == account_id, Transfer.debit_id == account_id)


def balance(session: Session, account_id: int, *, at: datetime | None = None) -> int:
    """What stood on an account just before ``at`` (or stands now), holds included, read from its transfers."""
    chosen = select(func.coalesce(func.sum(_signed(account_id)), 0)).where(_touching(account_id))
    if at is not None:
        chosen = chosen.join(Entry, Entry.id == Transfer.entry_id).where(Entry.posted_at < at)
    return int(session.scalar(chosen) or 0)


def statement(
    session: Session,
    account_id: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    page: int = 1,
    per_page: int = 50,
) -> StatementPage:
    """The movements on an account posted in ``[start, end)``, newest first, each with the balance after it."""
    chosen = _movements(account_id, start, end)
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    closing = balance(session, account_id, at=end)
    skipped = chosen.order_by(None).order_by(Transfer.id.desc()).limit((page - 1) * per_page).subquery()
    newer = session.scalar(select(func.coalesce(func.sum(skipped.c.amount), 0))) or 0
    rows = session.execute(chosen.order_by(Transfer.id.desc()).limit(per_page).offset((page - 1) * per_page)).all()
    running = closing - int(newer)
    lines: list[StatementLine] = []
    for row in rows:
        lines.append(StatementLine(balance=running, **row._mapping))
        running -= row.amount
    opening = balance(session, account_id, at=start) if start is not None else 0
    return StatementPage(lines=lines, opening=opening, closing=closing, total=total, page=page, per_page=per_page)


def _movements(account_id: int, start: datetime | None, end: datetime | None) -> Select[Any]:
    other_id = case((Transfer.credit_id == account_id, Transfer.debit_id), else_=Transfer.credit_id)
    chosen = (
        select(
            Entry.id.label("entry_id"),
            Entry.kind,
            Entry.source_type,
            Entry.source_id,
            Entry.occurred_at,
            Entry.posted_at,
            Entry.facts,
            Entry.reverses_id,
            _signed(account_id).label("amount"),
            other_id.label("other_id"),
            Account.code.label("other"),
        )
        .join(Entry, Entry.id == Transfer.entry_id)
        .join(Account, Account.id == other_id)
        .where(_touching(account_id))
    )
    if start is not None:
        chosen = chosen.where(Entry.posted_at >= start)
    if end is not None:
        chosen = chosen.where(Entry.posted_at < end)
    return chosen
