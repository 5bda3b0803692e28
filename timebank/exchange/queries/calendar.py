"""A resource's calendar: which hours are free, which days it is closed. It tells nobody who has booked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.exchange import rules
from timebank.exchange.models import BookedSlot, Offer, OfferClosure, Order

WEEK = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """An hour that can be booked: how many places are left, and whether the visitor has it."""

    at: datetime
    left: int
    mine: bool
    over: bool

    @property
    def minute(self) -> str:
        """When it begins, as addresses and forms have it."""
        return f"{clock.local(self.at):%Y-%m-%dT%H:%M}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """A day of the calendar; ``closed`` says why nothing can be booked, empty on open days."""

    on: date
    closed: str
    slots: tuple[Slot, ...]


def week_of(session: Session, offer: Offer, first: date, *, member_id: int | None, now: datetime) -> list[Day]:
    """Seven days of a resource from ``first`` on, as a member sees them."""
    start = clock.instant(first, time())
    end = clock.instant(first + timedelta(days=WEEK), time())
    booked: Counter[datetime] = Counter()
    mine: set[datetime] = set()
    rows = session.execute(
        select(BookedSlot.slot_at, Order.member_id)
        .join(Order, Order.id == BookedSlot.order_id)
        .where(BookedSlot.offer_id == offer.id, BookedSlot.slot_at >= start, BookedSlot.slot_at < end)
    )
    for at, who in rows:
        booked[at] += 1
        if who == member_id:
            mine.add(at)
    closures = list_closures(session, offer.id, first, first + timedelta(days=WEEK - 1))
    days = [first + timedelta(days=at) for at in range(WEEK)]
    return [
        Day(
            on=day,
            closed=next((one.reason for one in closures if one.first_day <= day <= one.last_day), ""),
            slots=tuple(_slot(offer, day, at, booked, mine, now) for at in rules.slots_on(offer.hours, day)),
        )
        for day in days
    ]


def _slot(offer: Offer, day: date, at: time, booked: Counter[datetime], mine: set[datetime], now: datetime) -> Slot:
    begins = clock.instant(day, at)
    over = not now < begins <= now + rules.BOOKED_AHEAD
    return Slot(at=begins, left=max((offer.capacity or 0) - booked[begins], 0), mine=begins in mine, over=over)


def list_closures(session: Session, offer_id: int, first: date, last: date) -> Sequence[OfferClosure]:
    """The closures of a resource that touch a span of days, in order."""
    touching = select(OfferClosure).where(
        OfferClosure.offer_id == offer_id, OfferClosure.last_day >= first, OfferClosure.first_day <= last
    )
    return session.scalars(touching.order_by(OfferClosure.first_day, OfferClosure.id)).all()


def find_closure(session: Session, offer_id: int, day: date) -> OfferClosure | None:
    """Why a resource is closed on a day; None when it is open."""
    return next(iter(list_closures(session, offer_id, day, day)), None)


def count_booked_days(session: Session, offer_id: int, first: date, last: date) -> int:
    """How many orders have hours of a resource on some days."""
    start, end = clock.instant(first, time()), clock.instant(last + timedelta(days=1), time())
    chosen = select(func.count(func.distinct(BookedSlot.order_id))).where(
        BookedSlot.offer_id == offer_id, BookedSlot.slot_at >= start, BookedSlot.slot_at < end
    )
    return session.scalar(chosen) or 0
