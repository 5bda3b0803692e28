"""What members look for, and which offers fit: the same kind of thing, or, where that says nothing, the same words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, func, literal, or_, select
from sqlalchemy.orm import Session, selectinload

from timebank.core.errors import NotFound
from timebank.exchange.models import Need, Offer
from timebank.exchange.queries.offers import GIVERS, open_offers
from timebank.exchange.queries.sharing import is_shared_with, seen_by
from timebank.exchange.queries.teams import led_by

OTHER: Final = "other"
_BETWEEN = re.compile(r"[\s，。、；：！？,.;:!?（）()]+")


class NeedNotFound(NotFound):
    """No such need of this member."""

    code = "exchange.need_not_found"
    text = "没有找到这一条，可能已经撤下。"


def find_need_by_key(session: Session, form_key: str) -> Need | None:
    """The need that a form made."""
    return session.scalars(select(Need).where(Need.form_key == form_key)).one_or_none()


def get_need(session: Session, need_id: int, member_id: int | None) -> Need:
    """A member's own need. Raises NeedNotFound, to others as well."""
    need = session.get(Need, need_id)
    if need is None or need.member_id != member_id:
        raise NeedNotFound()
    return need


def list_own_needs(session: Session, member_id: int, today: date) -> Sequence[Need]:
    """What a member looks for on a day, the newest first."""
    return session.scalars(
        select(Need).where(Need.member_id == member_id, *_open(today)).order_by(Need.id.desc())
    ).all()


def list_neighbours_needs(session: Session, branch_id: int, member_id: int, today: date, *, most: int) -> list[Need]:
    """What others of a branch look for on a day, the newest first."""
    others = select(Need).where(Need.branch_id == branch_id, Need.member_id != member_id, *_open(today))
    return list(session.scalars(others.options(selectinload(Need.member)).order_by(Need.id.desc()).limit(most)))


def offers_for(session: Session, need: Need, today: date, *, most: int) -> Sequence[Offer]:
    """The offers that fit a need and that its owner may see, nobody's own, the newest first."""
    fitting = open_offers(today).where(
        seen_by(need.branch_id),
        _fits(need.category, need.words),
        or_(Offer.provider_id.is_(None), Offer.provider_id != need.member_id),
        or_(Offer.team_id.is_(None), Offer.team_id.not_in(led_by(need.member_id))),
        or_(Offer.stock.is_(None), Offer.stock > 0),
    )
    return session.scalars(fitting.options(*GIVERS).order_by((Offer.id + 0).desc()).limit(most)).all()


def needs_for(session: Session, offer: Offer, today: date, *, most: int) -> list[Need]:
    """The needs that an offer fits, of those who may see it, not its giver's own; the oldest first."""
    giver = offer.answers
    same = Need.category == offer.category
    if offer.category == OTHER:  # what a need says is looked for in what the offer says
        same = same & literal(offer.words).contains(func.lower(Need.words))
    found = select(Need).where(same, *_open(today), Need.member_id != (giver.id if giver is not None else 0))
    needs = session.scalars(found.order_by(Need.id).limit(10 * most))
    return [need for need in needs if is_shared_with(session, offer, need.branch_id)][:most]


def count_needs_for(session: Session, offers: Sequence[Offer], today: date, *, most: int = 9) -> dict[int, int]:
    """How many needs each of a few offers fits, counted up to ``most``."""
    counts = {offer.id: len(needs_for(session, offer, today, most=most)) for offer in offers}
    return {offer_id: count for offer_id, count in counts.items() if count}


def _open(today: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Need.ended_at.is_(None), Need.until >= today


def _fits(category: str, words: str) -> ColumnElement[bool]:
    if category != OTHER:
        return Offer.category == category
    terms = [term for term in _BETWEEN.split(words.lower()) if len(term) > 1]
    return or_(*(Offer.words.contains(term, autoescape=True) for term in terms or [words.lower()]))
