"""Reads about orders: whose turn it is, what happened, what a desk sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, selectinload

from timebank.core.actor import Actor
from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.exchange import rules
from timebank.exchange.models import (
    ACCEPTED,
    DISPUTED,
    FULFILLED,
    GOODS,
    LISTED,
    OPEN,
    REQUESTED,
    UNDONE,
    Offer,
    Order,
    OrderProposal,
    Rating,
)
from timebank.exchange.queries.corrected import IN_DISPUTE, IS_UNDONE
from timebank.exchange.rules import Score
from timebank.members.models import Member

LOW_STOCK = 5


class OrderNotFound(NotFound):
    """No such order, or not this actor's business."""

    code = "exchange.order_not_found"
    text = "没有找到这张兑换单。只有双方和本网点工作人员能看。"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An order that waits for a member: to answer it, to do it, to go (and show the voucher), or to rate it."""

    order: Order
    what: Literal["answer", "serve", "go", "rate"]


@dataclass(frozen=True, kw_only=True)
class OrderFilter:
    """What a desk looks for; empty means anything. ``status`` may be ``open``, ``undone`` or ``disputed``."""

    status: str = ""
    kind: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class BranchCounts:
    """What a branch's desk has to know at a glance."""

    unanswered: int
    to_pick_up: int
    agreed: int
    low_stock: int
    listed_offers: int


def find_order_by_key(session: Session, form_key: str) -> Order | None:
    """The order that a form made."""
    return session.scalars(select(Order).where(Order.form_key == form_key)).one_or_none()


def find_proposal_by_key(session: Session, form_key: str) -> OrderProposal | None:
    """The proposed time that a form made."""
    return session.scalars(select(OrderProposal).where(OrderProposal.form_key == form_key)).one_or_none()


def list_proposals(session: Session, order_id: int) -> Sequence[OrderProposal]:
    """The times that the two sides of an order proposed, the latest last."""
    found = select(OrderProposal).where(OrderProposal.order_id == order_id).order_by(OrderProposal.id)
    return session.scalars(found).all()


def state_of(order: Order, now: datetime) -> str:
    """The state an order is really in: what time, or a case about it, did to it."""
    return rules.status_at(order.status, order.expires_at, now, in_dispute=order.in_dispute)


def has_standing_order(session: Session, member_id: int, *, now: datetime) -> bool:
    """Whether a member has redeemed something that was not undone, or an order of theirs is open and in time."""
    open_one = and_(Order.status.in_(OPEN), or_(Order.expires_at > now, IN_DISPUTE))
    redeemed = and_(Order.status == FULFILLED, ~IS_UNDONE)
    chosen = select(Order.id).where(Order.member_id == member_id, or_(redeemed, open_one)).limit(1)
    return session.scalar(chosen) is not None


def find_order_by_voucher(session: Session, code: str) -> Order | None:
    """The order that a tidied voucher code belongs to."""
    return session.scalars(select(Order).where(Order.voucher == code)).one_or_none()


def may_confirm(order: Order, actor: Actor) -> bool:
    """Whether the actor may take the voucher of an order: who answers, whom the team sends, and the branch's people."""
    owners = (order.provider_id, order.served_by_id)
    return any(actor.may("order.fulfil", branch_id=order.branch_id, owner_id=owner) for owner in owners)


def may_see(order: Order, actor: Actor) -> bool:
    """Whether an order is any of the actor's business: both sides, and the branch's people."""
    sides = {order.member_id, order.provider_id, order.served_by_id} - {None}
    return actor.member_id in sides or any(
        actor.may(permission, branch_id=order.branch_id) for permission in ("order.read", "order.fulfil")
    )


def get_order(session: Session, order_id: int, actor: Actor) -> Order:
    """An order that is the actor's business. Raises OrderNotFound, to strangers as well."""
    order = session.get(Order, order_id)
    if order is None or not may_see(order, actor):
        raise OrderNotFound()
    return order


def count_taken(session: Session, offer_id: int, member_id: int) -> int:
    """How many of an offer a member has, ordered or received; what was undone does not count."""
    booked = func.coalesce(Order.fulfilled_quantity, Order.quantity)
    taken = select(func.coalesce(func.sum(booked), 0)).where(
        Order.offer_id == offer_id, Order.member_id == member_id, Order.status.in_((*OPEN, FULFILLED)), ~IS_UNDONE
    )
    return int(session.scalar(taken) or 0)


