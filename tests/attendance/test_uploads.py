"""Scans that a phone kept and sent later: recorded whatever they are worth, then judged, then decided by people."""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from tests.attendance.scene import Scene, at, find_attendance, make_scene, make_shift
from tests.world import CONSENTS, KEYS, actor_of, make_branch, make_member
from timebank.activities.service import cancel_shift
from timebank.attendance.models import (
    APPROVED,
    COUNT,
    DISMISS,
    PENDING,
    READY,
    Scan,
    ScanCase,
    ScanEvidence,
    UnreadScan,
)
from timebank.attendance.queries import (
    UploadAnswer,
    count_open_cases,
    find_approval,
    find_own_hand,
    list_cases,
    list_day_scans,
    list_elsewhere,
    list_hands,
    list_open_shifts,
    policy_of,
)
from timebank.attendance.rules import Timing
from timebank.attendance.service import (
    Batch,
    CaseDecided,
    CasesOpen,
    Decision,
    FourEyes,
    ListWaiting,
    NoSuchCase,
    UploadedScan,
    decide_cases,
    judgement_of,
    record_batch,
    rejudge,
    return_shift,
)
from timebank.core.actor import SYSTEM
from timebank.core.clock import today
from timebank.core.errors import NotAllowed, NotFound
from timebank.members.queries import find_card
from timebank.members.rules import GUARDIAN, personal_code
from timebank.members.service import reissue_card, suspend_member

_keys = itertools.count(1)
NIGHT = at("20:00")


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def code_of(session: Session, member_id: int) -> str:
    card = find_card(session, member_id)
    assert card is not None
    return personal_code(KEYS, card.serial)


def scan(scene: Scene, number: int | None, when: str, wanted: str = "in", **more: Any) -> UploadedScan:
    """Volunteer ``number`` chosen from the list at a time of the device's clock, which is right."""
    timing = Timing(device_at=at(when), loaded_offset=more.pop("loaded", 0), sent_offset=more.pop("sent", 0))
    given: dict[str, Any] = {
        "key": f"phone-{next(_keys):06}",
        "code": "",
        "member_id": None if number is None else scene.volunteer_actors[number].member_id,
        "wanted": wanted,
        "timing": timing,
    }
    return UploadedScan(**(given | more))


def send(session: Session, scene: Scene, *scans: UploadedScan, now: Any = NIGHT, **more: Any) -> list[UploadAnswer]:
    batch = Batch(shift_id=more.pop("shift_id", scene.shift_id), scans=scans, device="phone")
    answers = record_batch(session, batch, actor=more.pop("actor", scene.organiser_actor), keys=KEYS, now=now)
    session.expire_all()
    return answers


def record(session: Session, scene: Scene, number: int = 0) -> Any:
    return find_attendance(session, scene.shift_id, scene.volunteer_actors[number].member_id or 0)


def kinds(session: Session, scene: Scene) -> list[str]:
    return sorted(case.kind for case in list_cases(session, scene.shift_id))


def decide(
    session: Session, scene: Scene, decision: str = COUNT, *, now: Any = NIGHT, reason: str = "组长作证", **more: Any
) -> int:
    """The organiser decides every open case of the shift."""
    ids = [case.id for case in list_cases(session, scene.shift_id) if not case.decision]
    given = {"shift_id": scene.shift_id, "case_ids": ids, "decision": decision, "reason": reason} | more
    done = decide_cases(session, Decision(**given), actor=scene.organiser_actor, now=now)
    session.expire_all()
    return done


def times(session: Session, scene: Scene, number: int = 0) -> tuple[Any, Any, int, str]:
    kept = record(session, scene, number)
    return kept.in_at, kept.out_at, kept.signed_minutes, kept.status


# --- what counts by itself -------------------------------------------------------------------------------------------


def test_a_batch_of_the_evening_counts_as_it_happened(session: Session, scene: Scene) -> None:
    answers = send(session, scene, scan(scene, 0, "09:00"), scan(scene, 0, "11:00", "out"), scan(scene, 1, "09:05"))
    assert [(one.state, one.kind) for one in answers] == [("counted", "in"), ("counted", "out"), ("counted", "in")]
    assert times(session, scene) == (at("09:00"), at("11:00"), 120, READY)
    assert times(session, scene, 1) == (at("09:05"), None, 0, PENDING)
    kept = session.scalars(select(Scan).order_by(Scan.id)).first()
    assert kept is not None
    assert (kept.claimed_at, kept.received_at) == (at("09:00"), NIGHT)


