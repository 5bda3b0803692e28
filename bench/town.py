"""A branch, a shift and many members for figures, built through services."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tests.conftest import SECRET
from tests.world import CONSENTS, KEYS, actor_of, make_branch, make_member
from timebank.activities.rules import ActivityDraft, ShiftDraft
from timebank.activities.service import post_activity, publish
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.members.service.bulk import register_many
from timebank.members.service.registration import NewMember

__all__ = ["KEYS", "SECRET", "open_shift", "people"]
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
