"""Who has a part in a case and therefore does not decide it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.disputes.models import Dispute
from timebank.disputes.queries.cases import has_spoken
from timebank.exchange.models import GOODS, Order, OrderProposal
from timebank.members.models import Member
from timebank.members.queries import find_open_link, list_staff


def why_involved(session: Session, dispute: Dispute, member_id: int) -> str:
    """In words, what part somebody has in a case; empty for one who may decide it."""
    order = session.get_one(Order, dispute.order_id)
    if member_id in dispute.sides:
        return "您是这一单的一方"
    if any(find_open_link(session, member_id, side) is not None for side in dispute.sides):
        return "这一单有一方是您的家人"
    if member_id in {order.fulfilled_by_id, order.ended_by_id}:
        return "这一单是您核销的"
    if order.offer.kind == GOODS and order.offer.posted_by_id == member_id:
        return "这件物品是您上架的"
    if has_spoken(session, dispute.id, member_id):
        return "您在这个争议里替网点说明过"
    answered = select(OrderProposal.id).where(OrderProposal.order_id == order.id, OrderProposal.by_id == member_id)
    return "这一单是您替提供人答复的" if session.scalar(answered.limit(1)) is not None else ""


def list_deciders(session: Session, dispute: Dispute, *, without: int | None = None) -> list[Member]:
    """The managers who may decide a case; where all of them have a part in it, the administrators who may.

    ``without``: somebody who decided already, while a second person is wanted.
    """
    for role in ("manager", "administrator"):
        staff = list_staff(session, dispute.branch_id, {role})
        free = [one for one in staff if one.id != without and not why_involved(session, dispute, one.id)]
        if free:
            return free
    return []
