"""Keeping what was given back of fulfilled orders: rows beside them, the orders stay as they ended."""

from __future__ import annotations

from sqlalchemy.orm import Session

from timebank.exchange.models import Order, OrderCorrection
from timebank.exchange.queries import OrderChange
from timebank.exchange.rules import InDispute
from timebank.ledger.service import Correcting


def lock_booked_order(session: Session, order: Order) -> None:
    """Keep an order as it is until we commit; call before the correction is planned. Raises InDispute."""
    session.get(Order, order.id, with_for_update={"key_share": True}, populate_existing=True)
    if order.in_dispute:
        raise InDispute()


def keep_correction(session: Session, change: OrderChange, done: Correcting) -> None:
    """Record what a correction that was booked gave back."""
    session.add(
        OrderCorrection(
            order_id=change.order_id,
            amount_minutes=change.after - change.before,
            corrects_id=done.corrects_id,
            entry_id=done.reversal_id,
            replacement_id=done.replacement_id,
            key=done.key,
            reason=done.reason,
            by_id=done.by_id,
            at=done.at,
        )
    )
    session.flush()
