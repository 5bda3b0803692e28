"""Professions that the law reserves: an offer counts while staff have seen the giver's paper, and it is valid.

The paper is a row of members (``Qualification``): recorded by staff with the original in their hands, with its last
day, never by oneself. Withdrawn or run out, it takes the offers down that stand on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from timebank.exchange.models import ENDED, LISTED, Offer
from timebank.exchange.rules import LICENSED
from timebank.members.models import Qualification
from timebank.members.rules.papers import RESERVED


def is_licensed(today: date) -> ColumnElement[bool]:
    """The condition on offers that need no licence, or whose giver's was seen and is valid on a day."""
    seen = [and_(Offer.category == category, exists().where(_paper(category, today))) for category in sorted(LICENSED)]
    return or_(Offer.category.not_in(LICENSED), *seen)


def has_licence(session: Session, offer: Offer, today: date) -> bool:
    """Whether an offer needs no licence, or its giver's was seen and is valid on a day."""
    if offer.category not in LICENSED:
        return True
    return bool(session.scalar(select(is_licensed(today)).where(Offer.id == offer.id)))


def list_unchecked(session: Session, branch_id: int, today: date) -> Sequence[Offer]:
    """A branch's offers that wait for staff to see a licence, or to see a new one; the oldest first."""
    waiting = (
        select(Offer)
        .where(Offer.branch_id == branch_id, Offer.status != ENDED, ~is_licensed(today))
        .options(selectinload(Offer.provider))
        .order_by(Offer.created_at, Offer.id)
    )
    return session.scalars(waiting).all()


def list_licences_ending(session: Session, today: date, last: date) -> list[tuple[Offer, date]]:
    """Listed offers whose licence is valid on a day and ends by another, with its last day; no later paper counts."""
    ends: dict[Offer, date] = {}
    for category in sorted(LICENSED):
        rows = session.execute(
            select(Offer, func.max(func.coalesce(Qualification.valid_until, date.max)))
            .join(Qualification, _paper(category, today))
            .where(Offer.category == category, Offer.status == LISTED)
            .group_by(Offer.id)
        )
        ends |= {offer: until for offer, until in rows if until <= last}
    return sorted(ends.items(), key=lambda pair: pair[0].id)


def _paper(category: str, today: date) -> ColumnElement[bool]:
    return and_(
        Qualification.member_id == Offer.provider_id,
        Qualification.kind.in_(RESERVED[category]),
        Qualification.withdrawn_at.is_(None),
        or_(Qualification.valid_until.is_(None), Qualification.valid_until >= today),
    )