def test_one_person_on_two_devices_came_at_the_earliest_and_left_at_the_latest(session: Session, scene: Scene) -> None:
    send(session, scene, scan(scene, 0, "09:04"), scan(scene, 0, "10:50", "out"))
    answers = send(session, scene, scan(scene, 0, "09:00"), scan(scene, 0, "11:02", "out"))
    assert [one.kind for one in answers] == ["in", "out"]
    assert times(session, scene) == (at("09:00"), at("11:02"), 120, READY)
    [again] = send(session, scene, scan(scene, 0, "09:07"))
    assert (again.state, again.kind, again.in_at) == ("counted", "again", at("09:00"))


def test_a_camera_does_not_say_in_or_out_the_times_do(session: Session, scene: Scene) -> None:
    code = code_of(session, scene.volunteer_actors[0].member_id or 0)
    late, early, repeat = (scan(scene, None, when, "", code=code) for when in ("10:58", "09:01", "09:09"))
    [alone] = send(session, scene, late)
    assert (alone.kind, alone.in_at) == ("in", at("10:58"))  # so far
    answers = send(session, scene, early, repeat, late)
    assert [one.kind for one in answers] == ["in", "again", "out"]
    assert times(session, scene) == (at("09:01"), at("10:58"), 117, READY)


def test_a_camera_scan_after_the_shift_is_a_check_out(session: Session, scene: Scene) -> None:
    code = code_of(session, scene.volunteer_actors[0].member_id or 0)
    send(session, scene, scan(scene, None, "11:20", "", code=code))
    assert times(session, scene) == (None, at("11:20"), 0, PENDING)


def test_who_only_checked_out_waits_for_a_person_until_the_check_in_arrives(session: Session, scene: Scene) -> None:
    send(session, scene, scan(scene, 0, "11:00", "out"))
    assert times(session, scene) == (None, at("11:00"), 0, PENDING)
    assert kinds(session, scene) == []
    send(session, scene, scan(scene, 0, "09:00"))
    assert times(session, scene) == (at("09:00"), at("11:00"), 120, READY)


def test_walk_ins_count_as_such_where_they_are_taken(session: Session, scene: Scene) -> None:
    guest = make_member(session, scene.branch, "路过的王五")
    [answer] = send(session, scene, scan(scene, None, "09:10", member_id=guest.id))
    assert (answer.state, answer.walk_in, answer.name) == ("counted", True, "路过的王五")


def test_two_shifts_at_once_both_count_and_the_desk_shows_them(session: Session, scene: Scene) -> None:
    person = scene.volunteer_actors[0]
    _, other = make_shift(session, scene.branch, scene.organiser_actor, title="图书整理")
    send(session, scene, scan(scene, 0, "09:00"), scan(scene, 0, "11:00", "out"))
    send(session, scene, scan(scene, 0, "10:00"), scan(scene, 0, "10:30", "out"), shift_id=other)
    assert kinds(session, scene) == []
    assert [(one.other_title, one.other_in_at) for one in list_elsewhere(session, scene.shift_id)] == [
        ("图书整理", at("10:00"))
    ]
    assert [one.other_title for one in list_elsewhere(session, other)] == ["楼道清洁"]
    day = list_day_scans(session, [person.member_id or 0], today(at("09:00")))
    assert [one.title for one in day] == ["楼道清洁", "图书整理", "图书整理", "楼道清洁"]


# --- sent again ------------------------------------------------------------------------------------------------------


def test_the_same_batch_twice_is_answered_the_same_and_adds_nothing(session: Session, scene: Scene) -> None:
    batch = [scan(scene, 0, "09:00"), scan(scene, None, "09:01", code="P1不是码"), scan(scene, 1, "07:00")]
    first = send(session, scene, *batch)
    assert [one.state for one in first] == ["counted", "unread", "case"]
    assert send(session, scene, *batch, now=NIGHT + timedelta(hours=1)) == first
    counts = [session.scalar(select(func.count()).select_from(table)) for table in (Scan, UnreadScan, ScanCase)]
    assert counts == [2, 1, 1]


