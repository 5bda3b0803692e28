"""Cancelling: only what has not begun, always with a reason, and everybody on the list is told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.activities.models import CANCELLED, DRAFT, Activity, ActivityChange, Shift
from timebank.activities.queries import get_shift
from timebank.activities.service.line import end_offers
from timebank.activities.service.locks import OnRequest, lock_activity
from timebank.activities.service.telling import facts_of, link_of, tell_people
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, Invalid
from timebank.notices.service import NoticeDraft


class AlreadyBegun(Conflict):
    """What has begun cannot be cancelled; its attendance will be judged."""

    code = "activities.already_begun"
    text = "“{title}”已经开始或结束，不能再取消。没有人到场的话，核对服务记录时不计时长就可以。"


class NotPublished(Conflict):
    """A draft needs no cancelling."""

    code = "activities.not_published"
    text = "“{title}”还是草稿，没有人看得到。不办了就直接删除草稿。"


def cancel_activity(session: Session, activity_id: int, *, reason: str, actor: Actor, now: datetime) -> Activity:
    """Cancel every shift of an activity that has not begun. Cancelling twice is calm.

    The activity counts as cancelled when no shift is left; one that has begun keeps it open, so that its hours count.
    """
    activity = _lock(session, activity_id, reason, actor)
    if activity.status == CANCELLED:
        return activity
    coming = [shift for shift in activity.shifts if shift.cancelled_at is None and now < shift.starts_at]
    if not coming:
        raise AlreadyBegun(title=activity.title)
    for shift in coming:
        _cancel(session, shift, reason, now)
    _settle(session, activity, coming, reason=reason, actor=actor, now=now)
    return activity


def cancel_shift(session: Session, shift_id: int, *, reason: str, actor: Actor, now: datetime) -> Shift:
    """Cancel one shift that has not begun; the last one takes the activity along. Cancelling twice is calm."""
    shift = get_shift(session, shift_id)
    activity = _lock(session, shift.activity_id, reason, actor)
    if shift.cancelled_at is not None:
        return shift
    if now >= shift.starts_at:
        raise AlreadyBegun(title=activity.title)
    _cancel(session, shift, reason, now)
    _settle(session, activity, [shift], reason=reason, actor=actor, now=now)
    return shift


def _lock(session: Session, activity_id: int, reason: str, actor: Actor) -> Activity:
    activity = lock_activity(session, activity_id)
    actor.require("activity.change", branch_id=activity.branch_id)
    if activity.for_request:
        raise OnRequest()
    if not reason:
        raise Invalid(fields={"reason": "请写明取消的原因，报了名的人会看到。"})
    if activity.status == DRAFT:
        raise NotPublished(title=activity.title)
    return activity


def _cancel(session: Session, shift: Shift, reason: str, now: datetime) -> None:
    shift.cancelled_at, shift.cancel_reason = now, reason
    end_offers(session, shift)
    told = NoticeDraft(
        kind="activity.cancelled",
        facts=facts_of(shift) | {"reason": reason},
        link=link_of(shift.activity_id),
        key=f"activity.cancelled:{shift.id}",
    )
    tell_people(session, shift, told, now=now)


def _settle(
    session: Session, activity: Activity, shifts: list[Shift], *, reason: str, actor: Actor, now: datetime
) -> None:
    if all(shift.cancelled_at is not None for shift in activity.shifts):
        activity.status, activity.cancel_reason = CANCELLED, reason
    items = [
        {"what": "cancelled", "old": shift.starts_at.isoformat(), "new": reason, "shift_id": shift.id}
        for shift in shifts
    ]
    session.add(ActivityChange(activity_id=activity.id, actor_id=actor.member_id, at=now, changes={"items": items}))
    session.flush()
