"""Hours of rooms and equipment: booked with an order, free again with its end; days on which they are closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.exchange import rules
from timebank.exchange.models import RESOURCE, BookedSlot, Offer, OfferClosure, Order
from timebank.exchange.queries import count_booked_days, find_closure
from timebank.exchange.service.offers import get_own


class BadTime(Invalid):
    """Not the beginning of an hour that can be booked, over, or too far ahead; tied to ``starts_at``."""

    code = "exchange.bad_time"


class ClosedThen(Conflict):
    """The day is one of those on which it is closed."""

    code = "exchange.closed_then"
    text = "“{title}”{day} 不开放（{reason}）。请选别的日子。"


class SlotTaken(Conflict):
    """Somebody has booked this hour, as often as there is room."""

    code = "exchange.slot_taken"
    text = "“{title}”{at} 已经订满了。请在日历上选别的时间。"


class DaysBooked(Conflict):
    """There are bookings on the days to be closed."""

    code = "exchange.days_booked"
    text = "这几天已经有 {count} 个预订，不能直接关闭。请先在兑换单里取消它们，写明原因。"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosureDraft:
    """Days on which a resource is closed, both included; the form's key makes a repeat harmless."""

    offer_id: int
    first_day: date
    last_day: date
    reason: str
    form_key: str


def check_time(session: Session, offer: Offer, starts_at: datetime | None, count: int, now: datetime) -> None:
    """Whether ``count`` hours in a row can be booked from an instant on, other bookings aside.

    Raises BadTime, ClosedThen. Offers that are no resource have no time.
    """
    if offer.kind != RESOURCE:
        if starts_at is not None:
            raise _bad("这一项不用选时间。")
        return
    if starts_at is None:
        raise _bad("请在日历上选一个开始时间。")
    if not now < starts_at <= now + rules.BOOKED_AHEAD:
        raise _bad(f"请选现在以后、{rules.BOOKED_AHEAD.days} 天以内的时间。")
    begins = clock.local(starts_at)
    open_slots = {clock.instant(begins.date(), slot) for slot in rules.slots_on(offer.hours, begins.date())}
    if not set(rules.slots_from(starts_at, count)) <= open_slots:
        raise _bad(f"开放时间是 {rules.hours_in_words(offer.hours)}，整段都要在里面。")
    _refuse_closed_day(session, offer, starts_at)


def _refuse_closed_day(session: Session, offer: Offer, starts_at: datetime) -> None:
    day = clock.local(starts_at).date()
    closure = find_closure(session, offer.id, day)
    if closure is not None:
        raise ClosedThen(title=offer.title, day=f"{day:%m-%d}", reason=closure.reason)


def book(session: Session, order: Order, starts_at: datetime) -> None:
    """Give an order its hours. Raises SlotTaken, ClosedThen.

    The offer is locked: bookings and closures of one room come one after the other.
    """
    offer = session.get_one(Offer, order.offer_id, with_for_update={"key_share": True}, populate_existing=True)
    _refuse_closed_day(session, offer, starts_at)  # what was true before the lock need not be true now
    wanted = rules.slots_from(starts_at, order.quantity)
    taken = _seats(session, offer.id, wanted)
    rows = []
    for slot in wanted:
        free = next((seat for seat in range(1, (offer.capacity or 0) + 1) if seat not in taken[slot]), None)
        if free is None:
            raise SlotTaken(title=offer.title, at=f"{clock.local(slot):%m-%d %H:%M}")
        rows.append({"order_id": order.id, "slot_at": slot, "offer_id": offer.id, "seat": free})
    session.execute(insert(BookedSlot), rows)


def free_slots(session: Session, order_ids: Collection[int]) -> None:
    """Let others have the hours of orders that ended without being used."""
    session.execute(delete(BookedSlot).where(BookedSlot.order_id.in_(order_ids)))


def close_days(session: Session, draft: ClosureDraft, *, actor: Actor, now: datetime) -> OfferClosure:
    """Close a resource for some days. The same form gives the first.

    Raises Invalid, NotAllowed, DaysBooked, FormUsed.
    """
    offer = get_own(session, draft.offer_id, actor)
    if offer.kind != RESOURCE or actor.member_id is None:
        raise NotAllowed(permission="offer.branch")
    _check_closure(draft, clock.today(now))
    session.get_one(Offer, offer.id, with_for_update={"key_share": True}, populate_existing=True)
    first = _closure_of(session, draft.form_key)
    if first is None:
        booked = count_booked_days(session, offer.id, draft.first_day, draft.last_day)
        if booked:
            raise DaysBooked(count=booked)
        said = {"first_day": draft.first_day, "last_day": draft.last_day, "reason": draft.reason.strip()}
        whose = {"offer_id": offer.id, "by_id": actor.member_id, "at": now, "form_key": draft.form_key}
        session.execute(insert_once(session, OfferClosure).values(said | whose))
        first = _closure_of(session, draft.form_key)
    content = (draft.offer_id, draft.first_day, draft.last_day, draft.reason.strip())
    if first is None or (first.offer_id, first.first_day, first.last_day, first.reason) != content:
        raise FormUsed()
    return first


def open_days(session: Session, offer_id: int, closure_id: int, *, actor: Actor) -> None:
    """Take a closure back; a repeat changes nothing."""
    offer = get_own(session, offer_id, actor)
    session.execute(delete(OfferClosure).where(OfferClosure.id == closure_id, OfferClosure.offer_id == offer.id))


def _check_closure(draft: ClosureDraft, today: date) -> None:
    if draft.last_day < draft.first_day:
        raise Invalid(fields={"last_day": "最后一天不能早于第一天。"})
    if draft.last_day < today:
        raise Invalid(fields={"last_day": "这几天已经过去了。"})
    if draft.last_day - draft.first_day > timedelta(days=366):
        raise Invalid(fields={"last_day": "一次最多关闭一年。不再提供的话，请下架。"})
    if not draft.reason.strip():
        raise Invalid(fields={"reason": "请写一句原因，大家会看到。"})


def _closure_of(session: Session, form_key: str) -> OfferClosure | None:
    return session.scalars(select(OfferClosure).where(OfferClosure.form_key == form_key)).one_or_none()


def _seats(session: Session, offer_id: int, slots: Sequence[datetime]) -> dict[datetime, set[int]]:
    taken: dict[datetime, set[int]] = defaultdict(set)
    chosen = select(BookedSlot.slot_at, BookedSlot.seat).where(
        BookedSlot.offer_id == offer_id, BookedSlot.slot_at.in_(slots)
    )
    for slot, seat in session.execute(chosen):
        taken[slot].add(seat)
    return taken


def _bad(text: str) -> BadTime:
    return BadTime(fields={"starts_at": text})
