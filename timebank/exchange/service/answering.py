"""Orders: what the other side answers, and taking back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Invalid, NotAllowed
from timebank.exchange import rules
from timebank.exchange.models import ACCEPTED, CANCELLED, DECLINED, PROVIDER_SIDE, Offer, Order
from timebank.exchange.queries import (
    OrderNotFound,
    may_see,
    state_of,
)
from timebank.exchange.service import telling
from timebank.exchange.service.bookings import free_slots
from timebank.exchange.service.meetings import (
    Meeting,
    keep_proposal,
    latest_of,
    refuse_time,
    was_proposed,
)
from timebank.exchange.service.paying import give_back
from timebank.exchange.service.terms import is_ready, terms_of


class ReasonMissing(Invalid):
    """Ending what the other side counts on needs a reason."""

    code = "exchange.reason_missing"
    text = "请写一句原因，让对方知道。"


@dataclass(frozen=True, slots=True)
class _Ending:
    status: str
    reason: str
    needs_reason: bool = True


def accept_order(session: Session, order_id: int, meeting: Meeting, *, actor: Actor, now: datetime) -> Order:
    """Say yes and when; once more to say another time, or to the time that the member proposed. The branch may, for a
    provider without a phone.

    Raises OrderNotFound, NotAllowed, FormUsed, InDispute, OrderEnded, AlreadyFulfilled, TimeNotPossible.
    """
    order = lock_order(session, order_id, actor)
    _require_provider(order, actor)
    if is_ready(order.offer):
        raise NotAllowed()
    if was_proposed(session, order, meeting, PROVIDER_SIDE):
        return order
    after = rules.decide("accept", state_of(order, now))
    again = order.accepted_at is not None
    if (order.agreed_at, order.reply) == (meeting.at, meeting.words) and order.status == ACCEPTED:
        return order
    serve = terms_of(order.offer).serve
    expires_at = order.expires_at if order.status == ACCEPTED else min(now + serve, latest_of(order))
    refuse_time(meeting.at, now, expires_at, "agreed_at")
    order.status, order.agreed_at, order.reply = after, meeting.at, meeting.words
    order.accepted_at, order.expires_at = order.accepted_at or now, expires_at
    keep_proposal(session, order, meeting, PROVIDER_SIDE, actor=actor, now=now)
    telling.of_acceptance(session, order, again=again, now=now)
    return order


def decline_order(session: Session, order_id: int, *, reason: str, actor: Actor, now: datetime) -> Order:
    """Say no to a request, with a reason; the coins are free again. A repeat is harmless.

    Raises OrderNotFound, NotAllowed, InDispute, OrderEnded, AlreadyAccepted, AlreadyFulfilled, ReasonMissing.
    """
    order = lock_order(session, order_id, actor)
    _require_provider(order, actor)
    if _end(session, order, _Ending(DECLINED, reason), actor=actor, now=now):
        telling.of_decline(session, order, now=now)
    return order


def cancel_order(session: Session, order_id: int, *, reason: str = "", actor: Actor, now: datetime) -> Order:
    """Take an order back before it is fulfilled; the coins are free again, goods go back. A repeat is harmless.

    The member who asked may, giving a reason once it was accepted; so may the provider or the branch, with a reason.
    Raises OrderNotFound, InDispute, OrderEnded, AlreadyFulfilled, ReasonMissing.
    """
    order = lock_order(session, order_id, actor)
    mine = actor.member_id == order.member_id
    if not mine:
        _require_provider(order, actor)
    needs_reason = not mine or order.status == ACCEPTED
    if _end(session, order, _Ending(CANCELLED, reason, needs_reason), actor=actor, now=now):
        telling.of_cancellation(session, order, by_member=mine, now=now)
    return order


def lock_order(session: Session, order_id: int, actor: Actor) -> Order:
    """The order as it is now, nobody else's to change until we commit. To strangers it does not exist."""
    order = session.get(Order, order_id, with_for_update={"key_share": True}, populate_existing=True)
    if order is None or not may_see(order, actor):
        raise OrderNotFound()
    return order


def give_back_stock(session: Session, offer_id: int, quantity: int) -> None:
    """Put goods back, by a relative update; services have no stock."""
    session.execute(
        update(Offer).where(Offer.id == offer_id, Offer.stock.is_not(None)).values(stock=Offer.stock + quantity)
    )


def _require_provider(order: Order, actor: Actor) -> None:
    actor.require("order.fulfil", branch_id=order.branch_id, owner_id=order.provider_id)
    if actor.member_id == order.member_id:  # staff who ordered something is on the other side of the desk
        raise NotAllowed()


def _end(session: Session, order: Order, ending: _Ending, *, actor: Actor, now: datetime) -> bool:
    """End an open order in one of the ways that give everything back; False when it had ended in this way before."""
    verb: rules.Verb = "decline" if ending.status == DECLINED else "cancel"
    rules.decide(verb, state_of(order, now))
    if order.status == ending.status:
        return False
    if ending.needs_reason and not ending.reason.strip():
        raise ReasonMissing(fields={"reason": ReasonMissing.text})
    order.status, order.end_reason = ending.status, ending.reason
    order.ended_at, order.ended_by_id = now, actor.member_id
    session.flush()
    give_back(session, order, actor_id=actor.member_id, now=now)
    give_back_stock(session, order.offer_id, order.quantity)
    free_slots(session, [order.id])
    return True
