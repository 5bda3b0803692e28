"""Reads about what can be redeemed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.exchange.models import ENDED, FULFILLED, GOODS, LISTED, OPEN, RESOURCE, SERVICE, Offer, Order, Rating
from timebank.exchange.queries.corrected import IS_UNDONE
from timebank.exchange.queries.licences import is_licensed
from timebank.exchange.queries.teams import led_by
from timebank.exchange.rules import Score
from timebank.members.models import ACTIVE, Member, Organisation


class OfferNotFound(NotFound):
    """No such offer."""

    code = "exchange.offer_not_found"
    text = "没有找到这一项，可能已经下架。请回到兑换页看看别的。"


@dataclass(frozen=True, kw_only=True)
class KeptOffer:
    """An offer as its owner sees it: with its open orders and all it has brought."""

    offer: Offer
    open_orders: int
    fulfilled: int
    score: Score


@dataclass(frozen=True, kw_only=True)
class Words:
    """One rating of an offer, by alias."""

    by: str
    score: int
    words: str
    on: date


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a branch's outstanding coins could be redeemed for today: minutes of goods in stock, and offers."""

    goods_minutes: int
    goods_offers: int
    service_offers: int
    held_minutes: int


def find_offer_by_key(session: Session, form_key: str) -> Offer | None:
    """The offer that a form made."""
    return session.scalars(select(Offer).where(Offer.form_key == form_key)).one_or_none()


def get_offer(session: Session, offer_id: int) -> Offer:
    """An offer as it is now. Raises OfferNotFound."""
    offer = session.get(Offer, offer_id, populate_existing=True)
    if offer is None:
        raise OfferNotFound()
    return offer


GIVERS = tuple(selectinload(of) for of in (Offer.provider, Offer.team, Offer.organisation, Offer.branch))


ORGANISATION_IS_THERE = and_(Organisation.id == Offer.organisation_id, Organisation.closed_at.is_(None))


def open_offers(today: date) -> Select[Offer]:
    """What can be redeemed on a day, to be narrowed further."""
    return (
        select(Offer)
        .outerjoin(Member, Member.id == Offer.provider_id)
        .where(
            Offer.status == LISTED,
            or_(Offer.valid_until.is_(None), Offer.valid_until >= today),
            or_(Offer.provider_id.is_(None), Member.status == ACTIVE),
            or_(Offer.organisation_id.is_(None), exists().where(ORGANISATION_IS_THERE)),
            is_licensed(today),
        )
    )


def scores_of(session: Session, offer_ids: Collection[int]) -> dict[int, Score]:
    """What those who redeemed offers gave them; offers without ratings are left out, and orders that were undone."""
    rows = session.execute(
        select(Order.offer_id, func.sum(Rating.score), func.count())
        .join(Rating, and_(Rating.order_id == Order.id, Rating.by_id == Order.member_id))
        .where(Order.offer_id.in_(offer_ids), ~IS_UNDONE)
        .group_by(Order.offer_id)
    )
    return {offer_id: Score(int(total), count) for offer_id, total, count in rows}


def list_shelf(session: Session, branch_id: int, *, today: date, size: int) -> Page[Offer]:
    """The goods that a branch can hand out on a day, what is left first, then the newest."""
    left = func.coalesce(Offer.stock, 1) > 0
    goods = open_offers(today).where(Offer.branch_id == branch_id, Offer.kind == GOODS)
    return read_page(session, goods.order_by(left.desc(), Offer.id.desc()), number=1, size=size)


def list_words(session: Session, offer_id: int, *, most: int = 10) -> list[Words]:
    """The newest ratings of an offer that say something."""
    rows = session.execute(
        select(Member.alias, Rating.score, Rating.words, Rating.at)
        .select_from(Order)
        .join(Rating, and_(Rating.order_id == Order.id, Rating.by_id == Order.member_id))
        .join(Member, Member.id == Rating.by_id)
        .where(Order.offer_id == offer_id, Rating.words != "", ~IS_UNDONE)
        .order_by(Rating.at.desc(), Rating.id.desc())
        .limit(most)
    )
    return [Words(by=by, score=score, words=words, on=at) for by, score, words, at in rows]


def list_organisation_offers(session: Session, organisation_id: int, *, today: date) -> Sequence[Offer]:
    """What an organisation gives that can be redeemed on a day, by title."""
    theirs = open_offers(today).where(Offer.organisation_id == organisation_id)
    return session.scalars(theirs.order_by(Offer.title, Offer.id)).all()


def list_member_offers(session: Session, member_id: int) -> list[KeptOffer]:
    """A member's own offers and those of the teams they lead, those still up first."""
    return _kept(
        session, select(Offer).where(or_(Offer.provider_id == member_id, Offer.team_id.in_(led_by(member_id))))
    )


def list_branch_goods(session: Session, branch_id: int) -> list[KeptOffer]:
    """What stands on a branch's shelf, its own and its organisations', those still up first."""
    return _kept(session, select(Offer).where(Offer.branch_id == branch_id, Offer.kind == GOODS))


def list_branch_services(session: Session, branch_id: int) -> list[KeptOffer]:
    """The services of a branch, of its members, teams and organisations, those still up first."""
    return _kept(session, select(Offer).where(Offer.branch_id == branch_id, Offer.kind == SERVICE))


def list_branch_resources(session: Session, branch_id: int) -> list[KeptOffer]:
    """What can be booked at a branch, those still up first."""
    return _kept(session, select(Offer).where(Offer.branch_id == branch_id, Offer.kind == RESOURCE))


def _kept(session: Session, chosen: Select[Offer]) -> list[KeptOffer]:
    ordered = chosen.options(*GIVERS).order_by(Offer.status == ENDED, Offer.created_at.desc(), Offer.id.desc())
    offers: Sequence[Offer] = session.scalars(ordered).all()
    ids = [offer.id for offer in offers]
    counts = {
        offer_id: (open_orders, fulfilled)
        for offer_id, open_orders, fulfilled in session.execute(
            select(
                Order.offer_id,
                func.count().filter(Order.status.in_(OPEN)),
                func.count().filter(Order.status == FULFILLED, ~IS_UNDONE),
            )
            .where(Order.offer_id.in_(ids))
            .group_by(Order.offer_id)
        )
    }
    scores = scores_of(session, ids)
    return [
        KeptOffer(
            offer=offer,
            open_orders=counts.get(offer.id, (0, 0))[0],
            fulfilled=counts.get(offer.id, (0, 0))[1],
            score=scores.get(offer.id, Score()),
        )
        for offer in offers
    ]


def redemption_capacity(session: Session, branch_id: int, *, today: date) -> Capacity:
    """What stands against a branch's outstanding coins on a day."""
    found = open_offers(today).where(Offer.branch_id == branch_id).subquery()
    goods, goods_offers, services = session.execute(
        select(
            func.coalesce(func.sum(found.c.price_minutes * found.c.stock), 0),
            func.count().filter(found.c.stock > 0),
            func.count().filter(found.c.stock.is_(None)),
        )
    ).one()
    held = session.scalar(
        select(func.coalesce(func.sum(Order.amount_minutes), 0)).where(
            Order.branch_id == branch_id, Order.status.in_(OPEN)
        )
    )
    return Capacity(
        goods_minutes=int(goods), goods_offers=goods_offers, service_offers=services, held_minutes=int(held or 0)
    )
