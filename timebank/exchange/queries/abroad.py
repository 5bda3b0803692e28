"""What orders at other branches cost in the member's own minutes, where a minute is not a minute."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from timebank.clearing import queries as clearing
from timebank.clearing.rules import Amounts
from timebank.exchange.models import Order


def own_minutes(session: Session, orders: Iterable[Order]) -> dict[int, Amounts]:
    """Order id → what was set aside on both sides; of orders whose minutes are the member's own, nothing."""
    abroad = {order.proposal_id: order.id for order in orders if order.proposal_id is not None}
    found = clearing.list_proposals(session, list(abroad))
    return {abroad[one.id]: clearing.asked_of(one) for one in found if not clearing.rate_of(one).even}


def paid_by_member(session: Session, order: Order, minutes: int) -> int:
    """What of their own minutes the member pays where the order comes to ``minutes``."""
    own = own_minutes(session, [order]).get(order.id)
    return minutes if own is None else own.paid_for(minutes)
