"""The waiting list: who is asked, until when, and what becomes of the place when somebody says yes, no or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.activities.town import HOUR, accept, join, make_town, people, post, post_shift, quit_shift, shift, state
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.activities import queries, service
from timebank.activities.models import CONFIRMED, DECLINED, LAPSED, LEFT, OFFERED, WAITING, Shift, SignUp
from timebank.activities.rules import Party, choose_parties, offer_deadline
from timebank.core.actor import SYSTEM
from timebank.core.errors import NotAllowed
from timebank.members.models import Member
from timebank.members.service import suspend_member
from timebank.notices.models import Notice
from timebank.notices.queries import list_notices

HERE = ZoneInfo("Asia/Shanghai")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=HERE)


# --- until when ---


@pytest.mark.parametrize(
    ("now", "starts_at", "until"),
    [
        (at(1, 9), at(20, 9), at(2, 9)),  # a day, weeks ahead
        (at(1, 9), at(5, 9), at(2, 9)),  # four days ahead: still a day
        (at(1, 9), at(3, 9), at(1, 21)),  # a quarter of the rest
        (at(1, 9), at(1, 17), at(1, 11)),
        (at(1, 9), at(1, 10), at(1, 9, 30)),  # half an hour at least
        (at(1, 9), at(1, 9, 20), at(1, 9, 20)),  # but never past the start
        (at(1, 21), at(2, 11), at(2, 8)),  # 00:30 is for sleeping
        (at(1, 20), at(2, 6), at(2, 5)),  # the morning is too late: an hour before the start
        (at(1, 23), at(2, 0), at(1, 23, 30)),  # a night shift: people are awake anyway
        (at(1, 22), at(9, 9), at(3, 8)),  # the end of a whole day may fall into the night, too
    ],
)
def test_an_offer_is_open_until(now: datetime, starts_at: datetime, until: datetime) -> None:
    assert offer_deadline(now, starts_at, offer_hours=24) == until


def test_no_offer_is_open_past_the_start_or_ends_before_it_was_made() -> None:
    for minutes in range(1, 3000, 7):
        for hour in (0, 5, 8, 12, 21, 23):
            now = at(1, hour)
            until = offer_deadline(now, now + timedelta(minutes=minutes), offer_hours=24)
            assert now < until <= now + timedelta(minutes=minutes)


def party(key: str, size: int = 1, passed: int = 0) -> Party:
    return Party(key=key, size=size, passed=passed)


@pytest.mark.parametrize(
    ("line", "free", "asked", "passed"),
    [
        ([party("a"), party("b")], 0, "", ""),
        ([party("a"), party("b")], 1, "a", ""),
        ([party("a"), party("b")], 5, "ab", ""),
        ([party("a", 3), party("b")], 3, "a", ""),
        ([party("a", 3), party("b")], 2, "b", "a"),  # the smaller one goes before
        ([party("a", 3), party("b", 2), party("c")], 1, "c", "ab"),
        ([party("a", 3)], 2, "", ""),  # nobody went before, so nothing is counted
        ([party("a", 3, passed=2), party("b")], 1, "b", "a"),
        ([party("a", 3, passed=3), party("b")], 2, "", ""),  # three times is enough: places are saved up
        ([party("a", 3, passed=3), party("b")], 3, "a", ""),
        ([party("b"), party("a", 3, passed=3), party("c")], 2, "b", ""),
        ([party("a", 2), party("b", 2), party("c")], 3, "ac", "b"),
    ],
)
def test_who_is_asked(line: list[Party], free: int, asked: str, passed: str) -> None:
    choice = choose_parties(line, free)
    assert "".join(str(one.key) for one in choice.asked) == asked
    assert "".join(str(one.key) for one in choice.passed) == passed


def test_the_line_is_not_read_further_than_needed() -> None:
    def line():  # type: ignore[no-untyped-def]
        yield party("a")
        raise AssertionError("nobody asked for this one")

    assert [one.key for one in choose_parties(line(), 1).asked] == ["a"]


# --- offered, and answered ---


def queue(session: Session, count: int = 3, capacity: int = 1, hours: float = 24) -> tuple[Shift, list[Member]]:
    """A full shift and its line; the first ``capacity`` people have places."""
    town = make_town(session)
    on = post_shift(session, town, capacity=capacity, hours=hours)
    folk = people(session, town, count)
    for member in folk:
        join(session, on, member)
    return on, folk


def sign_up_of(session: Session, on: Shift, member: Member) -> SignUp:
    found = queries.find_sign_up(session, on.id, member.id)
    assert found is not None
    return found


def kinds(session: Session, member: Member) -> list[str]:
    return list(session.scalars(select(Notice.kind).where(Notice.member_id == member.id).order_by(Notice.id)))


def test_a_freed_place_is_offered_to_the_first_in_line_and_held(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, one)
    assert [state(session, on, who) for who in (one, two, three)] == [LEFT, OFFERED, WAITING]
    assert (on.taken, on.free) == (1, 0)
    assert sign_up_of(session, on, two).offered_until == NOW + 6 * HOUR
    [told] = list_notices(session, two.id).items
    assert told.title == "轮到您了：“陪独居老人聊天”有名额"
    assert "留到 2026-11-21 周六 15:00" in told.text
    assert told.link == f"/activities/{on.activity_id}#shift-{on.id}"
    assert kinds(session, three) == []
    assert queries.list_offered(session, on.id)[0].member_id == two.id


def test_an_offered_place_is_nobody_elses(session: Session) -> None:
    on, (one, two, _three) = queue(session)
    quit_shift(session, on, one)
    assert join(session, on, one, now=NOW + HOUR) == WAITING  # who left stands at the end
    assert join(session, on, two, now=NOW + HOUR) == OFFERED  # pressing the old button answers nothing
    assert on.taken == 1


def test_who_accepts_has_the_place_and_accepting_twice_is_calm(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, one)
    assert [accept(session, on, two, now=NOW + HOUR) for _ in range(2)] == [CONFIRMED, CONFIRMED]
    signed = sign_up_of(session, on, two)
    assert (signed.confirmed_at, signed.offered_until) == (NOW + HOUR, None)
    assert (on.taken, state(session, on, three)) == (1, WAITING)


def test_who_declines_is_out_and_the_next_is_asked_at_once(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, one)
    assert quit_shift(session, on, two, reason="") == LEFT
    assert sign_up_of(session, on, two).left_how == DECLINED
    assert state(session, on, three) == OFFERED
    assert on.taken == 1


def test_who_says_nothing_is_out_when_anybody_looks_and_the_next_is_asked(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, one)
    late = NOW + 6 * HOUR
    assert service.settle_shift(session, on.id, now=late - timedelta(seconds=1)) == 0
    assert service.settle_shift(session, on.id, now=late) == 1
    gone = sign_up_of(session, on, two)
    assert (gone.status, gone.left_how, gone.left_at) == (LEFT, LAPSED, late)
    assert state(session, on, three) == OFFERED
    assert kinds(session, two) == ["sign_up.offered", "sign_up.offer_lapsed"]
    assert (service.settle_shift(session, on.id, now=late), on.taken) == (0, 1)


def test_an_answer_after_the_time_comes_too_late_and_the_place_has_gone_on(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, one)
    assert accept(session, on, two, now=NOW + 7 * HOUR) == LEFT
    assert state(session, on, three) == OFFERED
    assert accept(session, on, three, now=NOW + 7 * HOUR) == CONFIRMED


def test_who_was_too_late_may_queue_again_at_the_end(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, one)
    assert join(session, on, two, now=NOW + 7 * HOUR) == WAITING
    quit_shift(session, on, three, reason="", now=NOW + 7 * HOUR)
    assert state(session, on, two) == OFFERED


def test_with_nobody_else_in_line_a_place_that_lapsed_is_free_for_all(session: Session) -> None:
    on, (one, two) = queue(session, 2)
    quit_shift(session, on, one)
    service.settle_shift(session, on.id, now=NOW + 6 * HOUR)
    assert (on.taken, state(session, on, two)) == (0, LEFT)
    assert join(session, on, two, now=NOW + 7 * HOUR) == CONFIRMED


def test_nobody_who_left_is_offered_again(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, two, reason="")
    quit_shift(session, on, one)
    assert [state(session, on, who) for who in (two, three)] == [LEFT, OFFERED]
    quit_shift(session, on, three, reason="")
    assert (on.taken, state(session, on, two), state(session, on, one)) == (0, LEFT, LEFT)


def test_the_place_of_who_left_the_offered_line_returns_at_once(session: Session) -> None:
    on, (one, two) = queue(session, 2)
    quit_shift(session, on, one)
    quit_shift(session, on, two, reason="")
    assert on.free == 1


def test_larger_capacity_makes_several_offers_at_once(session: Session) -> None:
    on, folk = queue(session, 5)
    town = make_town(session)
    draft = service.draft_of(queries.get_activity(session, on.activity_id))
    wider = replace(draft, shifts=[replace(draft.shifts[0], capacity=4)])
    service.change_activity(session, on.activity_id, wider, actor=town.lead, now=NOW)
    assert [state(session, on, who) for who in folk] == [CONFIRMED, OFFERED, OFFERED, OFFERED, WAITING]
    assert on.taken == 4


def test_no_offer_after_the_start_and_open_ones_end_with_it(session: Session) -> None:
    on, (one, two, three) = queue(session, hours=1)
    quit_shift(session, on, one, now=NOW + timedelta(minutes=50))
    assert sign_up_of(session, on, two).offered_until == on.starts_at
    assert service.settle_shift(session, on.id, now=on.starts_at) == 0
    assert [state(session, on, who) for who in (two, three)] == [LEFT, WAITING]
    assert accept(session, on, two, now=on.starts_at) == LEFT
    assert on.taken == 0


def test_a_shift_moved_nearer_shortens_its_open_offers(session: Session) -> None:
    on, (one, two, _three) = queue(session)
    quit_shift(session, on, one)
    town = make_town(session)
    draft = service.draft_of(queries.get_activity(session, on.activity_id))
    sooner = replace(draft.shifts[0], starts_at=NOW + 2 * HOUR, ends_at=NOW + 4 * HOUR)
    service.change_activity(session, on.activity_id, replace(draft, shifts=[sooner]), actor=town.lead, now=NOW)
    assert sign_up_of(session, on, two).offered_until == NOW + 2 * HOUR


def test_a_cancelled_shift_ends_its_offers_and_asks_nobody(session: Session) -> None:
    town = make_town(session)
    on = post(session, town, shift(24, capacity=1), shift(48)).shifts[0]
    one, two, three = people(session, town, 3)
    for member in (one, two, three):
        join(session, on, member)
    quit_shift(session, on, one)
    service.cancel_shift(session, on.id, reason="台风", actor=town.lead, now=NOW)
    assert [state(session, on, who) for who in (two, three)] == [WAITING, WAITING]
    assert on.taken == 0
    assert service.settle_shift(session, on.id, now=NOW) == 0
    with pytest.raises(service.NotYourTurn):
        accept(session, on, two)
    assert kinds(session, two)[-1] == "activity.cancelled"


def test_the_offer_of_a_suspended_member_passes_on(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, one)
    suspend_member(session, two.id, reason="核实身份", actor=SYSTEM, now=NOW)
    assert queries.list_unsettled(session, now=NOW, limit=10) == [on.id]
    service.settle_shift(session, on.id, now=NOW)
    assert [state(session, on, who) for who in (two, three)] == [LEFT, OFFERED]


def test_a_suspended_member_is_passed_over_in_the_line(session: Session) -> None:
    on, (one, two, three) = queue(session)
    suspend_member(session, two.id, reason="核实身份", actor=SYSTEM, now=NOW)
    quit_shift(session, on, one)
    assert [state(session, on, who) for who in (two, three)] == [WAITING, OFFERED]
    assert kinds(session, two) == []


def test_who_found_something_else_at_that_time_is_passed_over_and_asked_when_free_again(session: Session) -> None:
    on, (one, two, three) = queue(session)
    other = post_shift(session, make_town(session))
    assert join(session, other, two) == CONFIRMED  # waiting does not bind
    quit_shift(session, on, one)
    assert [state(session, on, who) for who in (two, three)] == [WAITING, OFFERED]
    quit_shift(session, on, three, reason="")
    assert (on.free, queries.list_unsettled(session, now=NOW, limit=10)) == (1, [on.id])
    quit_shift(session, other, two)
    stranger = people(session, make_town(session), 1)[0]
    assert join(session, on, stranger) == WAITING  # whoever looks in settles the line first
    assert state(session, on, two) == OFFERED


def test_an_offer_cannot_be_taken_beside_another_shift_at_that_time(session: Session) -> None:
    on, (one, two, _three) = queue(session)
    quit_shift(session, on, one)
    join(session, post(session, make_town(session), title="社区大扫除").shifts[0], two)
    with pytest.raises(service.ShiftsOverlap, match="社区大扫除"):
        accept(session, on, two)
    assert state(session, on, two) == OFFERED


def test_only_who_was_asked_may_answer(session: Session) -> None:
    on, (one, two, three) = queue(session)
    quit_shift(session, on, one)
    with pytest.raises(service.NotYourTurn):
        accept(session, on, three)
    stranger = make_member(session, make_branch(session, "XQ"))
    with pytest.raises(service.NotSignedUp):
        accept(session, on, stranger)
    with pytest.raises(NotAllowed):
        service.accept_offer(session, on.id, member_id=two.id, actor=actor_of(session, stranger), now=NOW)


def test_staff_may_answer_for_who_calls_by_phone(session: Session) -> None:
    on, (one, two, _three) = queue(session)
    quit_shift(session, on, one)
    lead = make_town(session).lead
    answered = service.accept_offer(session, on.id, member_id=two.id, actor=lead, now=NOW)
    assert answered.status == CONFIRMED


def test_the_list_of_what_to_settle_names_only_what_is_due(session: Session) -> None:
    on, (one, _two, _three) = queue(session)
    assert queries.list_unsettled(session, now=NOW, limit=10) == []
    quit_shift(session, on, one)
    assert queries.list_unsettled(session, now=NOW + 5 * HOUR, limit=10) == []
    assert queries.list_unsettled(session, now=NOW + 6 * HOUR, limit=10) == [on.id]
