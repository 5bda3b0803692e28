"""Rooms and equipment by the hour: never more at a time than there is room for, and free again when given back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, at_once, coins_of, committed, give, key
from tests.world import NOW, actor_of, make_member
from timebank.core import clock
from timebank.core.errors import FormUsed, Invalid, NotAllowed, Refusal
from timebank.exchange import queries, service
from timebank.exchange.models import ACCEPTED, EXPIRED, RESOURCE, BookedSlot, Offer, Order
from timebank.ledger import queries as books
from timebank.members.models import Member

MONDAY = date(2026, 11, 23)  # two days after NOW
HOURS = "1-5 08:30-11:30;1-5 13:30-17:30"


def at(hour: int, minute: int = 30, day: date = MONDAY) -> datetime:
    return clock.instant(day, time(hour, minute))


@pytest.fixture
def scene(session: Session) -> Scene:
    made = Scene(session)
    give(session, made.asker, 1200)
    return made


def room(scene: Scene, **more: Any) -> Offer:
    given = {"kind": RESOURCE, "branch_id": scene.branch.id, "category": "room", "title": "会议室", "price_minutes": 60}
    draft = service.OfferDraft(**given | {"capacity": 1, "hours": HOURS} | more)
    return service.post_offer(
        scene.session, draft, form_key=key(), actor=actor_of(scene.session, scene.manager), now=NOW
    )


def booked(scene: Scene, offer: Offer) -> list[tuple[datetime, int]]:
    chosen = select(BookedSlot).where(BookedSlot.offer_id == offer.id).order_by(BookedSlot.slot_at, BookedSlot.seat)
    return [(one.slot_at, one.seat) for one in scene.session.scalars(chosen)]


def test_hours_are_booked_at_once_and_cost_by_the_hour(scene: Scene) -> None:
    offer = room(scene)
    order = scene.order(offer, starts_at=at(13), quantity=3)
    assert (order.status, order.amount_minutes, order.agreed_at, order.provider_id) == (ACCEPTED, 180, at(13), None)
    assert booked(scene, offer) == [(at(hour), 1) for hour in (13, 14, 15)]
    assert coins_of(scene.session, scene.asker) == (1380, 180)
    scene.fulfil(order, by=scene.manager, now=at(13))
    redeemed = books.find_house_account(scene.session, scene.branch.id, "redeemed")
    assert books.balance(scene.session, redeemed) == 180
    assert len(booked(scene, offer)) == 3


def test_an_hour_is_booked_as_often_as_there_is_room(scene: Scene) -> None:
    offer = room(scene, capacity=2)
    scene.order(offer, starts_at=at(8), quantity=2)
    scene.order(offer, starts_at=at(9), quantity=2)
    with pytest.raises(service.SlotTaken, match="09:30"):
        scene.order(offer, starts_at=at(8), quantity=2)
    scene.order(offer, starts_at=at(8))
    scene.order(offer, starts_at=at(10))


def test_seats_are_used_where_they_are_free(scene: Scene) -> None:
    """Two long bookings side by side fit wherever each hour has a place, whatever seats the hours around have."""
    offer = room(scene, capacity=2)
    first, second = scene.order(offer, starts_at=at(8)), scene.order(offer, starts_at=at(8))
    scene.order(offer, starts_at=at(9))
    scene.cancel(first)
    scene.order(offer, starts_at=at(8), quantity=2)
    assert [slot for slot, _ in booked(scene, offer)] == [at(8), at(8), at(9), at(9)]
    assert second.status == ACCEPTED


def test_what_is_cancelled_or_ran_out_is_free_again(scene: Scene) -> None:
    offer = room(scene)
    scene.cancel(scene.order(offer, starts_at=at(8), quantity=2))
    assert booked(scene, offer) == []
    again = scene.order(offer, starts_at=at(8), quantity=2)
    assert again.expires_at == at(10) + timedelta(days=7)
    service.expire_orders(scene.session, now=again.expires_at)
    assert (again.status, booked(scene, offer)) == (EXPIRED, [])
    assert coins_of(scene.session, scene.asker) == (1380, 0)


@pytest.mark.parametrize(
    ("starts_at", "hours"),
    [
        (None, 1),
        (at(8, 0), 1),
        (at(10), 2),
        (at(11), 1),
        (at(8) - timedelta(days=1), 1),
        (NOW - timedelta(days=1), 1),
        (at(8, day=date(2027, 2, 1)), 1),
    ],
    ids=["none", "between", "over lunch", "after closing", "sunday", "past", "far ahead"],
)
def test_only_whole_hours_while_it_is_open(scene: Scene, starts_at: datetime | None, hours: int) -> None:
    offer = room(scene)
    with pytest.raises(service.BadTime) as refused:
        scene.order(offer, starts_at=starts_at, quantity=hours)
    assert list(refused.value.fields) == ["starts_at"]


def test_nobody_books_more_than_a_day_of_work_or_a_time_for_a_haircut(scene: Scene) -> None:
    with pytest.raises(service.BadQuantity):
        scene.order(room(scene), starts_at=at(8), quantity=9)
    with pytest.raises(service.BadTime):
        scene.order(scene.haircut, starts_at=at(8))


def test_a_form_sent_twice_books_once_and_another_time_is_another_form(scene: Scene) -> None:
    offer = room(scene)
    first = scene.order(offer, starts_at=at(8), form_key="same")
    assert scene.order(offer, starts_at=at(8), form_key="same") is first
    with pytest.raises(FormUsed):
        scene.order(offer, starts_at=at(9), form_key="same")
    assert len(booked(scene, offer)) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"capacity": None}, "capacity"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": 100}, "capacity"),
        ({"hours": ""}, "hours"),
        ({"category": "haircut"}, "category"),
        ({"stock": 1}, "stock"),
        ({"area_id": 999}, "area_id"),
    ],
)
def test_a_resource_says_how_many_and_when(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        room(scene, **wrong)
    assert list(refused.value.fields) == [field]


def test_services_have_no_capacity(scene: Scene) -> None:
    with pytest.raises(service.BadOffer):
        scene.service("修伞", category="repair", capacity=1)


def test_a_booked_time_is_changed_by_cancelling_not_by_agreeing(scene: Scene) -> None:
    order = scene.order(room(scene), starts_at=at(8))
    meeting = service.Meeting(at=at(9), words="晚一点", form_key="later")
    with pytest.raises(NotAllowed):
        service.propose_time(scene.session, order.id, meeting, actor=actor_of(scene.session, scene.asker), now=NOW)
    with pytest.raises(NotAllowed):
        service.accept_order(scene.session, order.id, meeting, actor=actor_of(scene.session, scene.manager), now=NOW)


# --- the calendar and closed days ------------------------------------------------------------------------------------


def slots(scene: Scene, offer: Offer, member: Member) -> dict[str, tuple[int, bool, bool]]:
    days = queries.week_of(scene.session, offer, MONDAY, member_id=member.id, now=NOW)
    return {slot.minute[11:]: (slot.left, slot.mine, slot.over) for slot in days[0].slots}


def test_the_calendar_shows_what_is_left_and_ones_own_and_nobody_elses(scene: Scene) -> None:
    offer = room(scene, capacity=2)
    scene.order(offer, starts_at=at(8))
    seen = slots(scene, offer, scene.asker)
    assert (seen["08:30"], seen["09:30"]) == ((1, True, False), (2, False, False))
    assert slots(scene, offer, scene.barber)["08:30"] == (1, False, False)
    week = queries.week_of(scene.session, offer, MONDAY, member_id=None, now=NOW)
    assert [len(day.slots) for day in week] == [7, 7, 7, 7, 7, 0, 0]


def close(scene: Scene, offer: Offer, first: date, last: date, **more: Any) -> Any:
    draft = service.ClosureDraft(
        **{"offer_id": offer.id, "first_day": first, "last_day": last, "reason": "检修", "form_key": key()} | more
    )
    return service.close_days(scene.session, draft, actor=actor_of(scene.session, scene.manager), now=NOW)


def test_closed_days_take_no_bookings_and_say_why(scene: Scene) -> None:
    offer = room(scene)
    closure = close(scene, offer, MONDAY, MONDAY + timedelta(days=1))
    with pytest.raises(service.ClosedThen, match="检修"):
        scene.order(offer, starts_at=at(8))
    week = queries.week_of(scene.session, offer, MONDAY, member_id=None, now=NOW)
    assert [day.closed for day in week][:3] == ["检修", "检修", ""]
    service.open_days(scene.session, offer.id, closure.id, actor=actor_of(scene.session, scene.manager))
    scene.order(offer, starts_at=at(8))


def test_days_with_bookings_are_not_closed_over_peoples_heads(scene: Scene) -> None:
    offer = room(scene)
    order = scene.order(offer, starts_at=at(8), quantity=2)
    with pytest.raises(service.DaysBooked, match="1 个"):
        close(scene, offer, MONDAY, MONDAY)
    scene.cancel(order)
    close(scene, offer, MONDAY, MONDAY)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"last_day": MONDAY - timedelta(days=1)}, "last_day"),
        ({"first_day": date(2026, 1, 1), "last_day": date(2026, 1, 2)}, "last_day"),
        ({"last_day": MONDAY + timedelta(days=400)}, "last_day"),
        ({"reason": "  "}, "reason"),
    ],
)
def test_a_closure_has_days_ahead_and_a_reason(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    given: dict[str, Any] = {"first_day": MONDAY, "last_day": MONDAY} | wrong
    with pytest.raises(Invalid) as refused:
        close(scene, room(scene), given.pop("first_day"), given.pop("last_day"), **given)
    assert list(refused.value.fields) == [field]


def test_a_closure_sent_twice_is_one_and_services_have_none(scene: Scene) -> None:
    offer = room(scene)
    assert close(scene, offer, MONDAY, MONDAY, form_key="k").id == close(scene, offer, MONDAY, MONDAY, form_key="k").id
    with pytest.raises(FormUsed):
        close(scene, offer, MONDAY, MONDAY, form_key="k", reason="放假")
    with pytest.raises(NotAllowed):
        close(scene, scene.tickets, MONDAY, MONDAY)


# --- the database, and many at once ----------------------------------------------------------------------------------


def test_the_database_books_no_hour_more_often_than_there_is_room(scene: Scene) -> None:
    offer = room(scene)
    scene.order(offer, starts_at=at(8))
    other = scene.order(offer, starts_at=at(9))
    row = "INSERT INTO booked_slot (order_id, slot_at, offer_id, seat)"
    taken = f"{row} SELECT {other.id}, slot_at, offer_id, seat FROM booked_slot WHERE order_id <> {other.id}"
    above = taken.replace("offer_id, seat FROM", "offer_id, seat + 1 FROM")
    elsewhere = taken.replace("slot_at, offer_id, seat FROM", f"slot_at, {scene.tickets.id}, seat FROM")
    for change in (taken, above, elsewhere, "UPDATE booked_slot SET seat = seat"):
        with pytest.raises(DBAPIError), scene.session.begin_nested():
            scene.session.execute(text(change))


@pytest.mark.parametrize("capacity", [1, 3])
def test_many_book_the_same_hours_at_once(fresh_database: str, capacity: int) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            offer = room(scene, capacity=capacity)
            people = [make_member(session, scene.branch) for _ in range(8)]
            for person in people:
                give(session, person, 120)
            verbs = [
                _booking(offer.id, actor_of(session, person), at(8 + number % 2))
                for number, person in enumerate(people)
            ]
            offer_id, ids = offer.id, [person.id for person in people]
        answers = at_once(fresh_database, verbs)
        won = [one for one in answers if not isinstance(one, Exception)]
        assert {type(one) for one in answers if isinstance(one, Exception)} <= {service.SlotTaken}
        assert all(isinstance(one, int | Refusal) for one in answers)
        with work() as session:
            per_hour: dict[datetime, int] = {}
            for slot in session.scalars(select(BookedSlot).where(BookedSlot.offer_id == offer_id)):
                per_hour[slot.slot_at] = per_hour.get(slot.slot_at, 0) + 1
            assert max(per_hour.values()) == per_hour[at(9)] == capacity  # everybody wants 09:30
            assert len(session.scalars(select(Order)).all()) == len(won) == capacity
            held = sum(coins_of(session, session.get_one(Member, id_))[1] for id_ in ids)
            assert held == 120 * len(won)


def _booking(offer_id: int, actor: Any, starts_at: datetime) -> Callable[[Session], int]:
    draft = service.OrderDraft(offer_id=offer_id, form_key=key(), quantity=2, starts_at=starts_at)
    return lambda session: service.request_order(session, draft, actor=actor, now=NOW).id


def test_booking_and_closing_at_once_never_both_win(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        for _ in range(3):
            with work() as session:
                scene = Scene(session)
                offer = room(scene)
                asker = make_member(session, scene.branch)
                give(session, asker, 120)
                manager = actor_of(session, scene.manager)
                draft = service.ClosureDraft(
                    offer_id=offer.id, first_day=MONDAY, last_day=MONDAY, reason="检修", form_key=key()
                )
                verbs: list[Callable[[Session], Any]] = [
                    _booking(offer.id, actor_of(session, asker), at(8)),
                    lambda session, draft=draft, manager=manager: (
                        service.close_days(  # type: ignore[misc]
                            session, draft, actor=manager, now=NOW
                        ).id
                    ),
                ]
            answers = at_once(fresh_database, verbs)
            assert [isinstance(one, Refusal) for one in answers].count(True) == 1
