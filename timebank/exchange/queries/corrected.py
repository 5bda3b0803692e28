"""Which orders were undone. Whatever counts fulfilled orders, or what people say of them, leaves these out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from timebank.exchange.models import Order, OrderCorrection

# Nothing took the place of its entry.
IS_UNDONE: ColumnElement[bool] = Order.id.in_(
    select(OrderCorrection.order_id).where(OrderCorrection.replacement_id.is_(None))
)


def list_corrections_of(session: Session, entry_ids: Collection[int]) -> Sequence[OrderCorrection]:
    """The corrections that reversed one of these entries."""
    if not entry_ids:
        return ()
    return session.scalars(select(OrderCorrection).where(OrderCorrection.corrects_id.in_(entry_ids))).all()
