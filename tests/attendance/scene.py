"""A Saturday morning for attendance tests: one branch, a published activity from 09:00 to 11:00, people on its list."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.memory import remembered
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.activities.rules import ActivityDraft, ShiftDraft
from timebank.activities.service import post_activity, publish, sign_up
from timebank.attendance.models import STAFF, VENUE, Attendance
from timebank.attendance.service import ScanAnswer, ScanDraft, approve_shift, record_scan, submit_shift
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.members.models import Member

YESTERDAY = NOW - timedelta(days=1)
START, END = NOW, NOW + timedelta(hours=2)
AFTER = END + timedelta(minutes=90)
_keys = itertools.count(1)


def at(clock: str) -> datetime:
    """An instant of the scene's day by the wall clock in Shanghai: ``09:02``."""
    hour, minute = map(int, clock.split(":"))
    return START + timedelta(hours=hour - 9, minutes=minute)


def find_attendance(session: Session, shift_id: int, member_id: int) -> Attendance | None:
    """The judged record of one member at one shift."""
    return session.scalar(select(Attendance).where(Attendance.shift_id == shift_id, Attendance.member_id == member_id))


@dataclass
class Scene:
    """The people and the shift of one morning; ids, so that it outlives the session it was made with."""

    branch: Branch
    shift_id: int
    activity_id: int
    organiser: Member
    manager: Member
    volunteers: list[Member]
    organiser_actor: Actor
    manager_actor: Actor
    volunteer_actors: list[Actor]

    def scan(self, session: Session, number: int, when: str, **more: Any) -> ScanAnswer:
        """Volunteer ``number`` scans the venue code at a time of the day."""
        draft = {
            "shift_id": self.shift_id,
            "member_id": self.volunteer_actors[number].member_id,
            "source": VENUE,
            "claimed_at": at(when),
            "key": f"key-{next(_keys)}",
        } | more
        return record_scan(session, ScanDraft(**draft), actor=self.volunteer_actors[number], now=at(when))

    def staff_scan(self, session: Session, member_id: int, when: str, **more: Any) -> ScanAnswer:
        """The organiser checks somebody in or out."""
        draft = {
            "shift_id": self.shift_id,
            "member_id": member_id,
            "source": STAFF,
            "claimed_at": at(when),
            "key": f"key-{next(_keys)}",
        } | more
        return record_scan(session, ScanDraft(**draft), actor=self.organiser_actor, now=at(when))

    def attend(self, session: Session, number: int, came: str = "09:00", left: str = "11:00") -> None:
        """Volunteer ``number`` comes and leaves."""
        assert self.scan(session, number, came, wanted="in").refusal is None
        assert self.scan(session, number, left, wanted="out").refusal is None

    def submit(self, session: Session, now: datetime = AFTER) -> None:
        """The organiser sends the list."""
        submit_shift(session, self.shift_id, actor=self.organiser_actor, now=now)

    def approve(self, session: Session, now: datetime = AFTER) -> Any:
        """The manager approves it."""
        return approve_shift(session, self.shift_id, actor=self.manager_actor, now=now)


def make_shift(session: Session, branch: Branch, actor: Actor, **more: Any) -> tuple[int, int]:
    """A published activity with one shift; returns (activity id, shift id). ``more`` goes to either draft."""
    shift = {"starts_at": START, "ends_at": END, "capacity": 50, "break_minutes": 0}
    activity = {
        "title": "楼道清洁",
        "category": "environment",
        "content": "打扫三号院的楼道",
        "place": "三号院",
        "contact_name": "周队长",
        "contact_phone": "0574-86780000",
        "risk": "low",
    }
    for name, value in more.items():
        (shift if name in shift else activity)[name] = value
    draft = ActivityDraft(
        branch_id=branch.id, form_key=f"activity-{next(_keys)}", shifts=[ShiftDraft(**shift)], **activity
    )
    posted = post_activity(session, draft, actor=actor, now=YESTERDAY)
    publish(session, posted.id, actor=actor, now=YESTERDAY)
    return posted.id, posted.shifts[0].id


def make_scene(session: Session, people: int = 3, **more: Any) -> Scene:
    """A branch, an organiser, a manager and ``people`` volunteers with a place on the shift."""
    key = ("scene", people, tuple(sorted(more.items())))
    made = remembered(session, key, lambda: _made(session, people, more))
    found = session.scalars(select(Member).where(Member.id.in_(made.member_ids)).order_by(Member.id)).all()
    organiser, manager, *volunteers = found
    return Scene(
        branch=session.get_one(Branch, made.branch_id),
        shift_id=made.shift_id,
        activity_id=made.activity_id,
        organiser=organiser,
        manager=manager,
        volunteers=volunteers,
        organiser_actor=made.actors[0],
        manager_actor=made.actors[1],
        volunteer_actors=list(made.actors[2:]),
    )


@dataclass(frozen=True)
class Made:
    """A scene in plain values: the organiser, the manager, then the volunteers."""

    branch_id: int
    activity_id: int
    shift_id: int
    member_ids: tuple[int, ...]
    actors: tuple[Actor, ...]


def _made(session: Session, people: int, more: dict[str, Any]) -> Made:
    branch = make_branch(session, now=YESTERDAY)
    organiser = make_member(session, branch, "周队长", roles=("organiser",), now=YESTERDAY)
    manager = make_member(session, branch, "钱站长", roles=("manager",), now=YESTERDAY)
    volunteers = [make_member(session, branch, now=YESTERDAY) for _ in range(people)]
    everybody = (organiser, manager, *volunteers)
    actors = tuple(actor_of(session, member) for member in everybody)
    activity_id, shift_id = make_shift(session, branch, actors[0], **more)
    for member, own in zip(volunteers, actors[2:], strict=True):
        sign_up(session, shift_id, member_id=member.id, actor=own, now=YESTERDAY)
    session.flush()
    return Made(branch.id, activity_id, shift_id, tuple(member.id for member in everybody), actors)
