"""What follows by itself: services that were approved are done, those that did not take place are open again, days end.

Nobody has to wait for the job that calls this: pages read how far a service has come from attendance itself.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.service import lock_service
from timebank.attendance.models import ShiftApproval
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import NotAllowed
from timebank.requests.models import ASKED, CLAIMED, DONE, EXPIRED, OPEN, HelpRequest
from timebank.requests.queries import service_of, sides_of
from timebank.requests.rules import Service, decide, progress_of
from timebank.requests.service import telling
from timebank.requests.service.stepping import free_coins, lock_request, note

_DECIDED = select(ShiftApproval.id).where(
    ShiftApproval.shift_id == HelpRequest.shift_id, ShiftApproval.approved_at.is_not(None)
)


def settle(session: Session, request: HelpRequest, *, now: datetime) -> bool:
    """Bring a locked request in step with its service; whether it changed."""
    service = service_of(session, request) if request.status == CLAIMED else None
    if service is None:
        return False
    progress = progress_of(service, now=now)
    if progress == "served":
        _finish(session, request, service, now)
    elif progress == "unserved":
        _reopen(session, request, now)
    return progress in {"served", "unserved"}


def _finish(session: Session, request: HelpRequest, service: Service, now: datetime) -> None:
    request.status = decide("finish", request.status)
    request.ended_at = now
    session.flush()
    note(session, request, "done", actor=None, now=now)
    telling.of_service(session, request, minutes=service.minutes, now=now)


def _reopen(session: Session, request: HelpRequest, now: datetime) -> None:
    """The list was approved without a minute for it: the coins stay set aside for whoever comes next."""
    volunteer_id = request.volunteer_id
    if request.shift_id is not None:
        shift = lock_service(session, request.shift_id)
        if shift.paid_hold_id is not None:
            shift.paid_hold_id = None
    request.status = decide("reopen", request.status)
    request.volunteer_id = request.shift_id = None
    session.flush()
    session.expire(request, ["volunteer", "shift"])
    note(session, request, "unserved", actor=None, now=now, to_id=volunteer_id)
    telling.of_no_service(session, request, now=now)


def settle_requests(session: Session, *, now: datetime, at_most: int = 200) -> int:
    """Settle the claimed requests of which the list was approved; returns how many changed."""
    claimed = session.scalars(
        select(HelpRequest)
        .where(HelpRequest.status == CLAIMED, _DECIDED.exists())
        .order_by(HelpRequest.id)
        .limit(at_most)
        .with_for_update(of=HelpRequest, key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    return sum(settle(session, request, now=now) for request in claimed)


def confirm_wish(session: Session, request_id: int, *, actor: Actor, now: datetime) -> HelpRequest:
    """Say that a wish that takes no time came true. Twice is calm.

    Raises RequestNotFound, NotAllowed, NotClaimed, RequestEnded.
    """
    request = lock_request(session, request_id, actor)
    sides = sides_of(session, request, actor)
    if not (sides.recipient or sides.asker):
        actor.require("request.check", branch_id=request.branch_id)
    if sides.volunteer or request.minutes:
        raise NotAllowed(permission="request.check")
    after = decide("finish", request.status)
    if request.status == DONE:
        return request
    request.status, request.ended_at, request.ended_by_id = after, now, actor.member_id
    session.flush()
    note(session, request, "done", actor=actor, now=now)
    telling.of_wish(session, request, now=now)
    return request


def expire_requests(session: Session, *, now: datetime, at_most: int = 500) -> int:
    """End requests of which the last day is over and that nobody took; what was set aside is free again."""
    over = session.scalars(
        select(HelpRequest)
        .where(HelpRequest.status.in_((ASKED, OPEN)), HelpRequest.last_day < clock.today(now))
        .order_by(HelpRequest.id)
        .limit(at_most)
        .with_for_update(of=HelpRequest, key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for request in over:
        request.status, request.ended_at, request.end_reason = EXPIRED, now, "过了最晚的日子"
        session.flush()
        free_coins(session, request, actor=None, now=now)
        note(session, request, "expired", actor=None, now=now)
        telling.of_expiry(session, request, now=now)
    return len(over)
