"""Activities for tests, built through the services; times count from ``NOW``, a Saturday at 09:00."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.memory import remembered
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.activities import service
from timebank.activities.models import Activity, Shift
from timebank.activities.queries import find_sign_up
from timebank.activities.rules import ActivityDraft, ShiftDraft
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.members.models import Member

_numbers = itertools.count(1)
HOUR = timedelta(hours=1)


@dataclass
class Town:
    """A branch and who organises there."""

    branch: Branch
    organiser: Member
    lead: Actor


def make_town(session: Session, code: str = "BL") -> Town:
    """One branch with one organiser."""
    branch_id, organiser_id, lead = remembered(session, ("town", code), lambda: _made(session, code))
    return Town(session.get_one(Branch, branch_id), session.get_one(Member, organiser_id), lead)


def _made(session: Session, code: str) -> tuple[int, int, Actor]:
    branch = make_branch(session, code)
    organiser = make_member(session, branch, "李组织", roles=("organiser",))
    return branch.id, organiser.id, actor_of(session, organiser)


def shift(hours: float = 24, *, length: float = 2, **more: Any) -> ShiftDraft:
    """A shift that starts so many hours after NOW."""
    start: datetime = NOW + hours * HOUR
    return ShiftDraft(**{"starts_at": start, "ends_at": start + length * HOUR, "capacity": 2} | more)


def draft(branch: Branch, *shifts: ShiftDraft, **more: Any) -> ActivityDraft:
    """A sound activity."""
    return ActivityDraft(
        **{
            "branch_id": branch.id,
            "title": "陪独居老人聊天",
            "category": "elderly",
            "content": "到独居老人家里坐一坐。",
            "place": "向阳社区服务中心",
            "contact_name": "李红梅",
            "contact_phone": "0574-86780000",
            "risk": "low",
            "form_key": f"activity-{next(_numbers)}",
            "shifts": shifts or (shift(),),
        }
        | more
    )


def post(session: Session, town: Town, *shifts: ShiftDraft, now: datetime = NOW, **more: Any) -> Activity:
    """A published activity."""
    activity = service.post_activity(session, draft(town.branch, *shifts, **more), actor=town.lead, now=now)
    return service.publish(session, activity.id, actor=town.lead, now=now)


def post_shift(session: Session, town: Town, capacity: int = 2, hours: float = 24) -> Shift:
    """The only shift of a published activity."""
    return post(session, town, shift(hours, capacity=capacity)).shifts[0]


def join(session: Session, on: Shift, member: Member, now: datetime = NOW) -> str:
    """Sign a member up by themselves; returns the state of the sign-up."""
    return service.sign_up(session, on.id, member_id=member.id, actor=actor_of(session, member), now=now).status


def quit_shift(session: Session, on: Shift, member: Member, reason: str = "临时有事", now: datetime = NOW) -> str:
    """Leave by themselves; returns the state of the sign-up."""
    actor = actor_of(session, member)
    return service.leave(session, on.id, member_id=member.id, reason=reason, actor=actor, now=now).status


def people(session: Session, town: Town, count: int) -> list[Member]:
    """So many approved members."""
    return [make_member(session, town.branch) for _ in range(count)]


def accept(session: Session, on: Shift, member: Member, now: datetime = NOW) -> str:
    """Take the place that was offered; returns the state of the sign-up."""
    actor = actor_of(session, member)
    return service.accept_offer(session, on.id, member_id=member.id, actor=actor, now=now).status


def state(session: Session, on: Shift, member: Member) -> str:
    """The state of a member's sign-up."""
    signed = find_sign_up(session, on.id, member.id)
    return signed.status if signed else ""