def test_half_a_batch_and_then_the_whole(session: Session, scene: Scene) -> None:
    batch = [scan(scene, 0, "09:00"), scan(scene, 0, "11:00", "out"), scan(scene, 1, "09:00")]
    send(session, scene, *batch[:1])
    assert [one.state for one in send(session, scene, *batch)] == ["counted"] * 3
    assert times(session, scene) == (at("09:00"), at("11:00"), 120, READY)
    assert session.scalar(select(func.count()).select_from(Scan)) == 3


def test_one_key_twice_in_a_batch_is_one_scan(session: Session, scene: Scene) -> None:
    one = scan(scene, 0, "09:00")
    assert len(send(session, scene, one, one)) == 1
    assert session.scalar(select(func.count()).select_from(Scan)) == 1


# --- cases -----------------------------------------------------------------------------------------------------------


def test_a_device_whose_clock_is_a_little_off_is_put_right_by_its_offset(session: Session, scene: Scene) -> None:
    send(
        session,
        scene,
        scan(scene, 0, "09:03", loaded=-180, sent=-178),
        scan(scene, 0, "11:03", "out", loaded=-180, sent=-180),
    )
    assert times(session, scene)[:2] == (at("09:00"), at("11:00"))
    kept = session.scalars(select(ScanEvidence).order_by(ScanEvidence.scan_id)).first()
    assert kept is not None
    assert (kept.device_at, kept.loaded_offset, kept.sent_offset) == (at("09:03"), -180, -178)


@pytest.mark.parametrize(
    ("loaded", "sent", "kind"),
    [
        (0, 119, ""),
        (0, 121, "clock"),  # set in between
        (299, 299, ""),
        (3600, 3600, "clock"),  # an hour off
        (-3600, -3600, "clock"),
        (None, 60, ""),
        (None, 301, "clock"),
    ],
)
def test_a_clock_that_is_off_or_was_set_asks_a_person(
    session: Session, scene: Scene, loaded: int | None, sent: int, kind: str
) -> None:
    off = timedelta(seconds=sent if loaded is None else loaded)
    timing = Timing(device_at=at("09:30") - off, loaded_offset=loaded, sent_offset=sent)
    [answer] = send(session, scene, scan(scene, 0, "09:30", timing=timing))
    assert (answer.state, answer.refused) == (("case", "attendance.clock_doubtful") if kind else ("counted", ""))
    assert kinds(session, scene) == ([kind] if kind else [])
    if kind:
        decide(session, scene)
    assert record(session, scene).in_at == at("09:30")


def test_what_arrives_at_once_needs_no_trust_in_the_devices_clock(session: Session, scene: Scene) -> None:
    timing = Timing(device_at=at("10:30"), loaded_offset=-3600, sent_offset=-3600)
    [answer] = send(session, scene, scan(scene, 0, "10:30", timing=timing), now=at("09:31"))
    assert (answer.state, answer.in_at) == ("counted", at("09:30"))


@pytest.mark.parametrize(
    ("when", "wanted", "now", "kind"),
    [
        ("07:59", "in", NIGHT, "early"),
        ("11:00", "in", NIGHT, "late"),  # coming when it is over
        ("12:00", "out", NIGHT, "late"),
        ("12:30", "", NIGHT, "late"),
        ("10:00", "in", at("09:00"), "future"),
    ],
)
def test_times_outside_the_window_or_ahead_of_now_ask_a_person(
    session: Session, scene: Scene, when: str, wanted: str, now: Any, kind: str
) -> None:
    code = code_of(session, scene.volunteer_actors[0].member_id or 0)
    one = scan(scene, 0, when, wanted) if wanted else scan(scene, None, when, "", code=code)
    assert send(session, scene, one, now=now)[0].state == "case"
    assert kinds(session, scene) == [kind]
    assert record(session, scene) is None
    decide(session, scene)
    kept = record(session, scene)
    assert at(when) in (kept.in_at, kept.out_at)


def test_a_check_out_after_the_window_counts_to_the_end_of_the_shift_once_somebody_says_so(
    session: Session, scene: Scene
) -> None:
    send(session, scene, scan(scene, 0, "09:00"), scan(scene, 0, "12:40", "out"))
    assert times(session, scene) == (at("09:00"), None, 0, PENDING)
    assert decide(session, scene, reason="大家一起收拾到 12:40") == 1
    assert times(session, scene) == (at("09:00"), at("12:40"), 120, READY)
    assert rejudge(session, scene.shift_id) == 1
    assert times(session, scene) == (at("09:00"), at("12:40"), 120, READY)


