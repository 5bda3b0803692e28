"""Reads about which branches' members may see an offer."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from timebank.exchange.models import CHOSEN, EVERYWHERE, Offer, OfferShare


def seen_by(branch_id: int) -> ColumnElement[bool]:
    """The condition on offers that a branch's members may see: their own branch's, and what is shared with it."""
    chosen = exists().where(OfferShare.offer_id == Offer.id, OfferShare.branch_id == branch_id)
    return or_(Offer.branch_id == branch_id, Offer.shared_with == EVERYWHERE, (Offer.shared_with == CHOSEN) & chosen)


def is_shared_with(session: Session, offer: Offer, branch_id: int | None) -> bool:
    """Whether an offer is meant for a branch's members: it is the branch's own, or shared with it."""
    if offer.branch_id == branch_id or offer.shared_with == EVERYWHERE:
        return True
    if offer.shared_with != CHOSEN or branch_id is None:
        return False
    return session.get(OfferShare, (offer.id, branch_id)) is not None


def list_shares(session: Session, offer_id: int) -> frozenset[int]:
    """The branches an offer was shared with one by one."""
    return frozenset(session.scalars(select(OfferShare.branch_id).where(OfferShare.offer_id == offer_id)))
