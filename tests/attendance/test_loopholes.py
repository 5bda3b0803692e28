"""Minutes nobody served: entered beside scans, kept over a move, left in the list; and hands washed by another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, START, Scene, at, find_attendance, make_scene
from tests.attendance.test_approval import refuses
from tests.world import actor_of, make_member
from timebank.activities.queries import get_activity
from timebank.activities.service import cancel_shift, change_activity, draft_of, leave
from timebank.attendance.models import APPROVED, PENDING, READY, Attendance, ShiftApproval
from timebank.attendance.queries import find_approval, find_ground, find_own_hand, list_flags
from timebank.attendance.service import (
    BeyondShift,
    Correction,
    FourEyes,
    ManualEntry,
    StillPending,
    approve_shift,
    correct_times,
    set_manual,
    void,
)
from timebank.core.actor import Actor
from timebank.core.errors import NotFound
from timebank.growth.queries.record import RecordFilter, list_record, list_years
from timebank.members.models import SUSPENDED, Member


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def enter(session: Session, scene: Scene, minutes: int, actor: Actor, reason: str = "忘带手机") -> None:
    entry = ManualEntry(shift_id=scene.shift_id, member_id=scene.volunteers[0].id, minutes=minutes, reason=reason)
    set_manual(session, entry, actor=actor)


def correct(session: Session, scene: Scene, actor: Actor, key: str, *, number: int = 0, **times: Any) -> None:
    given = {"in_at": None, "out_at": None} | times
    who = scene.volunteers[number].id
    draft = Correction(shift_id=scene.shift_id, member_id=who, reason="组长证明", key=key, **given)
    correct_times(session, draft, actor=actor, now=AFTER)


def record(session: Session, scene: Scene, number: int = 0) -> Attendance:
    session.expire_all()
    found = find_attendance(session, scene.shift_id, scene.volunteers[number].id)
    assert found is not None
    return found


def test_a_check_out_after_minutes_by_hand_asks_a_person(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    enter(session, scene, 90, scene.organiser_actor)
    scene.scan(session, 0, "11:00", wanted="out")
    kept = record(session, scene)
    assert (kept.signed_minutes, kept.manual_minutes, kept.status) == (120, 90, PENDING)
    with pytest.raises(StillPending):
        scene.submit(session)
    enter(session, scene, 0, scene.organiser_actor)
    assert (record(session, scene).minutes, record(session, scene).status) == (120, READY)


def test_more_than_the_shift_is_never_approved(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.submit(session)
    session.execute(sa.update(Attendance).values(signed_minutes=122))
    with pytest.raises(BeyondShift, match="1 人"):
        scene.approve(session)
    kept = find_approval(session, scene.shift_id)
    assert kept is not None
    given = {"approved_by_id": scene.manager.id, "approved_at": AFTER}
    session.execute(sa.update(ShiftApproval).where(ShiftApproval.id == kept.id).values(given))
    booked = sa.update(Attendance).values(status=APPROVED, approval_id=kept.id)
    assert refuses(session, booked)
    session.execute(sa.update(Attendance).values(signed_minutes=120))
    assert not refuses(session, booked)


@pytest.mark.parametrize("judged_by", ["actual", "planned"])
def test_a_shift_that_was_moved_forgets_who_came_at_the_old_hour(session: Session, judged_by: str) -> None:
    scene = make_scene(session, judged_by=judged_by)
    scene.scan(session, 0, "08:30")
    scene.scan(session, 1, "08:31")
    move(session, scene, timedelta(hours=5))
    ground = find_ground(session, scene.shift_id, scene.volunteers[0].id)
    assert ground is not None
    assert (ground.in_at, ground.minutes) == (None, 0)
    answer = scene.scan(session, 0, "13:50")
    assert (answer.kind, answer.ground.in_at) == ("in", at("13:50"))
    scene.scan(session, 0, "16:00", wanted="out")
    assert record(session, scene).minutes == 120
    with pytest.raises(StillPending, match="1 人"):  # the other one came in the morning and went home
        scene.submit(session, now=AFTER + timedelta(hours=5))


def test_a_shift_made_shorter_after_a_check_in_counts_its_new_length(session: Session) -> None:
    scene = make_scene(session, judged_by="planned")
    scene.scan(session, 0, "08:30")
    move(session, scene, timedelta(minutes=30), ends=timedelta())
    scene.submit(session)
    assert record(session, scene).minutes == 90


def move(session: Session, scene: Scene, by: timedelta, ends: timedelta | None = None) -> None:
    draft = draft_of(get_activity(session, scene.activity_id))
    later = by if ends is None else ends
    shifts = [replace(s, starts_at=s.starts_at + by, ends_at=s.ends_at + later) for s in draft.shifts]
    change_activity(
        session,
        scene.activity_id,
        replace(draft, shifts=shifts),
        actor=scene.organiser_actor,
        now=START - timedelta(minutes=25),
    )


def test_a_correction_stays_in_the_hands_that_made_it(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    correct(session, scene, scene.manager_actor, "one", out_at=END)
    correct(session, scene, scene.organiser_actor, "two", in_at=at("09:01"))
    scene.submit(session)
    sent = find_approval(session, scene.shift_id)
    assert sent is not None
    assert find_own_hand(session, sent.id, scene.manager.id)
    with pytest.raises(FourEyes, match="亲手"):
        scene.approve(session)
    given = sa.update(ShiftApproval).values(approved_by_id=scene.manager.id, approved_at=AFTER)
    assert refuses(session, given)
    third = actor_of(session, make_member(session, scene.branch, roles=("organiser",)))
    assert approve_shift(session, scene.shift_id, actor=third, now=AFTER).people == 1


def test_minutes_by_hand_stay_with_their_typist_until_they_change(session: Session, scene: Scene) -> None:
    enter(session, scene, 60, scene.manager_actor)
    enter(session, scene, 60, scene.organiser_actor, "组长证明")
    assert record(session, scene).manual_by_id == scene.manager.id
    enter(session, scene, 50, scene.organiser_actor)
    assert record(session, scene).manual_by_id == scene.organiser.id


def test_who_leaves_the_list_after_coming_is_decided_by_a_person(session: Session) -> None:
    scene = make_scene(session, judged_by="planned")
    for number in (0, 1):
        scene.scan(session, number, "08:30")
        leave(
            session,
            scene.shift_id,
            member_id=scene.volunteers[number].id,
            reason="有急事",
            actor=scene.volunteer_actors[number],
            now=at("08:40"),
        )
    with pytest.raises(StillPending, match="2 人"):
        scene.submit(session)
    assert list_flags(session, scene.shift_id).left == {member.id for member in scene.volunteers[:2]}
    correct(session, scene, scene.organiser_actor, "stayed", out_at=END)
    void(session, scene.shift_id, scene.volunteers[1].id, reason="没有留下", actor=scene.organiser_actor)
    scene.submit(session)
    assert (record(session, scene).minutes, record(session, scene).status) == (120, READY)


def test_a_cancelled_shift_leaves_no_trace_in_the_record(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "08:30")
    assert list_record(session, scene.volunteers[0].id, RecordFilter()).total == 1
    cancel_shift(session, scene.shift_id, reason="下雨", actor=scene.organiser_actor, now=at("08:40"))
    assert list_record(session, scene.volunteers[0].id, RecordFilter()).total == 0
    assert list_years(session, scene.volunteers[0].id) == []


def test_who_was_suspended_afterwards_can_still_be_corrected(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    session.execute(sa.update(Member).where(Member.id == scene.volunteers[0].id).values(status=SUSPENDED))
    session.execute(sa.update(Member).where(Member.id == scene.volunteers[1].id).values(status=SUSPENDED))
    correct(session, scene, scene.organiser_actor, "one", out_at=END)
    assert record(session, scene).minutes == 120
    with pytest.raises(NotFound):
        correct(session, scene, scene.organiser_actor, "two", number=1, in_at=START, out_at=END)
