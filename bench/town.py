"""A branch, a shift and many members who come to it for figures, built through services."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.conftest import SECRET
from tests.world import CONSENTS, KEYS, actor_of, make_branch, make_member
from timebank.activities.rules import ActivityDraft, ShiftDraft
from timebank.activities.service import post_activity, publish
from timebank.attendance.models import READY, VENUE, Attendance, Scan
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.members.service.bulk import register_many
from timebank.members.service.registration import NewMember

__all__ = ["KEYS", "SECRET", "attend", "open_shift", "people"]
_numbers = itertools.count()


def open_shift(session: Session, *, starts_at: datetime, now: datetime) -> tuple[Branch, int]:
    """A published activity with one shift of two hours that takes walk-ins; its branch and the shift's id."""
    branch = make_branch(session, now=now)
    organiser = make_member(session, branch, "周队长", roles=("organiser",), now=now)
    draft = ActivityDraft(
        branch_id=branch.id,
        form_key=f"bench-{next(_numbers)}",
        title="全城清洁日",
        category="environment",
        content="大家一起打扫",
        place="广场",
        contact_name="周队长",
        contact_phone="0574-86780000",
        risk="low",
        shifts=[ShiftDraft(starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), capacity=50)],
    )
    before = min(now, starts_at - timedelta(hours=1))
    actor = actor_of(session, organiser)
    posted = post_activity(session, draft, actor=actor, now=before)
    publish(session, posted.id, actor=actor, now=before)
    return branch, posted.shifts[0].id


def people(session: Session, branch: Branch, count: int, *, now: datetime) -> list[int]:
    """``count`` members of a branch; their ids."""
    first = next(_numbers)
    drafts = {
        f"bench-{first}-{number}": NewMember(name=f"志愿者{number}", branch_id=branch.id, consents=CONSENTS)
        for number in range(count)
    }
    return list(register_many(session, drafts, branch_id=branch.id, actor=SYSTEM, keys=KEYS, now=now).values())


def attend(session: Session, shift_id: int, member_ids: list[int], *, starts_at: datetime) -> None:
    """All of them were there for the two hours, with their scans; the list is ready to be sent."""
    session.execute(sa.insert(Attendance), [_attended(shift_id, id_, starts_at) for id_ in member_ids])
    session.execute(sa.insert(Scan), [scan for id_ in member_ids for scan in _scans(shift_id, id_, starts_at)])


def _attended(shift_id: int, member_id: int, starts_at: datetime) -> dict[str, object]:
    return {
        "shift_id": shift_id,
        "member_id": member_id,
        "in_at": starts_at,
        "out_at": starts_at + timedelta(hours=2),
        "walk_in": True,
        "signed_minutes": 120,
        "status": READY,
    }


def _scans(shift_id: int, member_id: int, starts_at: datetime) -> list[dict[str, object]]:
    times = {"in": starts_at, "out": starts_at + timedelta(hours=2)}
    return [
        {
            "shift_id": shift_id,
            "member_id": member_id,
            "kind": kind,
            "source": VENUE,
            "claimed_at": at,
            "received_at": at,
            "key": f"bench:{shift_id}:{member_id}:{kind}",
        }
        for kind, at in times.items()
    ]
