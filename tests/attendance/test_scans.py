"""Recording scans at the door: what each means, who is refused and why, that a repeat is calm."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.attendance.scene import Scene, at, find_attendance, make_scene, make_shift
from tests.world import CONSENTS, actor_of, make_branch, make_member
from timebank.activities.service import PaperConsent, cancel_activity, cancel_shift, leave, record_paper_consent
from timebank.attendance.models import PENDING, PERSONAL, READY, STAFF, Scan
from timebank.attendance.queries import door_counts, find_ground, list_latest, list_roster, list_scans
from timebank.attendance.rules import REFUSALS, under_review
from timebank.attendance.service import rejudge
from timebank.core.actor import SYSTEM
from timebank.core.errors import NotAllowed, NotFound
from timebank.members.rules import GUARDIAN
from timebank.members.service import suspend_member


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def record(session: Session, scene: Scene, number: int = 0):
    return find_attendance(session, scene.shift_id, scene.volunteer_actors[number].member_id)


def scans(session: Session, scene: Scene, number: int = 0) -> list[tuple[str, str]]:
    found = list_scans(session, scene.shift_id, scene.volunteer_actors[number].member_id)
    return [(scan.kind, scan.refused) for scan in found]


def test_the_first_scan_checks_in_and_the_last_checks_out(session: Session, scene: Scene) -> None:
    first = scene.scan(session, 0, "08:58", wanted="in")
    assert (first.kind, first.refusal, first.ground.in_at) == ("in", None, at("08:58"))
    assert record(session, scene).status == PENDING
    last = scene.scan(session, 0, "11:03", wanted="out")
    session.expire_all()
    kept = record(session, scene)
    assert (last.kind, last.ground.out_at, last.ground.minutes) == ("out", at("11:03"), 120)
    assert (kept.in_at, kept.out_at, kept.signed_minutes, kept.status) == (at("08:58"), at("11:03"), 120, READY)


def test_the_same_key_gives_the_same_answer_and_writes_nothing(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:02", wanted="in", key="once")
    again = scene.scan(session, 0, "09:40", wanted="in", key="once")
    assert (again.kind, again.repeated, again.ground.in_at) == ("in", True, at("09:02"))
    assert scans(session, scene) == [("in", "")]


def test_a_refused_scan_answers_its_repeat_the_same_way(session: Session, scene: Scene) -> None:
    early = scene.scan(session, 0, "07:00", key="once")
    again = scene.scan(session, 0, "09:00", key="once")
    assert early.refusal is not None
    assert again.refusal is not None
    assert (again.repeated, again.refusal.code) == (True, early.refusal.code)
    assert record(session, scene) is None


def test_pressing_check_in_twice_is_calm_and_keeps_the_earliest(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:02", wanted="in")
    again = scene.scan(session, 0, "09:30", wanted="in")
    assert (again.kind, again.refusal, again.ground.in_at) == ("again", None, at("09:02"))
    session.expire_all()
    assert record(session, scene).out_at is None


def test_a_code_seen_earlier_but_sent_later_moves_the_check_in_back(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:05", wanted="in")
    scene.scan(session, 0, "09:10", wanted="in", claimed_at=at("09:00"))
    session.expire_all()
    assert record(session, scene).in_at == at("09:00")


def test_checking_out_again_later_moves_the_check_out(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, "09:00", "10:00")
    scene.scan(session, 0, "10:45", wanted="out")
    session.expire_all()
    assert record(session, scene).signed_minutes == 105


def test_a_camera_reads_a_card_twice_within_ten_minutes_as_one_check_in(session: Session, scene: Scene) -> None:
    member_id = scene.volunteer_actors[0].member_id
    assert scene.staff_scan(session, member_id, "09:00", source=PERSONAL).kind == "in"
    assert scene.staff_scan(session, member_id, "09:09", source=PERSONAL).kind == "again"
    assert scene.staff_scan(session, member_id, "09:10", source=PERSONAL).kind == "out"
    assert scene.staff_scan(session, member_id, "09:11", source=PERSONAL).kind == "out"


def test_minutes_count_from_when_the_code_was_seen_not_from_when_sign_in_was_done(
    session: Session, scene: Scene
) -> None:
    answer = scene.scan(session, 0, "09:14", claimed_at=at("09:00"))
    assert answer.ground.in_at == at("09:00")
    kept = session.scalars(select(Scan)).one()
    assert (kept.claimed_at, kept.received_at) == (at("09:00"), at("09:14"))


def test_planned_activities_count_the_shift_from_the_check_in_on(session: Session) -> None:
    scene = make_scene(session, judged_by="planned", break_minutes=10)
    answer = scene.scan(session, 0, "09:30")
    assert answer.ground.minutes == 110
    assert record(session, scene).status == READY


def test_walk_ins_stand_on_the_list_as_such(session: Session, scene: Scene) -> None:
    guest = make_member(session, scene.branch, "路过的王五")
    answer = scene.staff_scan(session, guest.id, "09:10")
    assert answer.refusal is None
    found = {line.name: line for line in list_roster(session, scene.shift_id)}
    assert found["路过的王五"].walk_in
    assert door_counts(session, scene.shift_id).walk_ins == 1


def test_who_left_the_list_comes_back_as_a_walk_in(session: Session, scene: Scene) -> None:
    actor = scene.volunteer_actors[0]
    leave(session, scene.shift_id, member_id=actor.member_id, reason="有事", actor=actor, now=at("08:00"))
    assert not scene.scan(session, 0, "09:00").ground.signed_up
    assert record(session, scene).walk_in


# --- refusals, in the order in which they are checked ----------------------------------------------------------------


def everything_wrong(session: Session) -> Scene:
    """A shift where every reason to refuse holds: remove them one by one."""
    scene = make_scene(session, walk_ins=False)
    actor = scene.volunteer_actors[0]
    leave(session, scene.shift_id, member_id=actor.member_id, reason="有事", actor=actor, now=at("08:00"))
    return scene


def test_a_suspended_member_is_refused_first(session: Session) -> None:
    scene = everything_wrong(session)
    member_id = scene.volunteer_actors[0].member_id
    suspend_member(session, member_id, reason="长期失联", actor=SYSTEM, now=at("07:00"))
    cancel_shift(session, scene.shift_id, reason="下雨", actor=scene.organiser_actor, now=at("08:00"))
    answer = scene.staff_scan(session, member_id, "07:00")
    assert answer.refusal is not None
    assert answer.refusal.code == "attendance.member_not_active"


@pytest.mark.parametrize("whole", [True, False])
def test_a_cancelled_shift_or_activity_is_refused_next(session: Session, whole: bool) -> None:
    scene = everything_wrong(session)
    if whole:
        cancel_activity(session, scene.activity_id, reason="下雨", actor=scene.organiser_actor, now=at("08:00"))
    else:
        cancel_shift(session, scene.shift_id, reason="下雨", actor=scene.organiser_actor, now=at("08:00"))
    answer = scene.scan(session, 0, "07:00")
    assert answer.refusal is not None
    assert answer.refusal.code == "attendance.cancelled"
    assert "取消" in answer.refusal.message


def test_a_list_that_was_sent_takes_no_scans(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.submit(session, now=at("11:05"))
    answer = scene.scan(session, 1, "11:06", wanted="out", claimed_at=at("10:59"))
    assert answer.refusal is not None
    assert answer.refusal.code == "attendance.submitted"


@pytest.mark.parametrize(
    ("when", "came", "code"),
    [
        ("07:59", None, "attendance.too_early"),
        ("08:00", None, ""),
        ("10:59", None, ""),
        ("11:00", None, "attendance.too_late"),  # coming when it is over
        ("11:59", "09:00", ""),
        ("12:00", "09:00", "attendance.too_late"),
    ],
)
def test_the_window_is_from_an_hour_before_to_an_hour_after(
    session: Session, scene: Scene, when: str, came: str | None, code: str
) -> None:
    if came:
        scene.scan(session, 0, came, wanted="in")
    answer = scene.scan(session, 0, when, wanted="out" if came else "in")
    assert (answer.refusal.code if answer.refusal else "") == code
    assert scans(session, scene)[-1] == ("out" if came else "in", code)


def test_who_is_not_on_the_list_is_refused_last_where_walk_ins_are_not_taken(session: Session) -> None:
    scene = everything_wrong(session)
    answer = scene.scan(session, 0, "09:00")
    assert answer.refusal is not None
    assert answer.refusal.code == "attendance.not_signed_up"
    assert scans(session, scene) == [("in", "attendance.not_signed_up")]
    assert record(session, scene) is None


def test_every_refusal_says_what_to_do() -> None:
    for refusal in REFUSALS.values():
        text = refusal(opens="11-21 08:00", ends="11:00").message
        assert text.endswith("。")
        assert "{" not in text


def test_drafts_and_unknown_shifts_are_not_found(session: Session, scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.scan(session, 0, "09:00", shift_id=10_000)
    with pytest.raises(NotFound):
        scene.staff_scan(session, 10_000, "09:00")


def test_nobody_scans_for_another(session: Session, scene: Scene) -> None:
    with pytest.raises(NotAllowed):
        scene.scan(session, 0, "09:00", member_id=scene.volunteer_actors[1].member_id)
    with pytest.raises(NotAllowed):
        scene.scan(session, 0, "09:00", source=STAFF)


def test_an_organiser_of_another_branch_may_not_check_in_here(session: Session, scene: Scene) -> None:
    other = make_branch(session, "ZH")
    stranger = make_member(session, other, roles=("organiser",))
    scene.organiser_actor = actor_of(session, stranger)
    with pytest.raises(NotAllowed):
        scene.staff_scan(session, scene.volunteer_actors[0].member_id, "09:00")


# --- judged again, counted, shown -----------------------------------------------------------------------------------


def test_judging_again_changes_nothing(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, "09:07", "10:52")
    scene.scan(session, 1, "09:00")
    before = list_roster(session, scene.shift_id)
    assert rejudge(session, scene.shift_id) == 2
    assert list_roster(session, scene.shift_id) == before


def test_the_screen_counts_who_is_expected_here_gone_and_missing(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.scan(session, 1, "09:05")
    counts = door_counts(session, scene.shift_id)
    assert (counts.expected, counts.here, counts.gone, counts.missing, counts.walk_ins) == (3, 1, 1, 1, 0)
    latest = list_latest(session, scene.shift_id)
    assert [(line.alias, line.left) for line in latest] == [
        (scene.volunteers[0].alias, True),
        (scene.volunteers[1].alias, False),
    ]


def test_an_empty_shift_counts_nobody(session: Session, scene: Scene) -> None:
    _, empty = make_shift(session, scene.branch, scene.organiser_actor)
    counts = door_counts(session, empty)
    assert (counts.expected, counts.here, counts.gone, counts.missing) == (0, 0, 0, 0)
    assert list_latest(session, empty) == []


def test_a_scan_takes_few_statements(session: Session, scene: Scene) -> None:
    statements: list[str] = []
    from sqlalchemy import event

    event.listen(session.get_bind(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    locks = session.get_bind().dialect.name == "postgresql"  # where scans share a lock on the shift
    scene.scan(session, 0, "09:00")
    assert len(statements) <= 3 + locks, statements
    statements.clear()
    scene.scan(session, 0, "11:00", wanted="out")
    assert len(statements) <= 5 + locks, statements


def test_the_ground_of_a_person_not_on_the_list_is_known(session: Session, scene: Scene) -> None:
    guest = make_member(session, scene.branch)
    ground = find_ground(session, scene.shift_id, guest.id)
    assert ground is not None
    assert (ground.signed_up, ground.recorded, ground.walk_ins) == (False, False, True)
    assert ground.policy.ends_at - ground.policy.starts_at == timedelta(hours=2)
    assert session.scalar(select(func.count()).select_from(Scan)) == 0


CHILD = {"guardian": "王大明", "consents": CONSENTS | {GUARDIAN}, "born_on": date(2016, 1, 1)}


def walk_in(session: Session, scene: Scene, **more: Any) -> str:
    """What somebody who is not on the list is told at the gate: a kind, or the code of a refusal."""
    answer = scene.staff_scan(session, make_member(session, scene.branch, **more).id, "09:00")
    return answer.refusal.code if answer.refusal else answer.kind


@pytest.mark.parametrize(
    ("activity", "person", "told"),
    [
        ({}, {}, "in"),
        ({}, CHILD, "attendance.not_fit"),
        ({"min_age": 18}, {}, "attendance.not_fit"),  # of unknown age
        ({"min_age": 18}, {"born_on": date(1960, 1, 1)}, "in"),
        ({"max_age": 65}, {"born_on": date(1950, 1, 1)}, "attendance.not_fit"),
        ({"needed_skills": "haircut"}, {"born_on": date(1960, 1, 1)}, "in"),  # staff see who can cut hair
    ],
)
def test_who_walks_in_must_fit_as_who_signs_up(
    session: Session, activity: dict[str, Any], person: dict[str, Any], told: str
) -> None:
    assert walk_in(session, make_scene(session, people=0, **activity), **person) == told


def test_a_child_whose_guardian_agreed_walks_in(session: Session, scene: Scene) -> None:
    child = make_member(session, scene.branch, **CHILD)
    paper = PaperConsent(guardian_name="王大明", activity_id=None, seen=True, form_key="p")
    record_paper_consent(session, child.id, paper, actor=scene.organiser_actor, now=at("08:00"))
    assert scene.staff_scan(session, child.id, "09:00").kind == "in"


def test_paper_and_hours_by_hand_ask_nobody_for_their_age(session: Session, scene: Scene) -> None:
    child = make_member(session, scene.branch, **CHILD)
    ground = find_ground(session, scene.shift_id, child.id)
    assert ground is not None
    assert (ground.fits, under_review(ground).fits) == (False, True)
