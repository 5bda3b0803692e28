"""Signing up, waiting, leaving: what is promised, and each refusal in the order in which it is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.activities.town import HOUR, join, make_town, people, post, post_shift, quit_shift, shift
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.activities import queries, service
from timebank.activities.models import CONFIRMED, LEFT, WAITING
from timebank.core.actor import SYSTEM
from timebank.core.errors import Invalid, NotAllowed
from timebank.members.service import resume_member, suspend_member
from timebank.notices.models import Notice


def kinds(session: Session, member_id: int) -> list[str]:
    found = select(Notice.kind).where(Notice.member_id == member_id).order_by(Notice.id)
    return list(session.scalars(found))


def test_a_place_is_taken_and_counted(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town)
    [one] = people(session, town, 1)
    assert join(session, on, one) == CONFIRMED
    assert (on.taken, on.free) == (1, 1)
    assert [s.member_id for s in queries.list_confirmed(session, on.id)] == [one.id]


def test_signing_up_twice_is_calm(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town)
    [one] = people(session, town, 1)
    assert [join(session, on, one), join(session, on, one)] == [CONFIRMED, CONFIRMED]
    assert on.taken == 1


def test_a_full_shift_makes_a_line_in_order(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town, capacity=1)
    one, two, three = people(session, town, 3)
    assert [join(session, on, m) for m in (one, two, three)] == [CONFIRMED, WAITING, WAITING]
    assert on.taken == 1
    waiting = queries.list_waiting(session, on.id)
    assert [s.member_id for s in waiting] == [two.id, three.id]
    assert [queries.line_position(session, s) for s in waiting] == [1, 2]
    assert queries.count_waiting(session, [on.id]) == {on.id: 2}


def test_leaving_twice_is_calm(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town)
    [one] = people(session, town, 1)
    join(session, on, one)
    assert [quit_shift(session, on, one), quit_shift(session, on, one)] == [LEFT, LEFT]
    assert on.taken == 0


def test_staff_sign_somebody_up_and_take_them_off_and_the_member_is_told(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town)
    [one] = people(session, town, 1)
    signed = service.sign_up(session, on.id, member_id=one.id, actor=town.lead, now=NOW)
    assert signed.signed_by_id == town.organiser.id
    service.leave(session, on.id, member_id=one.id, reason="本人来电", actor=town.lead, now=NOW + HOUR)
    assert kinds(session, one.id) == ["sign_up.by_staff", "sign_up.taken_off"]


def test_a_member_of_another_branch_may_come(session: Session) -> None:
    town = make_town(session)
    guest = make_member(session, make_branch(session, "XQ"))
    assert join(session, post_shift(session, town), guest) == CONFIRMED


# --- refusals, in the order in which they are asked ---


def test_1_no_such_shift(session: Session) -> None:
    town = make_town(session)
    with pytest.raises(queries.ShiftNotFound):
        service.sign_up(session, 0, member_id=town.organiser.id, actor=town.lead, now=NOW)


def test_2_not_for_others_without_the_right(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town)
    one, two = people(session, town, 2)
    stranger = make_member(session, make_branch(session, "XQ"), roles=("organiser",))
    for actor in (actor_of(session, one), actor_of(session, stranger)):
        with pytest.raises(NotAllowed):
            service.sign_up(session, on.id, member_id=two.id, actor=actor, now=NOW)
        with pytest.raises(NotAllowed):
            service.leave(session, on.id, member_id=two.id, reason="x", actor=actor, now=NOW)


def test_3_a_draft_or_a_cancelled_shift_is_not_open(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    activity = post(session, town, shift(24), shift(48))
    service.cancel_shift(session, activity.shifts[0].id, reason="台风", actor=town.lead, now=NOW)
    with pytest.raises(service.NotOpen, match="已取消"):
        join(session, activity.shifts[0], one)
    copy = service.copy_activity(session, activity.id, form_key="copy", actor=town.lead, now=NOW)
    with pytest.raises(service.NotOpen):
        join(session, copy.shifts[0], one)


def test_4_not_after_the_start(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town, hours=1)
    one, two = people(session, town, 2)
    join(session, on, one)
    with pytest.raises(service.ShiftStarted):
        join(session, on, two, now=NOW + HOUR)
    with pytest.raises(service.TooLateToLeave):
        quit_shift(session, on, one, now=NOW + HOUR)
    assert join(session, on, one, now=NOW + HOUR) == CONFIRMED  # a repeat stays calm


def test_5_a_suspended_member_is_refused(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    suspend_member(session, one.id, reason="核实身份", actor=SYSTEM, now=NOW)
    on = post_shift(session, town)
    with pytest.raises(service.MemberNotActive):
        service.sign_up(session, on.id, member_id=one.id, actor=town.lead, now=NOW)
    resume_member(session, one.id, actor=SYSTEM, now=NOW)
    assert join(session, on, one) == CONFIRMED


def test_6_two_shifts_at_one_time_are_refused(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    first = post(session, town, shift(24, length=2), title="社区大扫除").shifts[0]
    touching, within = post_shift(session, town, hours=26), post_shift(session, town, hours=25)
    join(session, first, one)
    with pytest.raises(service.ShiftsOverlap, match="社区大扫除"):
        join(session, within, one)
    assert join(session, touching, one) == CONFIRMED
    assert within.taken == 0


def test_leaving_needs_a_sign_up_and_a_reason(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town)
    [one] = people(session, town, 1)
    with pytest.raises(service.NotSignedUp):
        quit_shift(session, on, one)
    join(session, on, one)
    with pytest.raises(Invalid) as refused:
        quit_shift(session, on, one, reason="")
    assert "reason" in refused.value.fields
    assert on.taken == 1


def test_a_member_finds_the_shifts_ahead(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    later, soon, left = (post_shift(session, town, hours=hours) for hours in (72, 24, 48))
    for on in (later, soon, left):
        join(session, on, one)
    quit_shift(session, left, one)
    found = queries.list_member_shifts(session, one.id, NOW)
    assert [s.shift_id for s in found] == [soon.id, later.id]
    assert [s.shift_id for s in queries.list_member_shifts(session, one.id, NOW + timedelta(hours=30))] == [later.id]


def test_a_name_that_two_bear_names_nobody(session: Session) -> None:
    town = make_town(session)
    first = make_member(session, town.branch, "王建国")
    make_member(session, make_branch(session, "XQ"), "王建国")
    assert queries.find_person(session, KEYS, "王建国", branch_id=town.branch.id, at=NOW).id == first.id
    make_member(session, town.branch, "王建国")
    with pytest.raises(queries.PersonNotFound) as refused:
        queries.find_person(session, KEYS, "王建国", branch_id=town.branch.id, at=NOW)
    assert "不止一位" in refused.value.fields["who"]