def test_who_is_not_on_a_closed_list_waits_for_a_person(session: Session) -> None:
    scene = make_scene(session, walk_ins=False)
    guest = make_member(session, scene.branch)
    send(
        session,
        scene,
        scan(scene, None, "09:00", member_id=guest.id),
        scan(scene, None, "11:00", "out", member_id=guest.id),
    )
    assert kinds(session, scene) == ["unlisted", "unlisted"]
    assert find_attendance(session, scene.shift_id, guest.id) is None
    assert decide(session, scene, reason="临时来帮忙，队长同意") == 2
    kept = find_attendance(session, scene.shift_id, guest.id)
    assert kept is not None
    assert (kept.signed_minutes, kept.walk_in, kept.status) == (120, True, READY)


def test_a_dismissed_scan_stays_as_evidence_and_counts_nothing(session: Session) -> None:
    scene = make_scene(session, walk_ins=False)
    guest = make_member(session, scene.branch)
    one = scan(scene, None, "09:00", member_id=guest.id)
    send(session, scene, one)
    decide(session, scene, DISMISS, reason="走错了地方")
    assert find_attendance(session, scene.shift_id, guest.id) is None
    [answer] = send(session, scene, one)
    assert (answer.state, answer.decided) == ("case", True)
    [case] = list_cases(session, scene.shift_id)
    assert (case.decision, case.reason, case.decided_by) == (DISMISS, "走错了地方", "周队长")


def test_a_card_counts_until_it_was_revoked_and_asks_a_person_after(session: Session, scene: Scene) -> None:
    actor = scene.volunteer_actors[0]
    old = code_of(session, actor.member_id or 0)
    reissue_card(session, actor.member_id or 0, reason="丢了", actor=actor, now=at("09:30"))
    answers = send(session, scene, scan(scene, None, "09:00", "", code=old), scan(scene, None, "10:00", "", code=old))
    assert [(one.state, one.refused) for one in answers] == [("counted", ""), ("case", "attendance.card_revoked")]
    assert times(session, scene)[:2] == (at("09:00"), None)
    assert session.scalars(select(ScanEvidence.card)).all() == [old[2:9], old[2:9]]
    decide(session, scene, reason="本人在场，卡刚挂失")
    assert times(session, scene)[:2] == (at("09:00"), at("10:00"))


@pytest.mark.parametrize("code", ["P1ABCDEFG", "https://example.com/menu", "", "P1" + "A" * 200])
def test_what_names_nobody_is_kept_with_the_shift(session: Session, scene: Scene, code: str) -> None:
    [answer] = send(session, scene, scan(scene, None, "09:00", "", code=code))
    assert (answer.state, bool(answer.why), answer.member_id) == ("unread", True, None)
    kept = session.scalars(select(UnreadScan)).one()
    assert (kept.text, kept.claimed_at, kept.device) == (code[:80], at("09:00"), "phone")


def test_a_forged_code_and_an_unknown_member_are_kept_too(session: Session, scene: Scene) -> None:
    from timebank.core import codes

    body = code_of(session, scene.volunteer_actors[0].member_id or 0)[:9] + "AAAAAA"
    forged = body + codes.check_character(body)
    answers = send(
        session, scene, scan(scene, None, "09:00", "", code=forged), scan(scene, None, "09:00", member_id=10_000)
    )
    assert [one.state for one in answers] == ["unread", "unread"]
    assert "不是本系统发出的" in answers[0].why


def test_a_voucher_read_by_mistake_is_not_kept_in_full(session: Session, scene: Scene) -> None:
    from timebank.core import codes

    body = "W1" + "A" * 12
    send(session, scene, scan(scene, None, "09:00", "", code=body + codes.check_character(body)))
    assert session.scalars(select(UnreadScan.text)).one() == "W1…"


def test_a_suspended_member_and_a_cancelled_shift_ask_a_person(session: Session, scene: Scene) -> None:
    suspend_member(session, scene.volunteer_actors[0].member_id or 0, reason="失联", actor=SYSTEM, now=at("08:00"))
    send(session, scene, scan(scene, 0, "09:00"))
    assert kinds(session, scene) == ["inactive"]
    cancel_shift(session, scene.shift_id, reason="下雨", actor=scene.organiser_actor, now=at("08:30"))
    send(session, scene, scan(scene, 1, "09:00"))
    assert kinds(session, scene) == ["cancelled", "inactive"]
    with pytest.raises(Exception, match="已经取消"):
        decide(session, scene)
    assert decide(session, scene, DISMISS, reason="没有办") == 2


