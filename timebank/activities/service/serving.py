"""Services that somebody asked for: a shift for one volunteer, in no list, judged and approved like every other.

What was asked for, by whom and for whom is the request's; here stand a title and a place that tell of nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import BY_OTHERS, CANCELLED, CONFIRMED, LEFT, PUBLISHED, Activity, Shift, SignUp
from timebank.activities.queries import list_hindrances
from timebank.activities.service.fitness import NOTHING, refuse_unfit
from timebank.activities.service.locks import lock_activity
from timebank.activities.service.signing import check_member
from timebank.core.actor import Actor

OVERTIME_LIMIT: Final = 120  # staff may confirm so many minutes past the end
CONTENT: Final = "这是点单的服务。为谁服务、在哪里、怎么联系，请看“点单”里的这一单。"
PLACE: Final = "见点单"


@dataclass(frozen=True, kw_only=True)
class ServiceDraft:
    """A service about to be agreed on. ``paid_hold_id``: the coins set aside that pay it, if any do."""

    branch_id: int
    organiser_id: int
    member_id: int
    title: str
    category: str
    contact_name: str
    contact_phone: str
    starts_at: datetime
    ends_at: datetime
    paid_hold_id: int | None
    key: str


def open_service(session: Session, draft: ServiceDraft, *, actor: Actor, now: datetime) -> Shift:
    """A published activity of one shift with the volunteer on it; whoever calls keeps it from being made twice.

    Raises NotAllowed, MemberNotActive, ShiftsOverlap, DoesNotFit.
    """
    own = actor.member_id == draft.member_id
    actor.require(
        "sign_up.own" if own else "sign_up.others",
        branch_id=draft.branch_id,
        owner_id=draft.member_id if own else None,
    )
    activity = Activity(
        branch_id=draft.branch_id,
        organiser_id=draft.organiser_id,
        title=draft.title,
        category=draft.category,
        content=CONTENT,
        place=PLACE,
        contact_name=draft.contact_name,
        contact_phone=draft.contact_phone,
        risk="low",
        needed_skills="",
        needed_papers="",
        walk_ins=False,
        overtime_limit_minutes=OVERTIME_LIMIT,
        for_request=True,
        status=PUBLISHED,
        form_key=draft.key,
        created_at=now,
        published_at=now,
    )
    shift = Shift(
        activity=activity,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        capacity=1,
        taken=1,
        paid_hold_id=draft.paid_hold_id,
    )
    member = check_member(session, shift, draft.member_id)
    refuse_unfit(list_hindrances(session, shift, [member], along=()), NOTHING, by_staff=False, named=not own)
    session.add_all([activity, shift])
    session.flush()
    signed_by = None if own else actor.member_id
    place = SignUp(shift_id=shift.id, member_id=member.id, status=CONFIRMED, queued_at=now, confirmed_at=now)
    place.signed_by_id = signed_by
    session.add(place)
    session.flush()
    return shift


def lock_service(session: Session, shift_id: int) -> Shift:
    """The shift of a service as it is now and will stay: nobody scans, sends or approves it meanwhile."""
    shift = session.get_one(Shift, shift_id)
    lock_activity(session, shift.activity_id)
    return shift


def close_service(session: Session, shift: Shift, *, reason: str, now: datetime) -> None:
    """End a locked service that did not take place: its place is given up and its coins pay it no more."""
    shift.cancelled_at, shift.cancel_reason = now, reason
    shift.taken, shift.paid_hold_id = 0, None
    shift.activity.status, shift.activity.cancel_reason = CANCELLED, reason
    for place in session.scalars(select(SignUp).where(SignUp.shift_id == shift.id, SignUp.status == CONFIRMED)):
        place.status, place.left_at, place.left_how, place.leave_reason = LEFT, now, BY_OTHERS, reason
        place.confirmed_at = None
    session.flush()
