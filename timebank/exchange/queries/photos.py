"""Reads of offers' pictures."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from timebank.core.errors import NotFound
from timebank.exchange.models import OfferPhoto


class PhotoNotFound(NotFound):
    """No such picture of this offer."""

    code = "exchange.photo_not_found"
    text = "没有找到这张照片，可能已经删掉了。"


def list_photos(session: Session, offer_id: int) -> Sequence[OfferPhoto]:
    """An offer's pictures without their bytes, oldest first."""
    return session.scalars(select(OfferPhoto).where(OfferPhoto.offer_id == offer_id).order_by(OfferPhoto.id)).all()


def first_photos(session: Session, offer_ids: Collection[int]) -> dict[int, int]:
    """The oldest picture of each offer that has one."""
    chosen = select(OfferPhoto.offer_id, func.min(OfferPhoto.id)).where(OfferPhoto.offer_id.in_(offer_ids))
    found: dict[int, int] = dict(session.execute(chosen.group_by(OfferPhoto.offer_id)).all())
    return found


def get_picture(session: Session, offer_id: int, photo_id: int) -> OfferPhoto:
    """A picture with its bytes. Raises PhotoNotFound."""
    found = session.scalars(
        select(OfferPhoto)
        .where(OfferPhoto.id == photo_id, OfferPhoto.offer_id == offer_id)
        .options(undefer(OfferPhoto.jpeg))
    ).one_or_none()
    if found is None:
        raise PhotoNotFound()
    return found
