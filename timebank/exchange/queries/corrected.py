"""Which orders were undone, and what they cost now. Whatever counts fulfilled orders leaves undone ones out."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Integer, and_, cast, func, select

from timebank.exchange.models import Order, OrderCorrection

# Nothing took the place of its entry.
IS_UNDONE: ColumnElement[bool] = Order.id.in_(
    select(OrderCorrection.order_id).where(OrderCorrection.replacement_id.is_(None))
)

# A case about it waits for its decision.
IN_DISPUTE: ColumnElement[bool] = and_(Order.disputed_at.is_not(None), Order.settled_at.is_(None))

# What was taken of an order, with every correction since.
AMOUNT: ColumnElement[int] = func.coalesce(Order.fulfilled_minutes, Order.amount_minutes) + func.coalesce(
    select(cast(func.sum(OrderCorrection.amount_minutes), Integer))
    .where(OrderCorrection.order_id == Order.id)
    .correlate(Order)
    .scalar_subquery(),
    0,
)
