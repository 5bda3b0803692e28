"""Overtime counts on a person's word: who may say it, how far, what it does, and who may not approve it then."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, Scene, at, find_attendance, make_scene
from tests.attendance.test_approval import refuses
from tests.corrections.town import make_town
from tests.world import actor_of, make_member
from timebank.activities.queries import get_activity
from timebank.activities.service import PolicyFixed, change_activity, draft_of
from timebank.attendance.models import APPROVED, PENDING, READY, Attendance, Overtime, ShiftApproval
from timebank.attendance.queries import find_approval, find_booked_record, find_own_hand, list_flags, plan_correction
from timebank.attendance.rules import CorrectionOutOfRange, ManualOutOfRange, OvertimeOutOfRange
from timebank.attendance.service import (
    BeyondShift,
    Correction,
    FourEyes,
    ManualEntry,
    OvertimeDraft,
    ReviewClosed,
    approve_shift,
    confirm_overtime,
    correct_times,
    rejudge,
    set_manual,
    void,
)
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, NotAllowed, NotFound
from timebank.ledger.queries import get_account, get_entry

OPTIONS: dict[str, Any] = {"overtime_limit_minutes": 60}


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session, **OPTIONS)


def confirm(session: Session, scene: Scene, minutes: int, *, number: int = 0, **more: Any) -> None:
    actor: Actor = more.pop("actor", scene.organiser_actor)
    given = {"reason": "留下来收摊", "key": f"{minutes}"} | more
    draft = OvertimeDraft(shift_id=scene.shift_id, member_id=scene.volunteers[number].id, minutes=minutes, **given)
    confirm_overtime(session, draft, actor=actor, now=AFTER)


def record(session: Session, scene: Scene, number: int = 0) -> Attendance:
    session.expire_all()
    found = find_attendance(session, scene.shift_id, scene.volunteers[number].id)
    assert found is not None
    return found


def third(session: Session, scene: Scene) -> Actor:
    return actor_of(session, make_member(session, scene.branch, roles=("organiser",)))


def test_minutes_past_the_end_count_once_somebody_said_so(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, left="11:40")
    assert record(session, scene).minutes == 120
    assert list_flags(session, scene.shift_id).overtime == {scene.volunteers[0].id}
    confirm(session, scene, 30)
    assert record(session, scene).minutes == 150
    assert list_flags(session, scene.shift_id).overtime == frozenset()
    confirm(session, scene, 0, key="back")  # the last word stands
    assert record(session, scene).minutes == 120
    assert list_flags(session, scene.shift_id).overtime == frozenset()
    assert [row.minutes for row in session.scalars(sa.select(Overtime).order_by(Overtime.id))] == [30, 0]


def test_saying_it_twice_changes_nothing(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, left="11:40")
    confirm(session, scene, 30, key="same")
    confirm(session, scene, 10, key="same")
    assert record(session, scene).minutes == 150


def test_it_is_booked_and_the_approval_holds_everybody_to_their_own_room(session: Session, scene: Scene) -> None:
    for number in (0, 1):
        scene.attend(session, number, left="11:40")
    confirm(session, scene, 30)
    scene.submit(session)
    session.execute(
        sa.update(Attendance).where(Attendance.member_id == scene.volunteers[1].id).values(signed_minutes=150)
    )
    with pytest.raises(BeyondShift, match="1 人"):
        scene.approve(session)
    session.execute(
        sa.update(Attendance).where(Attendance.member_id == scene.volunteers[1].id).values(signed_minutes=120)
    )
    assert scene.approve(session).minutes == 270
    assert get_account(session, scene.volunteers[0].coin_account_id).balance == 150


def test_minutes_by_hand_may_fill_the_confirmed_overtime(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    confirm(session, scene, 30)
    entry = ManualEntry(shift_id=scene.shift_id, member_id=scene.volunteers[0].id, minutes=150, reason="手机没电")
    with pytest.raises(ManualOutOfRange):
        set_manual(session, replace(entry, minutes=151), actor=scene.organiser_actor)
    set_manual(session, entry, actor=scene.organiser_actor)
    assert record(session, scene).status == READY
    confirm(session, scene, 0, key="back")
    assert record(session, scene).status == PENDING  # more than there is room for: a person decides


def test_a_correction_later_has_the_same_room(session: Session) -> None:
    town = make_town(session, 0)
    scene = make_scene(session, **OPTIONS)
    town = replace(town, scene=scene)
    scene.attend(session, 0, left="11:40")
    confirm(session, scene, 30)
    scene.submit(session)
    scene.approve(session)
    entry = get_entry(session, town.entry(0))
    found = find_booked_record(session, entry)
    assert found is not None
    with pytest.raises(CorrectionOutOfRange):
        plan_correction(session, found, entry, 151, key="k")
    town.set_right(town.entry(0), 140)
    town.set_right(town.entry(0), 150)  # more again, by two people: the database agrees
    assert record(session, scene).minutes_now == 150


@pytest.mark.parametrize("minutes", [61, -1])
def test_never_more_than_the_activity_allows(session: Session, scene: Scene, minutes: int) -> None:
    scene.attend(session, 0, left="11:40")
    with pytest.raises(OvertimeOutOfRange) as refused:
        confirm(session, scene, minutes)
    assert "overtime" in refused.value.fields


def test_who_said_it_does_not_approve_it(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, left="11:40")
    confirm(session, scene, 30, actor=scene.manager_actor)
    draft = Correction(
        shift_id=scene.shift_id,
        member_id=scene.volunteers[0].id,
        in_at=at("09:01"),
        out_at=None,
        reason="组长证明",
        key="k",
    )
    correct_times(session, draft, actor=scene.organiser_actor, now=AFTER)  # the last hand on the record is another's
    scene.submit(session)
    approval = find_approval(session, scene.shift_id)
    assert approval is not None
    assert find_own_hand(session, approval.id, scene.manager.id)
    with pytest.raises(FourEyes, match="亲手"):
        scene.approve(session)
    given = sa.update(ShiftApproval).values(approved_by_id=scene.manager.id, approved_at=AFTER)
    assert refuses(session, given)
    assert approve_shift(session, scene.shift_id, actor=third(session, scene), now=AFTER).minutes == 149


def test_what_is_booked_takes_no_more_overtime(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, left="11:40")
    scene.submit(session)
    scene.approve(session)
    with pytest.raises(ReviewClosed):
        confirm(session, scene, 30)
    assert session.scalar(sa.select(sa.func.count()).select_from(Overtime)) == 0


def test_only_on_an_open_list_of_ones_own_branch_about_somebody_who_was_there(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, left="11:40")
    with pytest.raises(NotAllowed):
        confirm(session, scene, 30, actor=scene.volunteer_actors[1])
    with pytest.raises(NotFound):
        confirm(session, scene, 30, number=2)
    void(session, scene.shift_id, scene.volunteers[0].id, reason="走错了", actor=scene.organiser_actor)
    with pytest.raises(Conflict, match="不计"):
        confirm(session, scene, 30)
    scene.submit(session)
    with pytest.raises(ReviewClosed):
        confirm(session, scene, 30)
    assert session.scalar(sa.select(sa.func.count()).select_from(Overtime)) == 0


@pytest.mark.parametrize(
    "statement",
    [
        sa.update(Overtime).values(minutes=59),
        sa.delete(Overtime),
        sa.insert(Overtime).values(shift_id=1, member_id=1, minutes=-1, reason="错", by_id=1, at=AFTER, key="attack"),
        sa.insert(Overtime).values(shift_id=1, member_id=1, minutes=1, reason="", by_id=1, at=AFTER, key="attack"),
    ],
)
def test_the_database_keeps_every_word(session: Session, scene: Scene, statement: sa.Executable) -> None:
    scene.attend(session, 0, left="11:40")
    confirm(session, scene, 30)
    assert refuses(session, statement)


@pytest.mark.parametrize(
    ("options", "shift", "room"),
    [
        ({}, {}, 120),
        ({}, {"break_minutes": 30}, 90),
        ({"break_after_minutes": 100}, {"break_minutes": 30}, 100),
        ({"break_after_minutes": 200}, {"break_minutes": 30}, 120),
    ],
)
def test_the_database_knows_the_room_as_the_rules_do(
    session: Session, options: dict[str, Any], shift: dict[str, Any], room: int
) -> None:
    """A minute more passes, since the database compares seconds and not what a clock shows."""
    scene = make_scene(session, **OPTIONS, **options, **shift)
    scene.attend(session, 0, left="11:40")
    confirm(session, scene, 20)
    scene.submit(session)
    approval = find_approval(session, scene.shift_id)
    assert approval is not None

    given = {"approved_by_id": scene.manager.id, "approved_at": AFTER}
    session.execute(sa.update(ShiftApproval).where(ShiftApproval.id == approval.id).values(given))

    def booked(minutes: int) -> sa.Executable:
        return sa.update(Attendance).values(signed_minutes=minutes, status=APPROVED, approval_id=approval.id)

    assert refuses(session, booked(room + 20 + 2))
    assert not refuses(session, booked(room + 20))


def test_the_limit_is_the_activitys_and_stays_once_a_shift_has_begun(session: Session, scene: Scene) -> None:
    draft = draft_of(get_activity(session, scene.activity_id))
    for changed in (
        replace(draft, shifts=draft.shifts, overtime_limit_minutes=90),
        replace(draft, late_grace_minutes=5),
        replace(draft, lowest_share=50),
        replace(draft, judged_by="whole"),
        replace(draft, early_counts=True),
        replace(draft, break_after_minutes=60),
        replace(draft, rounds_to_nearest=True),
    ):
        later = replace(
            changed,
            shifts=[
                replace(
                    s, shift_id=None, starts_at=s.starts_at + timedelta(days=2), ends_at=s.ends_at + timedelta(days=2)
                )
                for s in changed.shifts
            ],
        )
        with pytest.raises(PolicyFixed):
            change_activity(session, scene.activity_id, later, actor=scene.organiser_actor, now=at("09:30"))


@pytest.mark.parametrize("judged_by", ["actual", "planned", "whole"])
def test_judging_again_gives_the_same_records(session: Session, judged_by: str) -> None:
    """Scans at random, corrections and words about overtime between them: once more changes nothing."""
    luck = random.Random(judged_by)
    scene = make_scene(session, 4, judged_by=judged_by, lowest_share=60, late_grace_minutes=7, **OPTIONS)
    for number in range(4):
        scene.scan(session, number, f"{luck.choice(['08', '09'])}:{luck.randrange(10, 60)}")
    for step in range(8):
        number = luck.randrange(4)
        scene.scan(session, number, f"{luck.choice(['10', '11'])}:{luck.randrange(10, 60)}", wanted="out")
        confirm(session, scene, luck.randrange(60), number=number, key=f"o{step}")
        draft = Correction(
            shift_id=scene.shift_id,
            member_id=scene.volunteers[luck.randrange(4)].id,
            in_at=None,
            out_at=END + timedelta(minutes=luck.randrange(-30, 60)),
            reason="组长证明",
            key=f"c{step}",
        )
        correct_times(session, draft, actor=scene.organiser_actor, now=AFTER + timedelta(hours=1))
    before = _states(session)
    for _ in range(2):
        rejudge(session, scene.shift_id)
        assert _states(session) == before


def _states(session: Session) -> list[tuple[Any, ...]]:
    session.expire_all()
    rows = session.scalars(sa.select(Attendance).order_by(Attendance.id))
    return [(row.member_id, row.in_at, row.out_at, row.signed_minutes, row.status) for row in rows]
