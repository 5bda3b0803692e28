"""Approving in rounds: some now, the rest later; two people where one is too little; and what the database refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, Scene, at, find_attendance, make_scene
from tests.world import actor_of, make_member
from timebank.attendance.models import ApprovalHeld, Attendance, Scan, ShiftApproval
from timebank.attendance.queries import (
    find_approval,
    list_approved,
    list_held,
    list_rounds,
    list_waiting_approval,
    list_waiting_review,
)
from timebank.attendance.rules import Limits, second_reasons
from timebank.attendance.service import (
    AlreadySubmitted,
    Approved,
    ChangedMeanwhile,
    FourEyes,
    ManualEntry,
    NobodyChosen,
    NoHeldReason,
    NotHeld,
    NothingToSend,
    NotSubmitted,
    ReviewClosed,
    StillPending,
    Yes,
    approve_shift,
    keep_held,
    return_shift,
    set_manual,
    submit_shift,
    void,
)
from timebank.core.actor import Actor
from timebank.ledger.queries import get_account
from timebank.members.models import Member
from timebank.notices.models import Notice

LATER = AFTER + timedelta(hours=1)


@pytest.fixture
def scene(session: Session) -> Scene:
    made = make_scene(session)
    for number in range(3):
        made.attend(session, number)
    return made


def who(scene: Scene, number: int) -> int:
    return scene.volunteers[number].id


def coins(session: Session, scene: Scene) -> list[int]:
    session.expire_all()
    return [
        get_account(session, session.get_one(Member, member.id).coin_account_id).balance for member in scene.volunteers
    ]


def approve(session: Session, scene: Scene, *held: int, actor: Actor | None = None, **more: Any) -> Approved:
    """Say yes to the round, but for some volunteers."""
    yes = Yes(held={who(scene, number): "时间对不上" for number in held}, **more)
    return approve_shift(session, scene.shift_id, actor=actor or scene.manager_actor, now=AFTER, yes=yes)


def enter(session: Session, scene: Scene, number: int, minutes: int, actor: Actor | None = None) -> None:
    entry = ManualEntry(shift_id=scene.shift_id, member_id=who(scene, number), minutes=minutes, reason="忘带手机")
    set_manual(session, entry, actor=actor or scene.organiser_actor)


def third(session: Session, scene: Scene) -> Actor:
    return actor_of(session, make_member(session, scene.branch, roles=("organiser",)))


# --- some now, the rest later -----------------------------------------------------------------------------------------


def test_who_is_held_back_is_open_again_and_the_others_are_booked(session: Session, scene: Scene) -> None:
    scene.submit(session)
    done = approve(session, scene, 1)
    assert (done.number, done.people, done.minutes, done.held, done.second) == (1, 2, 240, 1, ())
    assert coins(session, scene) == [120, 0, 120]
    held = find_attendance(session, scene.shift_id, who(scene, 1))
    assert held is not None
    assert (held.status, held.held_reason, held.submitted_in_id) == ("pending", "时间对不上", None)
    [one] = list_held(session, scene.shift_id)[1]
    assert (one.member_id, one.reason, one.by_id) == (who(scene, 1), "时间对不上", scene.manager.id)
    [told] = session.scalars(sa.select(Notice).where(Notice.kind == "attendance.held"))
    assert (told.member_id, told.facts["count"]) == (scene.organiser.id, 1)
    [card] = list_waiting_review(session, None, now=LATER)
    assert (card.shift_id, card.round_number) == (scene.shift_id, 1)
    assert [(card.attended, card.minutes) for card in list_approved(session, None)] == [(2, 240)]


def test_what_is_left_goes_in_a_second_round(session: Session, scene: Scene) -> None:
    scene.submit(session)
    approve(session, scene, 1)
    with pytest.raises(StillPending):
        scene.submit(session, now=LATER)
    keep_held(session, scene.shift_id, who(scene, 1), reason="组长作证", actor=scene.organiser_actor)
    scene.submit(session, now=LATER)
    [card] = list_waiting_approval(session, None)
    assert (card.round_number, card.attended, card.minutes) == (2, 1, 120)
    again = approve(session, scene)
    assert (again.number, again.people, again.repeated) == (2, 1, False)
    assert coins(session, scene) == [120, 120, 120]
    assert [one.number for one in list_rounds(session, scene.shift_id)] == [1, 2]
    assert list_waiting_review(session, None, now=LATER) == []


def test_the_same_round_again_answers_with_its_first_result(session: Session, scene: Scene) -> None:
    scene.submit(session)
    first = approve(session, scene, 1, number=1)
    keep_held(session, scene.shift_id, who(scene, 1), reason="组长作证", actor=scene.organiser_actor)
    scene.submit(session, now=LATER)
    again = approve(session, scene, 0, number=1)
    assert again.repeated
    assert (again.people, again.minutes, again.points, again.held) == (
        first.people,
        first.minutes,
        first.points,
        first.held,
    )
    assert coins(session, scene) == [120, 0, 120]
    with pytest.raises(NotSubmitted):
        approve(session, scene, number=3)


def test_who_came_late_to_the_list_goes_in_a_further_round(session: Session, scene: Scene) -> None:
    void(session, scene.shift_id, who(scene, 2), reason="代签", actor=scene.organiser_actor)
    scene.submit(session)
    approve(session, scene)
    assert list_waiting_review(session, None, now=LATER) == []
    late = make_member(session, scene.branch)
    entry = ManualEntry(shift_id=scene.shift_id, member_id=late.id, minutes=60, reason="手机离线，后来才传上来")
    set_manual(session, entry, actor=scene.organiser_actor)
    assert [card.shift_id for card in list_waiting_review(session, None, now=LATER)] == [scene.shift_id]
    scene.submit(session, now=LATER)
    assert approve(session, scene).people == 1
    assert get_account(session, session.get_one(Member, late.id).coin_account_id).balance == 60


def test_a_record_that_is_booked_stays_whatever_the_review_does(session: Session, scene: Scene) -> None:
    scene.submit(session)
    approve(session, scene, 1)
    with pytest.raises(ReviewClosed):
        enter(session, scene, 0, 30)
    with pytest.raises(ReviewClosed):
        void(session, scene.shift_id, who(scene, 0), reason="不对", actor=scene.organiser_actor)
    void(session, scene.shift_id, who(scene, 1), reason="的确没有来", actor=scene.organiser_actor)
    with pytest.raises(NothingToSend):
        scene.submit(session, now=LATER)


def test_what_is_ready_can_be_sent_while_others_are_still_open(session: Session, scene: Scene) -> None:
    guest = make_member(session, scene.branch)
    scene.staff_scan(session, guest.id, "09:00")
    with pytest.raises(StillPending, match="1 人"):
        scene.submit(session)
    submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=AFTER, leave_open=True)
    assert approve(session, scene).people == 3
    assert [card.pending for card in list_waiting_review(session, None, now=LATER)] == [1]


def test_a_void_record_can_be_taken_back_after_an_approver_asked(session: Session, scene: Scene) -> None:
    """The record stays where somebody asked about it: it is void, not gone."""
    guest = make_member(session, scene.branch)
    for minutes in (60, 0):
        entry = ManualEntry(shift_id=scene.shift_id, member_id=guest.id, minutes=minutes, reason="登记错了人")
        set_manual(session, entry, actor=scene.organiser_actor)
        if minutes:
            scene.submit(session)
            yes = Yes(held={guest.id: "没有见到这个人"})
            approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER, yes=yes)
    kept = find_attendance(session, scene.shift_id, guest.id)
    assert kept is not None
    assert (kept.status, kept.review_note, kept.minutes) == ("void", "登记错了人", 0)


def test_a_list_given_back_is_sent_again_as_the_next_round(session: Session, scene: Scene) -> None:
    scene.submit(session)
    return_shift(session, scene.shift_id, reason="漏了人", actor=scene.manager_actor, now=AFTER)
    scene.submit(session, now=LATER)
    first, second = list_rounds(session, scene.shift_id)
    assert (first.returned_reason, second.number, second.people) == ("漏了人", 2, 3)
    with pytest.raises(AlreadySubmitted):
        scene.submit(session, now=LATER)
    approve(session, scene)
    assert coins(session, scene) == [120, 120, 120]


def test_scans_do_not_change_what_was_sent(session: Session, scene: Scene) -> None:
    scene.submit(session)
    session.execute(
        sa.insert(Scan).values(
            shift_id=scene.shift_id, member_id=who(scene, 0), kind="out", source="staff", claimed_at=at("10:00"),
            received_at=AFTER, actor_id=scene.organiser.id, key="late", reason="组长说十点就走了",
        )
    )  # fmt: skip
    approve(session, scene, 1)
    assert coins(session, scene)[0] == 120


def test_nobody_and_no_reason_are_refused(session: Session, scene: Scene) -> None:
    scene.submit(session)
    with pytest.raises(NobodyChosen):
        approve(session, scene, 0, 1, 2)
    with pytest.raises(NoHeldReason):
        approve_shift(
            session, scene.shift_id, actor=scene.manager_actor, now=AFTER, yes=Yes(held={who(scene, 0): "  "})
        )
    return_shift(session, scene.shift_id, reason="再看看", actor=scene.manager_actor, now=AFTER)
    with pytest.raises(NotHeld):
        keep_held(session, scene.shift_id, who(scene, 0), reason="没问题", actor=scene.organiser_actor)
    assert coins(session, scene) == [0, 0, 0]


def test_who_has_a_hand_in_some_may_approve_the_others(session: Session, scene: Scene) -> None:
    enter(session, scene, 0, 0)
    late = make_member(session, scene.branch)
    entry = ManualEntry(shift_id=scene.shift_id, member_id=late.id, minutes=30, reason="忘带手机")
    set_manual(session, entry, actor=scene.manager_actor)
    scene.submit(session)
    with pytest.raises(FourEyes, match="亲手"):
        approve(session, scene)
    yes = Yes(held={late.id: "是我补录的，请别人审核"})
    done = approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER, yes=yes)
    assert (done.people, done.held) == (3, 1)


# --- two people -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manual", "limits", "reasons"),
    [
        ([0, 0, 0], {}, []),
        ([240, 0], {}, []),
        ([241, 0], {}, ["有 1 人的补录时长超过 4 小时"]),
        ([30] * 4, {}, []),  # four by hand say nothing about the list
        ([30] * 5, {}, ["名单里有 5 人的时长是补录的，占比超过 50%"]),
        ([30] * 5 + [0] * 5, {}, []),
        ([30] * 5 + [0] * 4, {}, ["名单里有 5 人的时长是补录的，占比超过 50%"]),
        ([0], {"backdated": True}, ["这是事后补登的活动"]),
        ([60], {"large_minutes": 30}, ["有 1 人的补录时长超过 30 分钟"]),
        ([], {}, []),
    ],
)
def test_when_one_yes_is_too_little(manual: list[int], limits: dict[str, Any], reasons: list[str]) -> None:
    assert second_reasons(manual, Limits(**{"large_minutes": 240, "hand_share": 50} | limits)) == reasons


@pytest.fixture
def long(session: Session) -> Scene:
    """A long shift with five hours by hand."""
    made = make_scene(session, ends_at=at("15:00"))
    made.attend(session, 0, "09:00", "15:00")
    enter(session, made, 1, 300)
    submit_shift(session, made.shift_id, actor=made.organiser_actor, now=at("16:00"))
    return made


def test_large_hours_are_booked_by_the_second_yes(session: Session, long: Scene) -> None:
    first = approve(session, long)
    assert first.second == ("有 1 人的补录时长超过 4 小时",)
    assert coins(session, long) == [0, 0, 0]
    kept = find_approval(session, long.shift_id)
    assert kept is not None
    assert (kept.first_approved_by_id, kept.approved_by_id) == (long.manager.id, None)
    again = approve(session, long)
    assert (again.repeated, again.second) == (True, first.second)
    assert coins(session, long) == [0, 0, 0]
    with pytest.raises(ReviewClosed):
        enter(session, long, 1, 10)
    done = approve(session, long, actor=third(session, long))
    assert (done.second, done.repeated, done.people) == ((), False, 2)
    assert coins(session, long) == [360, 300, 0]


def test_the_second_yes_is_of_somebody_without_a_hand_in_it(session: Session, long: Scene) -> None:
    approve(session, long)
    with pytest.raises(FourEyes, match="您提交的"):
        approve(session, long, actor=long.organiser_actor)
    assert coins(session, long) == [0, 0, 0]


def test_without_the_large_hours_one_yes_is_enough(session: Session, long: Scene) -> None:
    done = approve(session, long, 1)
    assert (done.second, done.people, done.held) == ((), 1, 1)
    assert coins(session, long) == [360, 0, 0]


def test_a_round_with_a_first_yes_can_still_be_given_back(session: Session, long: Scene) -> None:
    approve(session, long)
    return_shift(session, long.shift_id, reason="补录没有依据", actor=third(session, long), now=at("17:00"))
    submit_shift(session, long.shift_id, actor=long.organiser_actor, now=at("17:30"))
    kept = find_approval(session, long.shift_id)
    assert kept is not None
    assert (kept.number, kept.first_approved_by_id) == (2, None)


# --- the database refuses by itself -----------------------------------------------------------------------------------


def refused(session: Session, statement: str, **values: Any) -> str:
    """What the database says to a statement, whatever the services think; empty when it takes it."""
    try:
        with session.begin_nested():
            session.execute(sa.text(statement), values)
    except sa.exc.DBAPIError as error:
        return str(error.orig)
    return ""


GIVE = "UPDATE shift_approval SET approved_by_id = :who, approved_at = :at WHERE id = :round"
MARK = "UPDATE attendance SET status = 'approved', approval_id = :round WHERE member_id = :member"
STAMP = "2026-11-21 05:00:00.000000+00:00"
OWN = "nobody approves minutes of their own"


def round_of(session: Session, scene: Scene) -> int:
    kept = find_approval(session, scene.shift_id)
    assert kept is not None
    return kept.id


def test_only_what_a_given_round_covers_is_marked(session: Session, scene: Scene) -> None:
    assert "only what a given approval covers" in refused(session, MARK, round=None, member=who(scene, 0))
    scene.submit(session)
    number = round_of(session, scene)
    assert "only what a given approval covers" in refused(session, MARK, round=number, member=who(scene, 0))
    approve(session, scene, 1)
    assert "only what a given approval covers" in refused(session, MARK, round=number, member=who(scene, 1))
    join = "UPDATE attendance SET submitted_in_id = :round WHERE member_id = :member"
    assert "nobody joins a round" in refused(session, join, round=number, member=who(scene, 1))


@pytest.mark.parametrize("hand", ["own", "typed", "reviewed", "corrected", "none"])
def test_a_record_is_not_marked_by_whoever_has_a_hand_in_it(session: Session, scene: Scene, hand: str) -> None:
    """Whatever is done first: the round given while the record says nothing of the approver, or the record changed."""
    approver = who(scene, 1) if hand == "own" else scene.manager.id
    void(session, scene.shift_id, who(scene, 2), reason="代签", actor=scene.organiser_actor)
    scene.submit(session)
    number = round_of(session, scene)
    off = "UPDATE attendance SET signed_minutes = 0 WHERE member_id = :member"
    assert refused(session, off, member=who(scene, 1)) == ""
    assert refused(session, GIVE, who=approver, at=STAMP, round=number) == ""
    columns = {
        "typed": "manual_by_id = :who, manual_reason = '补', manual_minutes = 60",
        "reviewed": "reviewed_by_id = :who",
    }
    change = f"signed_minutes = 60, {columns.get(hand, 'walk_in = walk_in')}"
    if hand == "corrected":
        session.execute(
            sa.insert(Scan).values(
                shift_id=scene.shift_id, member_id=who(scene, 1), kind="out", source="staff", claimed_at=AFTER,
                received_at=AFTER, actor_id=approver, key="attack", reason="改",
            )
        )  # fmt: skip
    given = {"who": approver} if ":who" in change else {}
    attack = f"UPDATE attendance SET status = 'approved', approval_id = :round, {change} WHERE member_id = :member"
    said = refused(session, attack, round=number, member=who(scene, 1), **given)
    assert (said == "") if hand == "none" else (OWN in said)


def test_one_yes_does_not_book_what_needs_two(session: Session, long: Scene) -> None:
    number, other = round_of(session, long), third(session, long).member_id
    assert "two people" in refused(session, GIVE, who=long.manager.id, at=STAMP, round=number)
    both = (
        "UPDATE shift_approval SET first_approved_by_id = :first, first_approved_at = :at, "
        "approved_by_id = :who, approved_at = :at WHERE id = :round"
    )
    assert "two people" in refused(session, both, first=other, who=long.manager.id, at=STAMP, round=number)
    for change in (
        "large_minutes = 9999",
        "hand_share = 100",
        "backdated = NOT backdated",
        "submitted_by_id = submitted_by_id + 1",
    ):
        said = refused(session, f"UPDATE shift_approval SET {change} WHERE id = :round", round=number)
        assert "what was sent is never changed" in said, change
    first = "UPDATE shift_approval SET first_approved_by_id = :who, first_approved_at = :at WHERE id = :round"
    assert OWN in refused(session, first, who=long.organiser.id, at=STAMP, round=number)
    assert OWN in refused(session, first, who=who(long, 0), at=STAMP, round=number)
    assert refused(session, first, who=long.manager.id, at=STAMP, round=number) == ""
    assert "what was sent is never changed" in refused(session, first, who=other, at=STAMP, round=number)
    assert "two_people" in refused(session, GIVE, who=long.manager.id, at=STAMP, round=number)
    assert refused(session, GIVE, who=other, at=STAMP, round=number) == ""


def test_a_share_by_hand_needs_two_in_the_database_too(session: Session) -> None:
    scene = make_scene(session, people=5)
    for number in range(5):
        enter(session, scene, number, 30)
    scene.submit(session)
    assert "two people" in refused(session, GIVE, who=scene.manager.id, at=STAMP, round=round_of(session, scene))


def test_a_round_begins_undecided_and_waits_alone(session: Session, scene: Scene) -> None:
    scene.submit(session)
    new = (
        "INSERT INTO shift_approval (shift_id, number, submitted_by_id, submitted_at, large_minutes, hand_share, "
        "returned_reason, people, minutes, points, approved_by_id, approved_at) VALUES "
        "(:shift, :number, :who, :at, 240, 50, '', 0, 0, 0, :by, :when)"
    )
    row = {"shift": scene.shift_id, "who": scene.organiser.id, "at": STAMP}
    said = refused(session, new, number=2, by=scene.manager.id, when=STAMP, **row)
    assert "a round begins undecided" in said
    said = refused(session, new, number=2, by=None, when=None, **row)
    assert "uq_shift_approval_undecided" in said or "shift_approval.shift_id" in said
    return_shift(session, scene.shift_id, reason="再看看", actor=scene.manager_actor, now=AFTER)
    assert refused(session, new, number=1, by=None, when=None, **row)
    assert refused(session, new, number=2, by=None, when=None, **row) == ""
    gone = "DELETE FROM shift_approval WHERE number = 1"
    assert "a given approval is never changed" in refused(session, gone)


def test_who_was_held_back_stays_written_down(session: Session, scene: Scene) -> None:
    scene.submit(session)
    approve(session, scene, 1)
    assert "approval_held" in refused(session, "UPDATE approval_held SET reason = 'x'")
    assert "approval_held" in refused(session, "DELETE FROM approval_held")
    assert session.scalar(sa.select(sa.func.count()).select_from(ApprovalHeld)) == 1
    assert session.scalar(sa.select(sa.func.count()).where(Attendance.held_reason != "")) == 1
    assert session.scalar(sa.select(sa.func.count()).select_from(ShiftApproval)) == 1


def test_who_was_not_sent_with_the_others_may_still_leave(session: Session) -> None:
    scene = make_scene(session)
    scene.attend(session, 0)
    scene.scan(session, 1, "09:00")
    submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=at("11:05"), leave_open=True)
    assert scene.scan(session, 1, "11:20", wanted="out").refusal is None
    assert scene.scan(session, 0, "11:20", wanted="out").refusal is not None
    late = find_attendance(session, scene.shift_id, scene.volunteers[1].id)
    assert late is not None
    assert (late.out_at, late.status) == (at("11:20"), "ready")


def test_a_round_that_was_sent_anew_is_not_returned_unseen(session: Session, scene: Scene) -> None:
    first = scene_round(session, scene)
    return_shift(session, scene.shift_id, reason="漏了一位", actor=scene.manager_actor, now=AFTER)
    submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=LATER)
    with pytest.raises(ChangedMeanwhile):
        return_shift(session, scene.shift_id, reason="旧的", actor=scene.manager_actor, now=LATER, seen=first)
    waiting = find_approval(session, scene.shift_id)
    assert waiting is not None
    assert waiting.undecided


def scene_round(session: Session, scene: Scene) -> str:
    """What an approver has seen of the round that is sent now."""
    scene.submit(session)
    sent = find_approval(session, scene.shift_id)
    assert sent is not None
    return sent.submitted_at.isoformat()
