"""What belongs to an offer besides its words: photos, and for resources who has booked which hour and closed days."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import Base
from timebank.exchange.models.offers import Offer


class OfferPhoto(Base):
    """A picture of an offer for everybody to see, written anew from its pixels; ``digest`` is its SHA-256."""

    __tablename__ = "offer_photo"
    __table_args__ = (UniqueConstraint("offer_id", "digest"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    jpeg: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    digest: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]

    offer: Mapped[Offer] = relationship()


class BookedSlot(Base):
    """One hour of a resource that an order has; as many ``seat`` numbers an hour as the resource has capacity.

    The row goes when the order ends without being used; it never changes.
    """

    __tablename__ = "booked_slot"
    __table_args__ = (
        UniqueConstraint("offer_id", "slot_at", "seat"),
        CheckConstraint("seat > 0", name="seat_positive"),
    )
    order_id: Mapped[int] = mapped_column(ForeignKey("exchange_order.id"), primary_key=True)
    slot_at: Mapped[datetime] = mapped_column(primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    seat: Mapped[int]


class OfferClosure(Base):
    """Days on which a resource cannot be booked, both ends included."""

    __tablename__ = "offer_closure"
    __table_args__ = (
        CheckConstraint("last_day >= first_day", name="days_in_order"),
        CheckConstraint("reason <> ''", name="has_reason"),
        Index("ix_offer_closure_offer_id_last_day", "offer_id", "last_day"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[str] = mapped_column(String(60))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
