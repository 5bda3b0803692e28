"""Pictures of an offer."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, NotAllowed
from timebank.core.photos import Photo
from timebank.exchange.models import ENDED, Offer, OfferPhoto
from timebank.exchange.service.offers import OfferEnded, get_own

MOST_PHOTOS: Final = 4
LONGEST_SIDE: Final = 1280  # a phone's whole width, twice


class PhotosFull(Conflict):
    """An offer has as many pictures as it can have."""

    code = "exchange.photos_full"
    text = "最多 {most} 张照片。请先删掉一张再传。"


def show_photo(session: Session, offer_id: int, photo: Photo, *, actor: Actor, now: datetime) -> OfferPhoto:
    """Add a picture to an offer; the same picture is kept once. Raises OfferNotFound, OfferEnded, PhotosFull."""
    offer = get_own(session, offer_id, actor)
    if actor.member_id is None:
        raise NotAllowed(permission="offer.own")
    if offer.status == ENDED:
        raise OfferEnded()
    session.get(Offer, offer_id, with_for_update={"key_share": True})  # two uploads do not both find the last place
    kept = select(OfferPhoto).where(OfferPhoto.offer_id == offer.id, OfferPhoto.digest == photo.digest)
    first = session.scalars(kept).one_or_none()
    if first is not None:
        return first
    if (session.scalar(select(func.count()).where(OfferPhoto.offer_id == offer.id)) or 0) >= MOST_PHOTOS:
        raise PhotosFull(most=MOST_PHOTOS)
    row = {"jpeg": photo.jpeg, "digest": photo.digest, "width": photo.width, "height": photo.height}
    whose = {"offer_id": offer.id, "by_id": actor.member_id, "at": now}
    session.execute(insert_once(session, OfferPhoto).values(row | whose))
    return session.scalars(kept).one()


def remove_photo(session: Session, offer_id: int, photo_id: int, *, actor: Actor) -> None:
    """Take a picture away; a repeat changes nothing. Raises OfferNotFound, NotAllowed."""
    offer = get_own(session, offer_id, actor)
    session.execute(delete(OfferPhoto).where(OfferPhoto.id == photo_id, OfferPhoto.offer_id == offer.id))
