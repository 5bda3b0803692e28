"""Ten working days: what is listed as late, and who is reminded when, once."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, Scene, make_scene
from tests.world import make_branch
from timebank.attendance.queries import list_unrecorded, standing_of
from timebank.attendance.service import Yes, approve_shift, keep_held, remind_branch
from timebank.core.clock import instant
from timebank.core.workdays import deadline, first_in_time
from timebank.notices.models import Notice
from timebank.notices.queries import sentence


def morning(day: str) -> datetime:
    return instant(date.fromisoformat(day), time(7, 30))


@pytest.fixture
def scene(session: Session) -> Scene:
    """A Saturday, 2026-11-21: due on Friday, 2026-12-04."""
    made = make_scene(session)
    made.attend(session, 0)
    made.attend(session, 1)
    return made


def told(session: Session) -> list[tuple[str, int]]:
    chosen = select(Notice).where(Notice.kind.startswith("service.")).order_by(Notice.id)
    return [(notice.kind.removeprefix("service."), notice.member_id) for notice in session.scalars(chosen)]


def test_who_is_reminded_when(session: Session, scene: Scene) -> None:
    organiser, manager = scene.organiser.id, scene.manager.id
    expected: list[tuple[str, int]] = []
    for day, new in (
        ("2026-11-26", []),  # six working days left
        ("2026-11-27", [("due", organiser)]),
        ("2026-11-28", []),  # a Saturday
        ("2026-11-30", []),
        ("2026-12-02", [("due", organiser)]),
        ("2026-12-04", [("due_today", organiser)]),
        ("2026-12-05", []),  # over, but a Saturday
        ("2026-12-07", [("overdue", manager)]),
        ("2026-12-08", []),
        ("2026-12-14", [("overdue_weekly", manager)]),
        ("2026-12-15", []),
        ("2026-12-21", [("overdue_weekly", manager)]),
    ):
        for _ in range(2):  # the second run adds nothing
            remind_branch(session, scene.branch.id, now=morning(day))
        expected += new
        assert told(session) == expected, day


def test_a_morning_slept_through_is_made_up_for(session: Session, scene: Scene) -> None:
    remind_branch(session, scene.branch.id, now=morning("2026-12-01"))
    [notice] = session.scalars(select(Notice).where(Notice.kind == "service.due"))
    title, text = sentence(notice.kind, notice.facts)
    assert "还剩 3 个工作日" in title
    assert "2026-12-04 以前" in text
    assert "等组织者核对提交" in text


def test_what_waits_for_the_approver_is_said_so_and_what_is_booked_is_not_told(session: Session, scene: Scene) -> None:
    scene.submit(session)
    assert standing_of(session, [scene.shift_id], now=AFTER) == {scene.shift_id: "approval"}
    remind_branch(session, scene.branch.id, now=morning("2026-12-07"))
    [notice] = session.scalars(select(Notice).where(Notice.kind == "service.overdue"))
    assert "等另一位工作人员审核" in sentence(notice.kind, notice.facts)[1]
    yes = Yes(held={scene.volunteers[1].id: "时间对不上"})
    approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER, yes=yes)
    assert standing_of(session, [scene.shift_id], now=AFTER) == {scene.shift_id: "review"}  # one was held back
    keep_held(session, scene.shift_id, scene.volunteers[1].id, reason="组长作证", actor=scene.organiser_actor)
    scene.submit(session, now=AFTER + timedelta(hours=1))
    scene.approve(session)
    assert standing_of(session, [scene.shift_id], now=AFTER) == {}
    before = told(session)
    assert remind_branch(session, scene.branch.id, now=morning("2026-12-14")) == 0
    assert told(session) == before


def test_late_ones_are_found_by_the_end_of_their_day(session: Session, scene: Scene) -> None:
    here, other = frozenset({scene.branch.id}), frozenset({make_branch(session, "ZH").id})

    def late(day: str, branches: frozenset[int] | None = here) -> list[int]:
        before = instant(first_in_time(date.fromisoformat(day)), time())
        return [c.shift_id for c in list_unrecorded(session, branches, now=morning(day), ended_before=before)]

    assert late("2026-12-04") == []
    assert late("2026-12-05") == [scene.shift_id]
    assert late("2026-12-07") == [scene.shift_id]
    assert late("2026-12-07", None) == [scene.shift_id]
    assert late("2026-12-07", other) == []


@pytest.mark.parametrize(
    ("day", "words", "tone"),
    [
        ("2026-11-21", "还剩 10 个工作日", ""),
        ("2026-11-27", "还剩 5 个工作日", "wait"),
        ("2026-12-04", "今天到期", "wait"),
        ("2026-12-05", "已经到期", "bad"),
        ("2026-12-09", "逾期 3 个工作日", "bad"),
    ],
)
def test_the_countdown_in_words(day: str, words: str, tone: str) -> None:
    found = deadline(AFTER, morning(day))
    assert (found.words, found.tone, found.note) == (words, tone, "2026-12-04 以前要入账")


def test_a_year_without_data_is_said_so() -> None:
    found = deadline(morning("2026-12-25"), morning("2026-12-25"))
    assert found.note == "2027-01-08 以前要入账；该年节假日安排尚未载入，按周一至周五计"
