"""A team's leader says who of the team goes; the coins are theirs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Conflict, NotAllowed
from timebank.exchange import rules
from timebank.exchange.models import OPEN, Order
from timebank.exchange.service import telling
from timebank.exchange.service.answering import lock_order
from timebank.members.models import ACTIVE, TeamMembership


class NotOfTheTeam(Conflict):
    """Only active people of the team go, and nobody to themselves."""

    code = "exchange.not_of_the_team"
    text = "请从这支服务队现在的队员里选一位。兑换的人自己不能去。"


def send_member(session: Session, order_id: int, member_id: int, *, actor: Actor, now: datetime) -> Order:
    """Say who of the team does what was ordered, as long as it is not done; the same again changes nothing.

    Raises OrderNotFound, NotAllowed, AlreadyFulfilled, OrderEnded, NotOfTheTeam.
    """
    order = lock_order(session, order_id, actor)
    actor.require("order.fulfil", branch_id=order.branch_id, owner_id=order.provider_id)
    if order.offer.team_id is None or actor.member_id == order.member_id:
        raise NotAllowed(permission="order.fulfil")
    status = rules.status_at(order.status, order.expires_at, now)
    if status not in OPEN:
        rules.decide("fulfil", status)
        raise rules.AlreadyFulfilled()
    membership = session.get(TeamMembership, (order.offer.team_id, member_id))
    if membership is None or membership.member.status != ACTIVE or member_id == order.member_id:
        raise NotOfTheTeam()
    if order.served_by_id != member_id:
        order.served_by_id = member_id
        session.flush()
        session.refresh(order, ["served_by"])
        telling.of_sending(session, order, now=now)
    return order
