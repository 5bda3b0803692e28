"""The member cannot come at the time that was accepted: they propose another, and the provider is asked again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import NotAllowed
from timebank.exchange import rules
from timebank.exchange.models import MEMBER_SIDE, Order
from timebank.exchange.queries import list_proposals, state_of
from timebank.exchange.service import telling
from timebank.exchange.service.answering import lock_order
from timebank.exchange.service.meetings import (
    Meeting,
    keep_proposal,
    latest_of,
    refuse_time,
    was_proposed,
)
from timebank.exchange.service.terms import is_ready, terms_of


def propose_time(session: Session, order_id: int, meeting: Meeting, *, actor: Actor, now: datetime) -> Order:
    """Ask for another time; the order is open again until the provider has agreed, and its coins stay set aside.

    A repeat is harmless. Raises OrderNotFound, NotAllowed, FormUsed, InDispute, OrderEnded, AlreadyFulfilled,
    TimeNotPossible.
    """
    order = lock_order(session, order_id, actor)
    if actor.member_id != order.member_id or is_ready(order.offer):
        raise NotAllowed()
    if was_proposed(session, order, meeting, MEMBER_SIDE):
        return order
    after = rules.decide("propose", state_of(order, now))
    if _stands(session, order, meeting):
        return order
    refuse_time(meeting.at, now, latest_of(order), "meet_at")
    order.status, order.agreed_at = after, None
    order.expires_at = min(now + terms_of(order.offer).answer, latest_of(order))
    keep_proposal(session, order, meeting, MEMBER_SIDE, actor=actor, now=now)
    telling.of_proposal(session, order, meeting_at=meeting.at, words=meeting.words, now=now)
    return order


def _stands(session: Session, order: Order, meeting: Meeting) -> bool:
    """Whether just this was the last word."""
    proposals = list_proposals(session, order.id)
    last = proposals[-1] if proposals else None
    return last is not None and (last.side, last.meet_at, last.words) == (MEMBER_SIDE, meeting.at, meeting.words)
