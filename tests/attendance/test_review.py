"""The organiser's review: corrections, minutes by hand, records that do not count, and sending it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, Scene, at, find_attendance, make_scene, make_shift
from tests.world import make_branch, make_member
from timebank.attendance.models import PENDING, READY, STAFF, VOID
from timebank.attendance.queries import (
    find_approval,
    list_flags,
    list_roster,
    list_scans,
    list_waiting_approval,
    list_waiting_review,
    search_members,
)
from timebank.attendance.rules import ManualOutOfRange
from timebank.attendance.service import (
    AlreadySubmitted,
    Correction,
    ManualEntry,
    NothingToCorrect,
    NotSubmitted,
    ReviewClosed,
    StillPending,
    StillRunning,
    TimesOutOfRange,
    close_missing,
    correct_times,
    rejudge,
    restore,
    return_shift,
    set_manual,
    submit_shift,
    void,
)
from timebank.core.errors import Conflict, NotAllowed, NotFound


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def correct(session: Session, scene: Scene, number: int, **more: Any) -> None:
    given = {"in_at": None, "out_at": None, "reason": "手机没电，组长证明", "key": "form-1", "now": AFTER} | more
    now = given.pop("now")
    draft = Correction(shift_id=scene.shift_id, member_id=scene.volunteer_actors[number].member_id, **given)
    correct_times(session, draft, actor=scene.organiser_actor, now=now)
    session.expire_all()


def manual(session: Session, scene: Scene, member_id: int, minutes: int, reason: str = "忘带手机") -> None:
    entry = ManualEntry(shift_id=scene.shift_id, member_id=member_id, minutes=minutes, reason=reason)
    set_manual(session, entry, actor=scene.organiser_actor)
    session.expire_all()


def record(session: Session, scene: Scene, number: int = 0) -> Any:
    return find_attendance(session, scene.shift_id, scene.volunteer_actors[number].member_id)


def test_a_missing_check_out_is_recorded_as_a_staff_scan_with_its_reason(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    correct(session, scene, 0, out_at=at("10:30"))
    kept = record(session, scene)
    assert (kept.out_at, kept.signed_minutes, kept.status) == (at("10:30"), 90, READY)
    assert (kept.review_note, kept.reviewed_by_id) == ("手机没电，组长证明", scene.organiser_actor.member_id)
    added = list_scans(session, scene.shift_id, kept.member_id)[-1]
    assert (added.kind, added.source, added.reason) == ("out", STAFF, "手机没电，组长证明")


def test_a_correction_outweighs_the_scan_and_the_next_correction_that_one(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    correct(session, scene, 0, out_at=at("10:00"), key="a")
    correct(session, scene, 0, out_at=at("10:20"), in_at=at("09:10"), key="b")
    assert record(session, scene).signed_minutes == 70
    rejudge(session, scene.shift_id)
    session.expire_all()
    assert record(session, scene).signed_minutes == 70


def test_the_same_form_sent_twice_corrects_once(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    correct(session, scene, 0, out_at=at("10:00"))
    correct(session, scene, 0, out_at=at("10:00"))
    assert len(list_scans(session, scene.shift_id, scene.volunteer_actors[0].member_id)) == 3


@pytest.mark.parametrize(
    ("times", "now"),
    [
        ({"out_at": "13:00"}, "15:00"),  # after the window
        ({"in_at": "07:00"}, "15:00"),  # before it
        ({"out_at": "11:00"}, "10:00"),  # not yet
        ({"out_at": "08:59"}, "15:00"),  # before coming
        ({"in_at": "10:00", "out_at": "10:00"}, "15:00"),
    ],
)
def test_times_that_cannot_be_are_refused(session: Session, scene: Scene, times: dict[str, str], now: str) -> None:
    scene.scan(session, 0, "09:00")
    with pytest.raises(TimesOutOfRange) as refused:
        correct(session, scene, 0, now=at(now), **{name: at(clock) for name, clock in times.items()})
    assert refused.value.fields


def test_a_correction_needs_a_time(session: Session, scene: Scene) -> None:
    with pytest.raises(NothingToCorrect):
        correct(session, scene, 0)


def test_everybody_who_forgot_to_check_out_leaves_at_one_time(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    scene.scan(session, 1, "09:30")
    scene.attend(session, 2, "09:00", "10:00")
    arguments: dict[str, Any] = {"out_at": END, "reason": "一起离开", "actor": scene.organiser_actor, "now": AFTER}
    assert close_missing(session, scene.shift_id, **arguments) == 2
    session.expire_all()
    assert [record(session, scene, number).signed_minutes for number in range(3)] == [120, 90, 60]
    with pytest.raises(Conflict):
        close_missing(session, scene.shift_id, **arguments)


def test_minutes_by_hand_for_somebody_never_seen(session: Session, scene: Scene) -> None:
    member_id = scene.volunteer_actors[0].member_id
    manual(session, scene, member_id, 90)
    kept = record(session, scene)
    assert (kept.manual_minutes, kept.manual_reason, kept.signed_minutes, kept.status) == (90, "忘带手机", 0, READY)
    assert kept.manual_by_id == scene.organiser_actor.member_id
    rejudge(session, scene.shift_id)
    session.expire_all()
    assert record(session, scene).status == READY


def test_minutes_by_hand_taken_back_leave_nothing(session: Session, scene: Scene) -> None:
    member_id = scene.volunteer_actors[0].member_id
    manual(session, scene, member_id, 90)
    manual(session, scene, member_id, 0)
    assert record(session, scene) is None


def test_minutes_by_hand_beside_scans_cannot_pass_the_shift(session: Session, scene: Scene) -> None:
    scene.attend(session, 0, "09:00", "10:30")
    member_id = scene.volunteer_actors[0].member_id
    manual(session, scene, member_id, 30)
    assert record(session, scene).minutes == 120
    with pytest.raises(ManualOutOfRange):
        manual(session, scene, member_id, 31)


@pytest.mark.parametrize("minutes", [-1, 121, 100_000])
def test_minutes_by_hand_out_of_range(session: Session, scene: Scene, minutes: int) -> None:
    with pytest.raises(ManualOutOfRange):
        manual(session, scene, scene.volunteer_actors[0].member_id, minutes)


def test_somebody_not_on_the_list_gets_minutes_as_a_walk_in(session: Session, scene: Scene) -> None:
    guest = make_member(session, scene.branch, "帮忙的郑六")
    manual(session, scene, guest.id, 60)
    assert next(line for line in list_roster(session, scene.shift_id) if line.member_id == guest.id).walk_in
    with pytest.raises(NotFound):
        manual(session, scene, 10_000, 60)


def test_a_record_that_does_not_count_and_counts_again(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    member_id = scene.volunteer_actors[0].member_id
    void(session, scene.shift_id, member_id, reason="代签", actor=scene.organiser_actor)
    rejudge(session, scene.shift_id)
    session.expire_all()
    assert record(session, scene).status == VOID
    with pytest.raises(Conflict, match="恢复"):
        manual(session, scene, member_id, 10)
    restore(session, scene.shift_id, member_id, actor=scene.organiser_actor)
    session.expire_all()
    assert (record(session, scene).status, record(session, scene).signed_minutes) == (READY, 120)
    with pytest.raises(NotFound):
        void(session, scene.shift_id, scene.volunteer_actors[1].member_id, reason="x", actor=scene.organiser_actor)


def test_volunteers_and_strangers_may_not_review(session: Session, scene: Scene) -> None:
    scene.organiser_actor = scene.volunteer_actors[1]
    with pytest.raises(NotAllowed):
        correct(session, scene, 0, out_at=at("10:00"))


# --- sending it -----------------------------------------------------------------------------------------------------


def test_a_running_shift_is_not_sent(session: Session, scene: Scene) -> None:
    with pytest.raises(StillRunning):
        scene.submit(session, now=END - timedelta(seconds=1))


def test_a_list_with_open_questions_is_not_sent(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    with pytest.raises(StillPending, match="1 人"):
        scene.submit(session)


def test_a_sent_list_is_closed_until_it_is_returned(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.submit(session)
    kept = find_approval(session, scene.shift_id)
    assert kept is not None
    assert (kept.people, kept.minutes) == (1, 120)
    with pytest.raises(ReviewClosed):
        correct(session, scene, 0, out_at=at("10:00"))
    with pytest.raises(AlreadySubmitted):
        scene.submit(session)
    assert [card.shift_id for card in list_waiting_approval(session, None)] == [scene.shift_id]
    return_shift(session, scene.shift_id, reason="少了一个人", actor=scene.manager_actor, now=AFTER)
    with pytest.raises(NotSubmitted):
        return_shift(session, scene.shift_id, reason="再退", actor=scene.manager_actor, now=AFTER)
    waiting = list_waiting_review(session, frozenset({scene.branch.id}), now=AFTER)
    assert [card.returned_reason for card in waiting] == ["少了一个人"]
    correct(session, scene, 0, out_at=at("10:00"))
    scene.submit(session)
    kept = find_approval(session, scene.shift_id)
    assert kept is not None
    assert (kept.minutes, kept.returned_reason) == (60, "")


def test_a_shift_to_which_nobody_came_can_be_sent_too(session: Session, scene: Scene) -> None:
    scene.submit(session)
    kept = find_approval(session, scene.shift_id)
    assert kept is not None
    assert kept.people == 0


def test_submitting_needs_the_review_permission_here(session: Session, scene: Scene) -> None:
    with pytest.raises(NotAllowed):
        submit_shift(session, scene.shift_id, actor=scene.volunteer_actors[0], now=AFTER)


# --- what a reviewer sees -------------------------------------------------------------------------------------------


def test_shifts_wait_for_review_by_branch_once_they_are_over(session: Session, scene: Scene) -> None:
    assert list_waiting_review(session, None, now=END - timedelta(seconds=1)) == []
    [card] = list_waiting_review(session, None, now=END)
    assert (card.shift_id, card.expected, card.attended, card.minutes) == (scene.shift_id, 3, 0, 0)
    other = make_branch(session, "ZH")
    assert list_waiting_review(session, frozenset({other.id}), now=END) == []


def test_one_phone_for_two_people_and_two_shifts_at_once_are_flagged(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00", device="phone-1")
    scene.scan(session, 1, "09:01", device="phone-1")
    scene.scan(session, 2, "09:00", device="phone-2")
    _, other_shift = make_shift(
        session, scene.branch, scene.organiser_actor, starts_at=at("10:00"), ends_at=at("12:00")
    )
    scene.scan(session, 2, "10:00", shift_id=other_shift)
    flags = list_flags(session, scene.shift_id)
    ids = [actor.member_id for actor in scene.volunteer_actors]
    assert flags.shared_device == {ids[0], ids[1]}
    assert flags.overlapping == {ids[2]}
    assert [flag.text for flag in flags.of(ids[2] or 0)] == [
        "同一时间还签到了别的班次",
        "以前没有入账的服务记录，第一次来",
    ]


def test_people_are_found_by_name_number_and_last_four_digits(session: Session, scene: Scene) -> None:
    found = make_member(session, scene.branch, "欧阳百合", phone="13800005678")
    other = make_branch(session, "ZH")
    far = make_member(session, other, "欧阳远方")
    for text in ("欧阳", "百合", "5678", found.number, found.number.lower()):
        assert [member.id for member in search_members(session, text, branch_id=scene.branch.id)] == [found.id], text
    assert [member.id for member in search_members(session, far.number, branch_id=scene.branch.id)] == [far.id]
    for text in ("", "   ", "567", "%", "_阳", "𠮷", "x" * 10_000):
        assert list(search_members(session, text, branch_id=scene.branch.id)) == [], text


def test_pending_means_a_person_has_to_decide(session: Session, scene: Scene) -> None:
    scene.scan(session, 0, "09:00")
    [line] = [line for line in list_roster(session, scene.shift_id) if line.status == PENDING]
    assert (line.pending, line.here, line.no_show, line.minutes) == (True, True, False, 0)
    assert sum(line.no_show for line in list_roster(session, scene.shift_id)) == 2
