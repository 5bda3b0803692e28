"""Many at once: the same scan from many threads, two scans of one person, two approvals, approval against change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import databases
from tests.attendance.scene import AFTER, END, Scene, at, make_scene, make_shift
from tests.world import actor_of, make_member
from timebank.attendance.models import Attendance, Overtime, PointsCarry, Scan, ShiftApproval
from timebank.attendance.queries import find_poster
from timebank.attendance.service import (
    Correction,
    OvertimeDraft,
    approve_shift,
    confirm_overtime,
    correct_times,
    make_poster,
    rejudge,
    return_shift,
    submit_shift,
)
from timebank.core.db import write_session
from timebank.core.errors import Refusal
from timebank.ledger.queries import get_account
from timebank.members.models import Member
from timebank.members.queries import find_card
from timebank.members.service import reissue_card

THREADS = 16


class Crowd:
    """A committed scene on a database of its own, and threads that each work in a transaction of their own."""

    def __init__(self, url: str, **options: Any) -> None:
        self.engine = databases.make_engine(url)
        with Session(self.engine, expire_on_commit=False) as session, write_session(session):
            self.scene = make_scene(session, **options)
            self.second_manager = actor_of(session, make_member(session, self.scene.branch, roles=("manager",)))

    def together(self, works: list[Callable[[Session], Any]]) -> list[Any]:
        """What each piece of work answered, started at one moment; refusals count as answers, anything else fails."""
        ready = threading.Barrier(len(works))
        answers: list[Any] = [None] * len(works)

        def run(place: int, work: Callable[[Session], Any]) -> None:
            with Session(self.engine) as session:
                ready.wait()
                try:
                    with write_session(session):
                        answers[place] = work(session)
                except Refusal as refusal:
                    answers[place] = refusal
                except Exception as error:
                    answers[place] = error

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bugs = [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, Refusal)]
        assert not bugs, bugs
        return answers

    def alone(self, work: Callable[[Session], Any]) -> Any:
        """One piece of work, committed."""
        with Session(self.engine, expire_on_commit=False) as session, write_session(session):
            return work(session)


@pytest.fixture
def crowd(fresh_database: str) -> Iterator[Crowd]:
    made = Crowd(fresh_database)
    yield made
    made.engine.dispose()


def count(session: Session, table: Any) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_same_scan_from_many_threads_is_one_scan(crowd: Crowd) -> None:
    scene = crowd.scene
    answers = crowd.together([lambda session: scene.scan(session, 0, "09:02", wanted="in", key="one")] * THREADS)
    assert sum(not answer.repeated for answer in answers) == 1
    assert {answer.ground.in_at for answer in answers} == {at("09:02")}
    assert crowd.alone(lambda session: (count(session, Scan), count(session, Attendance))) == (1, 1)


def test_many_presses_at_one_moment_check_in_once_and_calmly(crowd: Crowd) -> None:
    scene = crowd.scene

    def press(number: int) -> Callable[[Session], Any]:
        return lambda session: scene.scan(session, 0, "09:02", wanted="in", key=f"press-{number}")

    answers = crowd.together([press(number) for number in range(THREADS)])
    assert sorted(answer.kind for answer in answers) == ["again"] * (THREADS - 1) + ["in"]
    assert all(answer.refusal is None for answer in answers)
    assert crowd.alone(lambda session: count(session, Attendance)) == 1


def test_check_outs_at_one_moment_keep_the_latest(crowd: Crowd) -> None:
    scene = crowd.scene
    crowd.alone(lambda session: scene.scan(session, 0, "09:00", wanted="in"))

    def leave(minute: int) -> Callable[[Session], Any]:
        return lambda session: scene.scan(session, 0, f"10:{minute:02d}", wanted="out", key=f"out-{minute}")

    crowd.together([leave(minute) for minute in range(THREADS)])
    kept = crowd.alone(lambda session: session.scalars(select(Attendance)).one())
    assert (kept.out_at, kept.signed_minutes) == (at(f"10:{THREADS - 1:02d}"), 60 + THREADS - 1)
    before = (kept.in_at, kept.out_at, kept.signed_minutes, kept.status)
    crowd.alone(lambda session: rejudge(session, scene.shift_id))
    kept = crowd.alone(lambda session: session.scalars(select(Attendance)).one())
    assert (kept.in_at, kept.out_at, kept.signed_minutes, kept.status) == before


def balances(session: Session, scene: Scene) -> list[int]:
    members = session.scalars(select(Member).where(Member.id.in_([m.id for m in scene.volunteers])).order_by(Member.id))
    return [get_account(session, member.coin_account_id).balance for member in members]


def test_two_approvals_at_once_book_once(crowd: Crowd) -> None:
    scene = crowd.scene
    crowd.alone(lambda session: [scene.attend(session, number) for number in range(3)] and scene.submit(session))
    works = [
        lambda session: approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER),
        lambda session: approve_shift(session, scene.shift_id, actor=crowd.second_manager, now=AFTER),
    ] * 4
    answers = crowd.together(works)
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 7
    assert {(answer.people, answer.minutes) for answer in answers} == {(3, 360)}
    assert crowd.alone(lambda session: balances(session, scene)) == [120, 120, 120]


def test_approval_and_return_at_once_end_in_one_of_them(crowd: Crowd) -> None:
    scene = crowd.scene
    crowd.alone(lambda session: scene.attend(session, 0) or scene.submit(session))
    approved, returned = crowd.together(
        [
            lambda session: approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER),
            lambda session: return_shift(
                session, scene.shift_id, reason="漏了人", actor=crowd.second_manager, now=AFTER
            ),
        ]
    )
    assert isinstance(approved, Refusal) != isinstance(returned, Refusal)
    booked = crowd.alone(lambda session: balances(session, scene))[0]
    assert booked == (0 if isinstance(approved, Refusal) else 120)


def test_sending_twice_at_once_sends_once(crowd: Crowd) -> None:
    scene = crowd.scene
    answers = crowd.together(
        [lambda session: submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=AFTER)] * 6
    )
    assert sum(isinstance(answer, Refusal) for answer in answers) == 5
    assert crowd.alone(lambda session: count(session, ShiftApproval)) == 1


def test_sending_and_correcting_at_once_never_lose_the_correction(crowd: Crowd) -> None:
    scene = crowd.scene
    crowd.alone(lambda session: scene.attend(session, 0))
    draft = Correction(
        shift_id=scene.shift_id,
        member_id=scene.volunteer_actors[0].member_id or 0,
        in_at=None,
        out_at=at("10:00"),
        reason="早走了一小时",
        key="form",
    )
    sent, corrected = crowd.together(
        [
            scene.submit,
            lambda session: correct_times(session, draft, actor=scene.organiser_actor, now=AFTER),
        ]
    )
    assert sent is None
    minutes = crowd.alone(lambda session: session.scalars(select(ShiftApproval.minutes)).one())
    assert minutes == (120 if isinstance(corrected, Refusal) else 60)


def test_two_shifts_of_one_person_approved_at_once_carry_points_right(crowd: Crowd) -> None:
    scene = crowd.scene

    def prepare(session: Session) -> list[int]:
        shifts = []
        for number in range(4):
            start = END + timedelta(hours=2 * number + 2)
            _, shift_id = make_shift(
                session, scene.branch, scene.organiser_actor, starts_at=start, ends_at=start + timedelta(hours=1)
            )
            for person in range(3):
                when = f"{13 + 2 * number}:00"
                scene.scan(session, person, when, shift_id=shift_id)
                scene.scan(session, person, f"{13 + 2 * number}:05", shift_id=shift_id, wanted="out")
            submit_shift(session, shift_id, actor=scene.organiser_actor, now=start + timedelta(hours=3))
            shifts.append(shift_id)
        return shifts

    late = AFTER + timedelta(hours=12)
    shifts = crowd.alone(prepare)
    works = [
        lambda session, shift_id=shift_id: approve_shift(session, shift_id, actor=scene.manager_actor, now=late)
        for shift_id in shifts
    ]
    crowd.together(works)
    # 5 minutes four times are 20 minutes: 3 whole points and a third, whatever the order.
    with Session(crowd.engine) as session:
        assert session.scalars(select(PointsCarry.carry)).all() == [20, 20, 20]
        who = session.scalars(select(Member).where(Member.id.in_([m.id for m in scene.volunteers]))).all()
        assert [get_account(session, member.point_account_id).balance for member in who] == [3, 3, 3]


def test_a_scan_never_slips_in_while_the_list_is_sent(crowd: Crowd) -> None:
    scene = crowd.scene
    crowd.alone(lambda session: scene.attend(session, 0))
    sending, scanned = threading.Event(), threading.Event()
    answers: list[Any] = []

    def send() -> None:
        with Session(crowd.engine) as session, write_session(session):
            scene.submit(session)
            sending.set()
            scanned.wait(0.5)  # with the list locked the scan cannot have been answered yet

    def scan() -> None:
        sending.wait()
        with Session(crowd.engine) as session, write_session(session):
            answers.append(scene.scan(session, 1, "10:59"))
        scanned.set()

    threads = [threading.Thread(target=work) for work in (send, scan)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.refusal.code for answer in answers] == ["attendance.submitted"]


@pytest.fixture
def long_day(fresh_database: str) -> Iterator[Crowd]:
    made = Crowd(fresh_database, overtime_limit_minutes=60)
    yield made
    made.engine.dispose()


def stay_on(scene: Scene, minutes: int, key: str) -> Callable[[Session], Any]:
    draft = OvertimeDraft(
        shift_id=scene.shift_id, member_id=scene.volunteers[0].id, minutes=minutes, reason="收摊", key=key
    )
    return lambda session: confirm_overtime(session, draft, actor=scene.organiser_actor, now=AFTER)


def test_overtime_confirmed_by_one_page_sent_many_times_is_said_once(long_day: Crowd) -> None:
    scene = long_day.scene
    long_day.alone(lambda session: scene.attend(session, 0, left="11:40"))
    long_day.together([stay_on(scene, 30, "one")] * 6)
    assert long_day.alone(lambda session: count(session, Overtime)) == 1


def test_overtime_and_sending_the_list_take_turns(long_day: Crowd) -> None:
    """Whichever comes first: what was sent is what the records say, and a word too late is refused."""
    scene = long_day.scene
    long_day.alone(lambda session: scene.attend(session, 0, left="11:40"))
    said, _ = long_day.together([stay_on(scene, 30, "one"), scene.submit])
    in_time = not isinstance(said, Refusal)
    sent, kept = long_day.alone(
        lambda session: (session.scalars(select(ShiftApproval)).one(), session.scalars(select(Attendance)).one())
    )
    assert (sent.minutes, kept.signed_minutes) == ((150, 150) if in_time else (120, 120))
    assert long_day.alone(lambda session: count(session, Overtime)) == int(in_time)


def test_posters_made_at_one_moment_follow_one_another_and_the_last_one_counts(crowd: Crowd) -> None:
    def make(key: str) -> Callable[[Session], int]:
        scene = crowd.scene
        return lambda session: (
            make_poster(session, scene.shift_id, form_key=key, actor=scene.organiser_actor, now=at("08:30")).number
        )

    assert sorted(crowd.together([make(key) for key in ("a", "b", "c", "a", "b", "c")])) == [1, 1, 2, 2, 3, 3]
    found = crowd.alone(lambda session: find_poster(session, crowd.scene.shift_id))
    assert (found.number, found.revoked_at) == (3, None)


def test_a_lost_card_reported_many_times_at_once_is_replaced_once(crowd: Crowd) -> None:
    actor = crowd.scene.volunteer_actors[0]
    member_id = actor.member_id or 0
    lost = crowd.alone(lambda session: find_card(session, member_id)).id

    def report(session: Session) -> int:
        return reissue_card(session, member_id, reason="卡丢了", card_id=lost, actor=actor, now=at("09:00")).id

    [new] = set(crowd.together([report] * 6))
    assert new != lost
    assert crowd.alone(lambda session: find_card(session, member_id)).id == new
