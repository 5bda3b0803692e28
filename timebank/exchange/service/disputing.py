"""What a case about an order does to the order itself; who may open and decide one is for the floor above to say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.exchange import rules
from timebank.exchange.models import ACCEPTED, CANCELLED, Order
from timebank.exchange.queries import OrderNotFound
from timebank.exchange.service.answering import give_back_stock
from timebank.exchange.service.bookings import free_slots
from timebank.exchange.service.fulfilment import book
from timebank.exchange.service.paying import give_back


@dataclass(frozen=True, kw_only=True, slots=True)
class Settling:
    """What a decision does to an open order: the share that moves (None: nothing does), and why."""

    share: rules.Share | None
    reason: str


def lock_for_dispute(session: Session, order_id: int) -> Order:
    """An order as it is now, nobody else's to change until we commit. Raises OrderNotFound."""
    order = session.get(Order, order_id, with_for_update={"key_share": True}, populate_existing=True)
    if order is None:
        raise OrderNotFound()
    return order


def put_in_dispute(session: Session, order: Order, *, now: datetime) -> None:
    """From now on nothing can be done with a locked order; coins set aside stay so, and its time does not run out."""
    order.disputed_at = now
    session.flush()


def end_dispute(session: Session, order: Order) -> None:
    """The case was taken back: the order goes on where it was, and an open one by its own time."""
    order.disputed_at = None
    session.flush()


def settle_order(session: Session, order: Order, settling: Settling, *, actor: Actor, now: datetime) -> None:
    """End the dispute of a locked order for good; an open one ends with it. Fulfilled ones are corrected by others."""
    order.settled_at = now
    if order.status != ACCEPTED:
        session.flush()
        return
    if settling.share is not None:
        book(session, order, settling.share, reason=settling.reason, actor=actor, now=now)
        return
    order.status, order.end_reason = CANCELLED, settling.reason
    order.ended_at, order.ended_by_id = now, actor.member_id
    session.flush()
    give_back(session, order, actor_id=actor.member_id, now=now)
    give_back_stock(session, order.offer_id, order.quantity)
    free_slots(session, [order.id])