# --- after the list was sent, approved, or its month closed -----------------------------------------------------------


def sent(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.submit(session)


def test_a_scan_after_the_list_was_sent_waits_until_the_list_comes_back(session: Session, scene: Scene) -> None:
    sent(session, scene)
    send(session, scene, scan(scene, 1, "09:00"), scan(scene, 1, "11:00", "out"))
    assert kinds(session, scene) == ["submitted", "submitted"]
    assert record(session, scene, 1) is None
    with pytest.raises(ListWaiting):
        decide(session, scene)
    return_shift(session, scene.shift_id, reason="有人漏了", actor=scene.manager_actor, now=NIGHT)
    with pytest.raises(CasesOpen, match="还有 2 条"):
        scene.submit(session, NIGHT)
    decide(session, scene)
    assert times(session, scene, 1) == (at("09:00"), at("11:00"), 120, READY)
    scene.submit(session, NIGHT)
    assert scene.approve(session, NIGHT).people == 2


def test_a_scan_that_changes_nothing_on_a_closed_list_bothers_nobody(session: Session, scene: Scene) -> None:
    sent(session, scene)
    answers = send(session, scene, scan(scene, 0, "09:10"), scan(scene, 0, "10:30", "out"))
    assert [one.state for one in answers] == ["counted", "counted"]
    assert kinds(session, scene) == []
    assert times(session, scene)[:3] == (at("09:00"), at("11:00"), 120)


def test_after_approval_who_was_missing_becomes_ready_and_who_was_booked_stays(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, "09:30", "11:00")
    scene.submit(session)
    scene.approve(session)
    send(session, scene, scan(scene, 0, "09:00"), scan(scene, 1, "09:00"), scan(scene, 1, "11:00", "out"))
    assert kinds(session, scene) == ["approved"] * 3
    assert decide(session, scene, reason="另一台手机先扫的") == 3
    booked, missed = record(session, scene), record(session, scene, 1)
    assert (booked.status, booked.in_at, booked.minutes_now) == (APPROVED, at("09:30"), 90)
    assert (missed.status, missed.signed_minutes) == (READY, 120)
    right = judgement_of(session, scene.shift_id, booked.member_id, policy_of(booked.shift, booked.shift.activity))
    assert (right.in_at, right.minutes) == (at("09:00"), 120)  # what a correction should make of it


def test_after_the_month_is_closed_a_late_list_is_booked_in_the_open_month(session: Session, scene: Scene) -> None:
    from timebank.ledger import queries as ledger

    december = at("09:00") + timedelta(days=20)
    send(session, scene, scan(scene, 0, "09:00"), scan(scene, 0, "11:00", "out"), now=december)
    assert times(session, scene) == (at("09:00"), at("11:00"), 120, READY)
    scene.submit(session, december)
    scene.approve(session, december)
    entry = ledger.get_entry(session, record(session, scene).entry_id)
    assert (entry.month, entry.occurred_at) == ("2026-12", at("11:00"))


# --- deciding --------------------------------------------------------------------------------------------------------


def test_a_case_is_decided_once(session: Session, scene: Scene) -> None:
    send(session, scene, scan(scene, 0, "07:00"))
    [case] = list_cases(session, scene.shift_id)
    assert decide(session, scene) == 1
    assert decide(session, scene, case_ids=[case.id]) == 0  # the form sent twice
    with pytest.raises(CaseDecided):
        decide(session, scene, DISMISS, case_ids=[case.id])
    with pytest.raises(NoSuchCase):
        decide(session, scene, case_ids=[case.id, case.id + 99])
    with pytest.raises(NoSuchCase):
        decide(session, scene, case_ids=[])


def test_whoever_decided_does_not_approve(session: Session, scene: Scene) -> None:
    send(session, scene, scan(scene, 0, "09:00"), scan(scene, 0, "12:30", "out"))
    ids = [case.id for case in list_cases(session, scene.shift_id)]
    draft = Decision(shift_id=scene.shift_id, case_ids=ids, decision=COUNT, reason="我在场")
    decide_cases(session, draft, actor=scene.manager_actor, now=NIGHT)
    scene.submit(session, NIGHT)
    approval = find_approval(session, scene.shift_id)
    assert approval is not None
    assert find_own_hand(session, approval.id, scene.manager_actor.member_id or 0)
    assert scene.manager_actor.member_id in list_hands(session, approval.id)
    with pytest.raises(FourEyes):
        scene.approve(session, NIGHT)


def test_the_list_over_all_shifts_counts_what_waits(session: Session, scene: Scene) -> None:
    send(session, scene, scan(scene, 0, "07:00"), scan(scene, 1, "07:00"), scan(scene, 1, "07:10"))
    [found] = list_open_shifts(session, None)
    assert (found.shift_id, found.cases, found.people) == (scene.shift_id, 3, 2)
    assert list_open_shifts(session, [scene.branch.id]) == [found]
    assert list_open_shifts(session, []) == []
    assert count_open_cases(session, scene.shift_id) == 3


def test_only_staff_of_the_branch_send_and_decide(session: Session, scene: Scene) -> None:
    stranger = actor_of(session, make_member(session, make_branch(session, "ZH"), roles=("organiser",)))
    for actor in (stranger, scene.volunteer_actors[0]):
        with pytest.raises(NotAllowed):
            send(session, scene, scan(scene, 0, "09:00"), actor=actor)
    with pytest.raises(NotFound):
        send(session, scene, shift_id=10_000)
    send(session, scene, scan(scene, 0, "07:00"))
    scene.organiser_actor = stranger
    with pytest.raises(NotAllowed):
        decide(session, scene, DISMISS)
    with pytest.raises(NotAllowed):
        decide(session, scene)


def test_the_database_keeps_evidence_and_decisions(session: Session, scene: Scene) -> None:
    send(session, scene, scan(scene, 0, "07:00"), scan(scene, None, "09:00", code="?"))
    decide(session, scene)
    from sqlalchemy import text

    for statement in (
        "UPDATE scan_evidence SET sent_offset = 1",
        "DELETE FROM scan_evidence",
        "UPDATE unread_scan SET text = ''",
        "DELETE FROM unread_scan",
        "UPDATE scan_case SET decision = 'dismiss'",
        "DELETE FROM scan_case",
    ):
        with pytest.raises(DatabaseError), session.begin_nested():
            session.execute(text(statement))


# --- whatever the order and the batches ------------------------------------------------------------------------------

_ONE = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from(["07:30", "08:10", "09:00", "09:06", "09:15", "10:20", "10:59", "11:30", "12:30"]),
    st.sampled_from(["in", "out", ""]),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(facts=st.lists(_ONE, min_size=1, max_size=7), luck=st.randoms(use_true_random=False))
def test_any_order_and_any_batches_give_the_same_attendance(
    session: Session, facts: list[tuple[int, str, str]], luck: random.Random
) -> None:
    with session.begin_nested() as undo:
        scene = make_scene(session, people=2)
        codes = [code_of(session, actor.member_id or 0) for actor in scene.volunteer_actors]
        scans = [
            scan(scene, None, when, wanted, code=codes[who]) if not wanted else scan(scene, who, when, wanted)
            for who, when, wanted in facts
        ]
        results = []
        for shuffled in (False, True):
            with session.begin_nested() as again:
                order = list(scans)
                if shuffled:
                    luck.shuffle(order)
                while order:
                    size = luck.randint(1, len(order)) if shuffled else len(order)
                    send(session, scene, *order[:size])
                    order = order[size:]
                results.append(
                    [
                        (kept.in_at, kept.out_at, kept.signed_minutes, kept.status) if kept else None
                        for kept in (record(session, scene, who) for who in (0, 1))
                    ]
                    + [kinds(session, scene)]
                )
                again.rollback()
        undo.rollback()
    assert results[0] == results[1]


def test_a_child_who_walked_in_while_the_network_was_down_asks_a_person(session: Session, scene: Scene) -> None:
    child = make_member(
        session, scene.branch, guardian="王大明", consents=CONSENTS | {GUARDIAN}, born_on=date(2016, 1, 1)
    )
    [answer] = send(session, scene, scan(scene, None, "09:00", member_id=child.id))
    assert (answer.kind, kinds(session, scene)) == ("in", ["unlisted"])
    assert find_attendance(session, scene.shift_id, child.id) is None
    decide(session, scene)
    kept = find_attendance(session, scene.shift_id, child.id)
    assert kept is not None
    assert kept.in_at == at("09:00")
