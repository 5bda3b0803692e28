"""Marks of who did not come are made in the review, and count with the approval; hours stay as they are."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, Scene, at, make_scene
from timebank.activities.models import ABSENT, EXCUSED, NoShow
from timebank.activities.queries import count_counted, marks_of
from timebank.activities.rules import BUILT_IN
from timebank.attendance.queries import find_approval, find_own_hand, list_hands
from timebank.attendance.service import (
    FourEyes,
    ManualEntry,
    ReviewClosed,
    WasSeen,
    approve_shift,
    mark_absences,
    return_shift,
    set_manual,
    submit_shift,
)
from timebank.core.errors import NotAllowed


def came(session: Session, scene: Scene, number: int) -> None:
    scene.scan(session, number, "09:00")
    scene.scan(session, number, "11:00", wanted="out")


def test_marks_count_with_the_approval_and_books_stay_the_same(session: Session) -> None:
    scene = make_scene(session)
    came(session, scene, 0)
    missing = scene.volunteers[1].id
    mark_absences(session, scene.shift_id, {missing: ABSENT}, actor=scene.organiser_actor, now=AFTER)
    submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=AFTER)
    assert count_counted(session, missing, BUILT_IN, now=AFTER) == 0
    approved = approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER)
    assert (approved.people, approved.minutes) == (1, 120)
    assert count_counted(session, missing, BUILT_IN, now=AFTER) == 1


def test_who_was_seen_is_not_marked_and_who_is_entered_later_loses_the_mark(session: Session) -> None:
    scene = make_scene(session)
    came(session, scene, 0)
    seen, late = scene.volunteers[0].id, scene.volunteers[1].id
    with pytest.raises(WasSeen):
        mark_absences(session, scene.shift_id, {seen: ABSENT}, actor=scene.organiser_actor, now=AFTER)
    mark_absences(session, scene.shift_id, {late: ABSENT}, actor=scene.organiser_actor, now=AFTER)
    entry = ManualEntry(shift_id=scene.shift_id, member_id=late, minutes=60, reason="楼长证明在场")
    set_manual(session, entry, actor=scene.organiser_actor)
    submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=AFTER)
    approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER)
    assert marks_of(session, scene.shift_id) == {}


def test_a_list_that_was_sent_takes_no_marks_until_it_is_returned(session: Session) -> None:
    scene = make_scene(session)
    came(session, scene, 0)
    missing = {scene.volunteers[1].id: EXCUSED}
    submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=AFTER)
    with pytest.raises(ReviewClosed):
        mark_absences(session, scene.shift_id, missing, actor=scene.organiser_actor, now=AFTER)
    return_shift(session, scene.shift_id, reason="还有人没记", actor=scene.manager_actor, now=AFTER)
    assert mark_absences(session, scene.shift_id, missing, actor=scene.organiser_actor, now=AFTER) == 1


def test_who_is_booked_in_a_later_round_loses_an_absence_that_counted(session: Session) -> None:
    scene = make_scene(session)
    came(session, scene, 0)
    late = scene.volunteers[1].id
    mark_absences(session, scene.shift_id, {late: ABSENT}, actor=scene.organiser_actor, now=AFTER)
    scene.submit(session)
    scene.approve(session)
    assert count_counted(session, late, BUILT_IN, now=AFTER) == 1
    entry = ManualEntry(shift_id=scene.shift_id, member_id=late, minutes=60, reason="楼长证明在场")
    set_manual(session, entry, actor=scene.organiser_actor)
    scene.submit(session)
    scene.approve(session)
    assert count_counted(session, late, BUILT_IN, now=AFTER) == 0
    [mark] = session.scalars(select(NoShow)).all()
    assert (mark.lift_reason, mark.lifted_by_id) == ("后来确认到场，已计时长", scene.manager.id)


def test_marks_that_no_round_would_count_are_refused(session: Session) -> None:
    scene = make_scene(session)
    came(session, scene, 0)
    scene.submit(session)
    scene.approve(session)
    with pytest.raises(ReviewClosed):
        mark_absences(session, scene.shift_id, {scene.volunteers[1].id: ABSENT}, actor=scene.organiser_actor, now=AFTER)


def test_volunteers_mark_nobody(session: Session) -> None:
    scene = make_scene(session)
    with pytest.raises(NotAllowed):
        mark_absences(
            session,
            scene.shift_id,
            {scene.volunteers[1].id: ABSENT},
            actor=scene.volunteer_actors[0],
            now=at("13:00"),
        )


def test_who_marked_an_absence_does_not_let_it_count(session: Session) -> None:
    scene = make_scene(session)
    came(session, scene, 0)
    mark_absences(session, scene.shift_id, {scene.volunteers[1].id: ABSENT}, actor=scene.manager_actor, now=AFTER)
    scene.submit(session)
    round_id = find_approval(session, scene.shift_id).id
    assert find_own_hand(session, round_id, scene.manager.id) == "名单里的缺席是您记的"
    assert scene.manager.id in list_hands(session, round_id)
    with pytest.raises(FourEyes):
        scene.approve(session)
    assert count_counted(session, scene.volunteers[1].id, BUILT_IN, now=AFTER) == 0
