"""Which orders were undone, and what they cost now. Whatever counts fulfilled orders leaves undone ones out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.orm import Session

from timebank.exchange.models import Order, OrderCorrection

# Nothing took the place of its entry.
IS_UNDONE: ColumnElement[bool] = Order.id.in_(
    select(OrderCorrection.order_id).where(OrderCorrection.replacement_id.is_(None))
)

# What an order costs with every correction since.
AMOUNT: ColumnElement[int] = Order.amount_minutes + func.coalesce(
    select(cast(func.sum(OrderCorrection.amount_minutes), Integer))
    .where(OrderCorrection.order_id == Order.id)
    .correlate(Order)
    .scalar_subquery(),
    0,
)


def list_corrections_of(session: Session, entry_ids: Collection[int]) -> Sequence[OrderCorrection]:
    """The corrections that reversed one of these entries."""
    if not entry_ids:
        return ()
    return session.scalars(select(OrderCorrection).where(OrderCorrection.corrects_id.in_(entry_ids))).all()
