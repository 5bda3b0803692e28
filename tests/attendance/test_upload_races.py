"""Several phones, tabs and people at one moment: overlapping batches, decisions that collide, a list being sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, at, find_attendance
from tests.attendance.test_races import Crowd, count, crowd
from tests.world import KEYS
from timebank.attendance.models import COUNT, DISMISS, READY, Attendance, Scan, ScanCase, UnreadScan
from timebank.attendance.queries import list_cases
from timebank.attendance.rules import Timing
from timebank.attendance.service import Batch, Decision, UploadedScan, decide_cases, record_batch, submit_shift
from timebank.core.errors import Refusal

assert crowd  # a fixture of the neighbour
NIGHT = at("20:00")


def scan(crowd: Crowd, number: int | None, when: str, wanted: str, code: str = "") -> UploadedScan:
    member_id = None if number is None else crowd.scene.volunteer_actors[number].member_id
    timing = Timing(device_at=at(when), loaded_offset=0, sent_offset=0)
    key = f"phone-{number}-{when}-{wanted}-{code}"
    return UploadedScan(key=key, code=code, member_id=member_id, wanted=wanted, timing=timing)


def sending(crowd: Crowd, *scans: UploadedScan, now: Any = NIGHT) -> Callable[[Session], Any]:
    batch = Batch(shift_id=crowd.scene.shift_id, scans=scans)
    return lambda session: record_batch(session, batch, actor=crowd.scene.organiser_actor, keys=KEYS, now=now)


def test_two_tabs_that_send_the_same_queue_record_it_once(crowd: Crowd) -> None:
    queue = [
        *(scan(crowd, number, "09:00", "in") for number in range(3)),
        *(scan(crowd, number, "11:00", "out") for number in range(3)),
        scan(crowd, 0, "07:00", "in"),
        scan(crowd, None, "09:00", "", "no code of ours"),
    ]
    answers = crowd.together([sending(crowd, *queue), sending(crowd, *reversed(queue))] * 4)
    states = [sorted(one.state for one in answer) for answer in answers]
    assert states == [["case", *["counted"] * 6, "unread"]] * 8
    tables = (Scan, Attendance, ScanCase, UnreadScan)
    assert crowd.alone(lambda session: [count(session, table) for table in tables]) == [7, 3, 1, 1]


def test_phones_that_saw_one_person_at_one_moment_give_the_earliest_and_the_latest(crowd: Crowd) -> None:
    minutes = range(8)
    coming = [sending(crowd, scan(crowd, 0, f"09:{minute:02}", "in")) for minute in minutes]
    going = [sending(crowd, scan(crowd, 0, f"10:{minute:02}", "out")) for minute in minutes]
    crowd.together([*coming, *going])
    member_id = crowd.scene.volunteer_actors[0].member_id or 0
    kept = crowd.alone(lambda session: find_attendance(session, crowd.scene.shift_id, member_id))
    assert (kept.in_at, kept.out_at, kept.signed_minutes) == (at("09:00"), at("10:07"), 67)


def test_two_people_who_decide_one_case_differently_decide_it_once(crowd: Crowd) -> None:
    crowd.alone(sending(crowd, scan(crowd, 0, "07:00", "in")))
    [case] = crowd.alone(lambda session: list_cases(session, crowd.scene.shift_id))

    def deciding(decision: str) -> Callable[[Session], Any]:
        draft = Decision(shift_id=crowd.scene.shift_id, case_ids=[case.id], decision=decision, reason="看过了")
        return lambda session: decide_cases(session, draft, actor=crowd.scene.organiser_actor, now=NIGHT)

    answers = crowd.together([deciding(COUNT), deciding(DISMISS)] * 4)
    assert answers.count(1) == 1
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert {refusal.code for refusal in refused} == {"attendance.case_decided"}
    assert len(refused) == 4


def test_a_list_is_sent_with_a_late_scan_or_the_scan_becomes_a_case(crowd: Crowd) -> None:
    scene = crowd.scene
    crowd.alone(lambda session: scene.attend(session, 0))

    def submit(session: Session) -> Any:
        return submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=AFTER)

    late = [scan(crowd, 1, "09:00", "in"), scan(crowd, 1, "11:00", "out")]
    crowd.together([submit, sending(crowd, *late, now=AFTER)])
    cases = crowd.alone(lambda session: list_cases(session, scene.shift_id))
    kept = crowd.alone(
        lambda session: find_attendance(session, scene.shift_id, scene.volunteer_actors[1].member_id or 0)
    )
    if cases:
        assert [case.kind for case in cases] == ["submitted", "submitted"]
        assert kept is None
    else:
        assert (kept.status, kept.signed_minutes) == (READY, 120)
