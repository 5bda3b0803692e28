"""Keeping an activity's records from being destroyed, and letting them go again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import DRAFT
from timebank.activities.queries import get_activity
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, NotAllowed
from timebank.retention.models import LegalHold
from timebank.retention.queries import get_hold


class AlreadyHeld(Conflict):
    """One hold at a time is enough."""

    code = "retention.already_held"
    text = "这个活动已经暂停销毁。"


class NothingToHold(Conflict):
    """A draft has no records yet, and may still be thrown away."""

    code = "retention.nothing_to_hold"
    text = "这个活动还是草稿，没有材料要留。"


class NotYours(NotAllowed):
    """A hold is lifted by whoever placed it, or by an inspector."""

    code = "retention.not_yours"
    text = "这次暂停不是您提出的，要由提出的人或者监督员解除。"


def place_hold(session: Session, activity_id: int, *, reason: str, actor: Actor, now: datetime) -> LegalHold:
    """Keep everything of an activity. Raises ActivityNotFound, NotAllowed, NothingToHold, AlreadyHeld."""
    activity = get_activity(session, activity_id)
    actor.require("retention.hold", branch_id=activity.branch_id)
    if activity.status == DRAFT:
        raise NothingToHold()
    lock_name(session, f"retention:{activity.branch_id}")
    open_one = select(LegalHold.id).where(LegalHold.activity_id == activity_id, LegalHold.lifted_at.is_(None))
    if session.scalar(open_one) is not None:
        raise AlreadyHeld()
    hold = LegalHold(activity_id=activity_id, reason=reason, placed_by_id=actor.person("retention.hold"), placed_at=now)
    session.add(hold)
    session.flush()
    return hold


def lift_hold(session: Session, hold_id: int, *, reason: str, actor: Actor, now: datetime) -> LegalHold:
    """Let an activity's records go again. Pressing again is harmless. Raises HoldNotFound, NotAllowed, NotYours."""
    hold = get_hold(session, hold_id)
    refuse_lifting(hold, actor)
    lock_name(session, f"retention:{hold.activity.branch_id}")
    session.refresh(hold)
    if hold.lifted_at is None:
        hold.lifted_by_id, hold.lifted_at, hold.lifted_why = actor.person("retention.hold"), now, reason
        session.flush()
    return hold


def refuse_lifting(hold: LegalHold, actor: Actor) -> None:
    """Raises NotAllowed, NotYours for whoever may not lift a hold."""
    branch_id = hold.activity.branch_id
    actor.require("retention.hold", branch_id=branch_id)
    if hold.placed_by_id != actor.member_id and not actor.may("retention.release", branch_id=branch_id):
        raise NotYours()
