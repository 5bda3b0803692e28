"""Approval: everybody is booked in one go by a second person, once; and what the database refuses by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, Scene, at, find_attendance, make_scene, make_shift
from tests.world import actor_of, make_branch, make_member
from timebank.attendance.models import APPROVED, Attendance, PointsCarry, Scan, ShiftApproval
from timebank.attendance.queries import (
    list_approved,
    list_roster,
    member_totals,
    month_totals,
)
from timebank.attendance.service import (
    ChangedMeanwhile,
    Correction,
    FourEyes,
    ManualEntry,
    NotSubmitted,
    ReviewClosed,
    approve_shift,
    correct_times,
    rejudge,
    return_shift,
    set_manual,
    submit_shift,
    void,
)
from timebank.core.actor import SYSTEM
from timebank.core.errors import NotAllowed
from timebank.ledger.queries import balance, find_house_account, get_account, get_entry
from timebank.members.models import Member
from timebank.notices.models import Notice


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def coins(session: Session, member_id: int | None) -> int:
    return get_account(session, session.get_one(Member, member_id).coin_account_id).balance


def points(session: Session, member_id: int | None) -> int:
    return get_account(session, session.get_one(Member, member_id).point_account_id).balance


def test_coins_and_points_for_everybody_in_one_go(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, "09:00", "11:00")
    scene.attend(session, 1, "09:02", "11:00")
    scene.submit(session)
    booked = scene.approve(session)
    session.expire_all()
    first, second, third = (actor.member_id for actor in scene.volunteer_actors)
    assert (booked.people, booked.minutes, booked.points, booked.repeated) == (2, 238, 39, False)
    assert [coins(session, who) for who in (first, second, third)] == [120, 118, 0]
    assert [points(session, who) for who in (first, second, third)] == [20, 19, 0]
    issued = find_house_account(session, scene.branch.id, "issuance")
    assert balance(session, issued) == -238
    assert session.get_one(PointsCarry, second).carry == 40


def test_the_entry_names_its_document_its_rule_and_its_minutes(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, "09:00", "10:00")
    member_id = scene.volunteer_actors[0].member_id
    entry_of = ManualEntry(shift_id=scene.shift_id, member_id=member_id or 0, minutes=30, reason="搬东西到十点半")
    set_manual(session, entry_of, actor=scene.organiser_actor)
    scene.submit(session)
    scene.approve(session)
    session.expire_all()
    kept = find_attendance(session, scene.shift_id, member_id or 0)
    assert kept is not None
    assert kept.entry_id is not None
    entry = get_entry(session, kept.entry_id)
    assert (entry.kind, entry.source_type, entry.source_id, entry.rule) == ("earn", "attendance", kept.id, "rules/0")
    assert (entry.for_member_id, entry.occurred_at) == (member_id, END)
    assert entry.facts == {
        "title": "楼道清洁",
        "shift_id": scene.shift_id,
        "signed_minutes": 60,
        "manual_minutes": 30,
    }
    assert [(t.unit, t.amount) for t in entry.transfers] == [("coin", 90), ("point", 15)]
    assert (kept.status, kept.points) == (APPROVED, 15)


def test_approving_again_books_nothing_and_answers_calmly(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.submit(session)
    scene.approve(session)
    again = scene.approve(session, now=AFTER + timedelta(minutes=5))
    assert (again.repeated, again.people, again.minutes) == (True, 1, 120)
    assert coins(session, scene.volunteer_actors[0].member_id) == 120


def test_what_is_left_of_points_is_carried_to_the_next_shift(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, "09:00", "09:05")
    scene.submit(session)
    scene.approve(session)
    who = scene.volunteer_actors[0].member_id
    assert points(session, who) == 0
    _, next_shift = make_shift(session, scene.branch, scene.organiser_actor, starts_at=at("14:00"), ends_at=at("16:00"))
    scene.scan(session, 0, "14:00", shift_id=next_shift)
    scene.scan(session, 0, "14:01", shift_id=next_shift, wanted="out")
    submit_shift(session, next_shift, actor=scene.organiser_actor, now=at("17:00"))
    approve_shift(session, next_shift, actor=scene.manager_actor, now=at("17:00"))
    assert points(session, who) == 1
    assert coins(session, who) == 6


def test_people_with_no_minutes_are_recorded_but_nothing_is_booked(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, "08:10", "08:40")
    scene.attend(session, 1)
    void(session, scene.shift_id, scene.volunteer_actors[1].member_id or 0, reason="代签", actor=scene.organiser_actor)
    scene.submit(session)
    assert scene.approve(session).people == 0
    lines = {line.member_id: line for line in list_roster(session, scene.shift_id)}
    nothing = lines[scene.volunteer_actors[0].member_id or 0]
    assert (nothing.status, nothing.entry_id) == (APPROVED, None)
    assert lines[scene.volunteer_actors[1].member_id or 0].status == "void"
    assert coins(session, scene.volunteer_actors[1].member_id) == 0


def test_everybody_is_told_once(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.attend(session, 1, "09:30", "11:00")
    scene.submit(session)
    scene.approve(session)
    told = session.scalars(select(Notice).where(Notice.kind == "attendance.approved").order_by(Notice.member_id)).all()
    assert [(notice.member_id, notice.facts["minutes"]) for notice in told] == [
        (scene.volunteer_actors[0].member_id, 120),
        (scene.volunteer_actors[1].member_id, 90),
    ]


def test_who_is_told_that_the_list_came_back(session: Session, scene: Scene) -> None:
    scene.submit(session)
    return_shift(session, scene.shift_id, reason="漏了人", actor=scene.manager_actor, now=AFTER)
    [told] = session.scalars(select(Notice).where(Notice.kind == "attendance.returned")).all()
    assert (told.member_id, told.facts["reason"]) == (scene.organiser_actor.member_id, "漏了人")


def test_a_member_of_another_branch_is_booked_in_the_books_of_their_own(session: Session, scene: Scene) -> None:
    other = make_branch(session, "ZH")
    guest = make_member(session, other)
    scene.staff_scan(session, guest.id, "09:00")
    scene.staff_scan(session, guest.id, "11:00", wanted="out")
    scene.attend(session, 0)
    scene.submit(session)
    scene.approve(session)
    assert coins(session, guest.id) == 120
    assert balance(session, find_house_account(session, other.id, "issuance")) == -120
    assert balance(session, find_house_account(session, scene.branch.id, "issuance")) == -120


# --- refusals, in the order in which they are checked -----------------------------------------------------------------


def test_it_needs_the_permission_at_this_branch(session: Session, scene: Scene) -> None:
    scene.submit(session)
    stranger = actor_of(session, make_member(session, make_branch(session, "ZH"), roles=("manager",)))
    for actor in (stranger, scene.volunteer_actors[0]):
        with pytest.raises(NotAllowed):
            approve_shift(session, scene.shift_id, actor=actor, now=AFTER)


def test_a_list_not_sent_or_sent_back_is_not_approved(session: Session, scene: Scene) -> None:
    with pytest.raises(NotSubmitted):
        scene.approve(session)
    scene.submit(session)
    return_shift(session, scene.shift_id, reason="漏了人", actor=scene.manager_actor, now=AFTER)
    with pytest.raises(NotSubmitted):
        scene.approve(session)


def test_what_was_seen_is_what_is_approved(session: Session, scene: Scene) -> None:
    scene.submit(session)
    seen = AFTER.isoformat()
    return_shift(session, scene.shift_id, reason="漏了人", actor=scene.manager_actor, now=AFTER)
    scene.submit(session, now=AFTER + timedelta(minutes=1))
    with pytest.raises(ChangedMeanwhile):
        approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER, seen=seen)


def test_nobody_approves_what_they_sent(session: Session, scene: Scene) -> None:
    scene.submit(session)
    with pytest.raises(FourEyes, match="您提交的"):
        approve_shift(session, scene.shift_id, actor=scene.organiser_actor, now=AFTER)
    with pytest.raises(NotAllowed):
        approve_shift(session, scene.shift_id, actor=SYSTEM, now=AFTER)


def test_a_record_that_slipped_in_after_sending_is_not_approved_with_the_others(session: Session, scene: Scene) -> None:
    scene.attend(session, 1)
    scene.submit(session)
    session.execute(
        sa.insert(Attendance).values(
            shift_id=scene.shift_id, member_id=scene.volunteer_actors[0].member_id, walk_in=False, signed_minutes=0,
            manual_minutes=0, manual_reason="", review_note="", status="pending", points=0,
        )
    )  # fmt: skip
    assert scene.approve(session).people == 1
    late = find_attendance(session, scene.shift_id, scene.volunteer_actors[0].member_id or 0)
    assert late is not None
    assert (late.status, late.approval_id) == ("pending", None)


def test_nobody_approves_minutes_of_their_own(session: Session, scene: Scene) -> None:
    scene.staff_scan(session, scene.manager.id, "09:00")
    scene.staff_scan(session, scene.manager.id, "11:00", wanted="out")
    scene.submit(session)
    with pytest.raises(FourEyes, match="您自己的"):
        scene.approve(session)
    assert coins(session, scene.manager.id) == 0


@pytest.mark.parametrize("typed", ["minutes", "times"])
def test_nobody_approves_minutes_that_they_typed(session: Session, scene: Scene, typed: str) -> None:
    who = scene.volunteer_actors[0].member_id or 0
    if typed == "minutes":
        entry = ManualEntry(shift_id=scene.shift_id, member_id=who, minutes=60, reason="忘带手机")
        set_manual(session, entry, actor=scene.manager_actor)
    else:
        scene.scan(session, 0, "09:00")
        draft = Correction(shift_id=scene.shift_id, member_id=who, in_at=None, out_at=END, reason="忘签退", key="form")
        correct_times(session, draft, actor=scene.manager_actor, now=AFTER)
    scene.submit(session)
    with pytest.raises(FourEyes, match="亲手"):
        scene.approve(session)
    third = actor_of(session, make_member(session, scene.branch, roles=("organiser",)))
    assert approve_shift(session, scene.shift_id, actor=third, now=AFTER).people == 1


def test_after_approval_nothing_about_the_shift_changes(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.submit(session)
    scene.approve(session)
    with pytest.raises(ReviewClosed):
        void(session, scene.shift_id, scene.volunteer_actors[0].member_id or 0, reason="x", actor=scene.organiser_actor)
    with pytest.raises(ReviewClosed):
        return_shift(session, scene.shift_id, reason="晚了", actor=scene.manager_actor, now=AFTER)
    before = list_roster(session, scene.shift_id)
    rejudge(session, scene.shift_id)
    assert list_roster(session, scene.shift_id) == before
    answer = scene.scan(session, 0, "11:30", wanted="out")
    assert answer.refusal is not None
    assert answer.refusal.code == "attendance.submitted"


# --- the database refuses by itself -----------------------------------------------------------------------------------


def refuses(session: Session, statement: sa.Executable) -> bool:
    """Whether the database refuses a statement, whatever the services think."""
    try:
        with session.begin_nested():
            session.execute(statement, execution_options={"synchronize_session": False})
    except sa.exc.DBAPIError:
        return True
    return False


def test_scans_are_never_changed_or_deleted_by_raw_sql(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    scene.scan(session, 1, "07:00")  # refused ones too
    assert refuses(session, sa.update(Scan).values(reason=""))
    assert refuses(session, sa.update(Scan).where(Scan.refused != "").values(refused=""))
    assert refuses(session, sa.delete(Scan))


def test_approved_attendance_and_its_approval_are_final_in_raw_sql(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.submit(session)
    scene.approve(session)
    for statement in (
        sa.update(Attendance).values(signed_minutes=999),
        sa.delete(Attendance),
        sa.update(ShiftApproval).values(returned_at=AFTER),
        sa.delete(ShiftApproval),
    ):
        assert refuses(session, statement)


def test_four_eyes_hold_in_raw_sql(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    set_manual(
        session,
        ManualEntry(
            shift_id=scene.shift_id, member_id=scene.volunteer_actors[1].member_id or 0, minutes=5, reason="忘带手机"
        ),
        actor=scene.manager_actor,
    )
    scene.submit(session)

    def approve_as(who: int | None) -> sa.Executable:
        return sa.update(ShiftApproval).values(approved_by_id=who, approved_at=AFTER)

    assert refuses(session, approve_as(scene.organiser_actor.member_id))  # sent it
    assert refuses(session, approve_as(scene.volunteer_actors[0].member_id))  # own minutes
    assert refuses(session, approve_as(scene.manager_actor.member_id))  # typed minutes
    assert not refuses(session, approve_as(scene.volunteer_actors[2].member_id))


@pytest.mark.parametrize(
    "values",
    [
        {"signed_minutes": -1},
        {"manual_minutes": 10},  # without a reason and an author
        {"status": "approved"},  # without an approval
        {"status": "whatever"},
    ],
)
def test_records_keep_their_shape_in_raw_sql(session: Session, scene: Scene, values: dict[str, Any]) -> None:
    scene.scan(session, 0, "09:00")
    assert refuses(session, sa.update(Attendance).values(**values))


# --- totals for others ------------------------------------------------------------------------------------------------


def test_totals_count_approved_service_only(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    who = scene.volunteer_actors[0].member_id or 0
    assert member_totals(session, who).minutes == 0
    scene.submit(session)
    scene.approve(session)
    totals = member_totals(session, who)
    assert (totals.signed_minutes, totals.manual_minutes, totals.count, totals.points) == (120, 0, 1, 20)
    month = month_totals(session, frozenset({scene.branch.id}), "2026-11")
    assert (month.minutes, month.people, month.count, month.shifts) == (120, 1, 1, 1)
    assert month_totals(session, None, "2026-10").count == 0
    assert month_totals(session, frozenset(), "2026-11").minutes == 0
    assert [card.points for card in list_approved(session, None)] == [20]


@pytest.mark.slow
def test_a_thousand_people_take_few_statements(session: Session) -> None:
    scene = make_scene(session, people=40)
    for number in range(40):
        scene.attend(session, number)
    scene.submit(session)
    statements: list[str] = []
    sa.event.listen(session.get_bind(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    scene.approve(session)
    assert len(statements) <= 30, statements
