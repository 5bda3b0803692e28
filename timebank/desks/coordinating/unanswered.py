"""Orders that nobody has answered yet, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from timebank.exchange.models import REQUESTED, Order


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """An order without an answer: since how many whole days, and how many hours are left."""

    order: Order
    days: int
    hours_left: int


def list_unanswered(session: Session, branch_id: int, *, now: datetime, most: int = 50) -> Sequence[Unanswered]:
    """The orders of a branch that wait for their provider, those that have waited longest first; one statement."""
    whole = (joinedload(Order.offer), joinedload(Order.member), joinedload(Order.provider))
    waiting = (
        select(Order)
        .options(*whole)
        .where(Order.branch_id == branch_id, Order.status == REQUESTED, Order.expires_at > now)
        .order_by(Order.requested_at, Order.id)
        .limit(most)
    )
    return [
        Unanswered(
            order=one,
            days=(now - one.requested_at).days,
            hours_left=int((one.expires_at - now).total_seconds()) // 3600,
        )
        for one in session.scalars(waiting)
    ]