def list_waiting(session: Session, member_id: int, *, now: datetime, most: int = 50) -> list[Waiting]:
    """The orders that need this member to do something: to answer first, then by when they run out; ratings last."""
    given = or_(Order.provider_id == member_id, Order.served_by_id == member_id)
    asked = Order.member_id == member_id
    alive = and_(Order.status.in_(OPEN), Order.expires_at > now, ~IN_DISPUTE)
    open_orders = session.scalars(
        _whole(select(Order))
        .where(alive, or_(given, and_(asked, Order.status == ACCEPTED)))
        .order_by(Order.status == ACCEPTED, func.coalesce(Order.agreed_at, Order.expires_at), Order.id)
        .limit(most)
    ).all()
    waiting = [Waiting(order=order, what=_turn_of(order, member_id)) for order in open_orders]
    rated = exists().where(Rating.order_id == Order.id, Rating.by_id == member_id)
    unrated = session.scalars(
        _whole(select(Order))
        .where(or_(given, asked), Order.status == FULFILLED, ~IS_UNDONE, ~IN_DISPUTE, ~rated)
        .order_by(Order.fulfilled_at.desc())
        .limit(max(most - len(waiting), 0))
    )
    return waiting + [Waiting(order=order, what="rate") for order in unrated]


def _turn_of(order: Order, member_id: int) -> Literal["answer", "serve", "go"]:
    if order.member_id == member_id:
        return "go"
    return "answer" if order.status == REQUESTED else "serve"


def list_member_orders(
    session: Session, member_id: int, *, side: Literal["asked", "given"] = "asked", number: int = 1, size: int = 20
) -> Page[Order]:
    """A member's orders as the one who asked or the one who gives, newest first."""
    gives = or_(Order.provider_id == member_id, Order.served_by_id == member_id)
    mine = Order.member_id == member_id if side == "asked" else gives
    found = _whole(select(Order)).where(mine).order_by(Order.requested_at.desc(), Order.id.desc())
    return read_page(session, found, number=number, size=size)


def list_branch_orders(
    session: Session, branch_id: int, wanted: OrderFilter, *, number: int = 1, size: int = 30
) -> Page[Order]:
    """A branch's orders, newest first; the text looks at what was redeemed and at both people."""
    asker, giver = aliased(Member), aliased(Member)
    found = (
        _whole(select(Order))
        .join(Offer, Offer.id == Order.offer_id)
        .join(asker, asker.id == Order.member_id)
        .outerjoin(giver, giver.id == Order.provider_id)
        .where(Order.branch_id == branch_id)
        .order_by(Order.requested_at.desc(), Order.id.desc())
    )
    if wanted.status:
        found = found.where(_has_status(wanted.status))
    if wanted.kind:
        found = found.where(Offer.kind == wanted.kind)
    for word in wanted.text.split()[:5]:
        columns = (Offer.title, asker.name, asker.alias, asker.number, giver.name, giver.alias)
        found = found.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return read_page(session, found, number=number, size=size)


def _has_status(wanted: str) -> ColumnElement[bool]:
    if wanted == UNDONE:
        return IS_UNDONE
    if wanted == DISPUTED:
        return IN_DISPUTE
    if wanted == FULFILLED:
        return and_(Order.status == FULFILLED, ~IS_UNDONE)
    return Order.status.in_(OPEN) if wanted == "open" else Order.status == wanted


def _whole(chosen: Select[Order]) -> Select[Order]:
    offer = selectinload(Order.offer)
    gives = (offer.selectinload(Offer.team), offer.selectinload(Offer.organisation), selectinload(Order.provider))
    whose = (offer, *gives, selectinload(Order.member).selectinload(Member.branch), selectinload(Order.branch))
    return chosen.options(*whose, selectinload(Order.corrections))


def count_for_branch(session: Session, branch_id: int, *, now: datetime, today: date) -> BranchCounts:
    """A branch's open orders and its shelf."""
    alive = and_(Order.branch_id == branch_id, Order.status.in_(OPEN), Order.expires_at > now, ~IN_DISPUTE)
    unanswered, to_pick_up, agreed = session.execute(
        select(
            func.count().filter(Order.status == REQUESTED),
            func.count().filter(Order.status == ACCEPTED, Offer.kind == GOODS),
            func.count().filter(Order.status == ACCEPTED, Offer.kind != GOODS),
        )
        .select_from(Order)
        .join(Offer, Offer.id == Order.offer_id)
        .where(alive)
    ).one()
    low_stock, listed = session.execute(
        select(func.count().filter(Offer.stock <= LOW_STOCK), func.count()).where(
            Offer.branch_id == branch_id,
            Offer.status == LISTED,
            or_(Offer.valid_until.is_(None), Offer.valid_until >= today),
        )
    ).one()
    return BranchCounts(
        unanswered=unanswered, to_pick_up=to_pick_up, agreed=agreed, low_stock=low_stock, listed_offers=listed
    )


def ratings_of(session: Session, order_id: int) -> dict[int, Rating]:
    """An order's ratings by who gave them."""
    return {rating.by_id: rating for rating in session.scalars(select(Rating).where(Rating.order_id == order_id))}


def score_of_member(session: Session, member_id: int) -> Score:
    """What the people who served a member say of them."""
    total, count = session.execute(
        select(func.coalesce(func.sum(Rating.score), 0), func.count(Rating.id))
        .join(Order, Order.id == Rating.order_id)
        .where(Order.member_id == member_id, Rating.by_id != member_id, ~IS_UNDONE)
    ).one()
    return Score(int(total), count)
