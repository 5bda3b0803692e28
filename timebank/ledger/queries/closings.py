"""What accounts had come to at the ends of closed months, for many accounts at once and for many months of one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from timebank.ledger.models import Closing


@dataclass(frozen=True, slots=True)
class Stood:
    """The balance of an account at the end of a closed month, and whether it moved within it."""

    balance: int
    moved: bool


def stood_at(session: Session, account_ids: Collection[int], month: str) -> dict[int, Stood]:
    """Of these accounts each that moved in a closed month, or stood at something at its end."""
    latest = (
        select(Closing.account_id, func.max(Closing.month).label("month"))
        .where(Closing.account_id.in_(account_ids), Closing.month <= month)
        .group_by(Closing.account_id)
        .subquery()
    )
    chosen = select(Closing.account_id, Closing.month, Closing.posted_in, Closing.posted_out).join(
        latest, and_(latest.c.account_id == Closing.account_id, latest.c.month == Closing.month)
    )
    found = {
        row.account_id: Stood(int(row.posted_in - row.posted_out), row.month == month)
        for row in session.execute(chosen)
    }
    return {account_id: stood for account_id, stood in found.items() if stood.balance or stood.moved}


def list_closings(session: Session, account_ids: Collection[int]) -> dict[str, int]:
    """The closed months in which any of these accounts moved, each with what they had come to together by its end.

    Oldest first.
    """
    chosen = (
        select(Closing.month, Closing.account_id, Closing.posted_in, Closing.posted_out)
        .where(Closing.account_id.in_(account_ids))
        .order_by(Closing.month, Closing.account_id)
    )
    stood: dict[int, int] = {}
    months: dict[str, int] = {}
    for row in session.execute(chosen):
        stood[row.account_id] = int(row.posted_in - row.posted_out)
        months[row.month] = sum(map(abs, stood.values()))
    return months
