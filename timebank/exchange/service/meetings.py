"""Times that the two sides of an order propose, and how long things wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, Invalid
from timebank.exchange import rules
from timebank.exchange.models import Order, OrderProposal
from timebank.exchange.queries import find_proposal_by_key


class TimeNotPossible(Invalid):
    """The time proposed is over, or after the order's end."""

    code = "exchange.time_not_possible"


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """A time and words that go with it; the form's key makes a repeat harmless."""

    at: datetime
    words: str = ""
    form_key: str | None = None


def was_proposed(session: Session, order: Order, meeting: Meeting, side: str) -> bool:
    """Whether this very form was taken in before. Raises FormUsed when it said something else."""
    first = find_proposal_by_key(session, meeting.form_key) if meeting.form_key else None
    if first is None:
        return False
    if (first.order_id, first.side, first.meet_at, first.words) != (order.id, side, meeting.at, meeting.words):
        raise FormUsed()
    return True


def keep_proposal(session: Session, order: Order, meeting: Meeting, side: str, *, actor: Actor, now: datetime) -> None:
    """Keep who proposed which time."""
    session.add(
        OrderProposal(
            order_id=order.id,
            side=side,
            by_id=actor.member_id,
            meet_at=meeting.at,
            words=meeting.words,
            at=now,
            form_key=meeting.form_key,
        )
    )
    session.flush()


def refuse_time(at: datetime, now: datetime, end: datetime, name: str) -> None:
    """Refuse a time that is over, or after ``end``, at the field ``name``. Raises TimeNotPossible."""
    if not now <= at < end:
        raise TimeNotPossible(fields={name: f"请选现在以后、{_day(end)} 以前的时间。"})


def latest_of(order: Order) -> datetime:
    """When an order dies whatever is agreed."""
    return order.latest_at or rules.hold_expiry(order.offer.kind, order.requested_at)


def _day(instant: datetime) -> str:
    return clock.local(instant).strftime("%Y-%m-%d")
