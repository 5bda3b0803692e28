"""Reminders: the day before and two hours before, once, to who has a place; and to the organiser how many come."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.activities.town import HOUR, join, make_town, people, post, post_shift, quit_shift, shift
from tests.world import NOW
from timebank.activities import service
from timebank.activities.models import Shift
from timebank.activities.rules.reminding import due_reminder, knew_before
from timebank.core.actor import SYSTEM
from timebank.members.models import Member
from timebank.members.service import suspend_member
from timebank.notices.models import Notice
from timebank.notices.queries import list_notices

START = NOW + 48 * HOUR


@pytest.mark.parametrize(
    ("hours", "kind"),
    [(25, None), (24, "tomorrow"), (3, "tomorrow"), (2, "soon"), (0.1, "soon"), (0, None), (-1, None)],
)
def test_which_reminder_is_due(hours: float, kind: str | None) -> None:
    assert due_reminder(START - hours * HOUR, START) == kind


def test_who_signed_up_after_the_reminder_was_due_needs_none() -> None:
    assert knew_before(START - 25 * HOUR, START, "tomorrow")
    assert not knew_before(START - 23 * HOUR, START, "tomorrow")
    assert knew_before(START - 23 * HOUR, START, "soon")
    assert not knew_before(None, START, "soon")


def ready(session: Session) -> tuple[Shift, list[Member], Member]:
    """A shift in two days with two people who have places and one who waits; and its organiser."""
    town = make_town(session)
    on = post_shift(session, town, hours=48)
    folk = people(session, town, 3)
    for member in folk:
        join(session, on, member)
    return on, folk, town.organiser


def told(session: Session, member: Member) -> list[str]:
    return list(session.scalars(select(Notice.kind).where(Notice.member_id == member.id).order_by(Notice.id)))


def run(session: Session, now: datetime) -> int:
    """What the job does."""
    return sum(service.remind_shift(session, one, now=now) for one in service.list_to_remind(session, now=now))


def test_everybody_with_a_place_is_reminded_twice_however_often_the_job_runs(session: Session) -> None:
    on, (one, two, waiting), organiser = ready(session)
    assert run(session, on.starts_at - 25 * HOUR) == 0
    assert [run(session, on.starts_at - hours * HOUR) for hours in (24, 23.9, 12, 2, 1.9, 0.5, 0, -1)] == [
        2,
        0,
        0,
        2,
        0,
        0,
        0,
        0,
    ]
    assert told(session, one) == told(session, two) == ["shift.tomorrow", "shift.soon"]
    assert told(session, waiting) == []
    assert told(session, organiser) == ["shift.expected", "shift.expected"]
    [first, second] = list_notices(session, organiser.id).items
    assert first.title == second.title == "“陪独居老人聊天”有 2 人来"
    assert first.link == f"/organise/shifts/{on.id}/roster"


def test_a_job_that_comes_late_sends_one_reminder_only(session: Session) -> None:
    on, (one, *_), _organiser = ready(session)
    run(session, on.starts_at - HOUR)
    assert told(session, one) == ["shift.soon"]


def test_who_left_or_was_suspended_is_not_reminded(session: Session) -> None:
    on, (one, two, _), _organiser = ready(session)
    quit_shift(session, on, one)
    suspend_member(session, two.id, reason="核实身份", actor=SYSTEM, now=NOW)
    assert run(session, on.starts_at - 24 * HOUR) == 0
    assert "shift.tomorrow" not in told(session, one) + told(session, two)


def test_a_cancelled_shift_reminds_nobody(session: Session) -> None:
    town = make_town(session)
    on = post(session, town, shift(48), shift(96)).shifts[0]
    [one] = people(session, town, 1)
    join(session, on, one)
    service.cancel_shift(session, on.id, reason="台风", actor=town.lead, now=NOW)
    assert run(session, on.starts_at - HOUR) == 0
    assert service.remind_shift(session, on.id, now=on.starts_at - HOUR) == 0


def test_a_shift_that_is_moved_reminds_anew(session: Session) -> None:
    on, (one, *_), _organiser = ready(session)
    run(session, on.starts_at - 24 * HOUR)
    town = make_town(session)
    written = service.draft_of(on.activity)
    later = replace(
        written.shifts[0], starts_at=on.starts_at + timedelta(days=7), ends_at=on.ends_at + timedelta(days=7)
    )
    service.change_activity(session, on.activity_id, replace(written, shifts=[later]), actor=town.lead, now=NOW)
    run(session, on.starts_at - 24 * HOUR)
    assert told(session, one) == ["shift.tomorrow", "activity.changed", "shift.tomorrow"]
