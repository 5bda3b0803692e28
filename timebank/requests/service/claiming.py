"""接单: saying yes with a time, saying no, and giving it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from timebank.activities.service import ServiceDraft, open_service
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, Invalid, NotAllowed
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.requests.models import (
    CATEGORIES,
    CLAIMED,
    NO,
    OPEN,
    YES,
    HelpInvitation,
    HelpRequest,
    HelpStep,
)
from timebank.requests.queries import sides_of, why_unsuitable
from timebank.requests.rules import ACTIVITY_CATEGORIES, AlreadyClaimed, decide, fits_days
from timebank.requests.service import telling
from timebank.requests.service.stepping import give_up_service, lock_request, note

_LONGEST_CONTACT = 30


class NotSuitable(Conflict):
    """Somebody must not take it: themselves, family, who dispatched it."""

    code = "requests.not_suitable"
    text = "{name}不能接这一单：{why}。"


class NotThen(Invalid):
    """A time in the past, or on another day than was asked for."""

    code = "requests.not_then"


class ReasonMissing(Invalid):
    """Ending what others count on needs a reason."""

    code = "requests.reason_missing"
    text = "请写一句原因，让对方知道。"


class AskedNobody(Conflict):
    """No answer is wanted from this person."""

    code = "requests.asked_nobody"
    text = "网点没有请您接这一单，或者您已经答复过了。"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """When a volunteer will come; None for a wish that takes no time. ``member_id``: who said yes, None for oneself."""

    starts_at: datetime | None = None
    member_id: int | None = None


def claim(session: Session, request_id: int, wanted: Claim, *, actor: Actor, now: datetime) -> HelpRequest:
    """Take a request; the first one gets it. The same person again is calm. Staff may write down a yes by telephone.

    Raises RequestNotFound, NotAllowed, AlreadyClaimed, NotSuitable, NotThen, and what ``open_service`` and
    ``rules.decide`` raise.
    """
    request = lock_request(session, request_id, actor)
    member_id = wanted.member_id or actor.member_id or 0
    _require(session, request, member_id, actor)
    after = decide("claim", request.status)
    if request.status == CLAIMED:
        if request.volunteer_id != member_id:
            raise AlreadyClaimed()
        return request
    member = get_member(session, member_id)
    why = why_unsuitable(session, request, member)
    if why:
        raise NotSuitable(name="您" if member.id == actor.member_id else member.alias, why=why)
    if request.minutes:
        start = _fitting(request, wanted.starts_at, now)
        request.shift_id = _agree(session, request, member, start, actor=actor, now=now)
    request.status, request.volunteer_id = after, member.id
    session.flush()
    session.expire(request, ["volunteer", "shift"])
    _answer(session, request, member.id, YES, now)
    note(session, request, "claimed", actor=actor, now=now, to_id=None if member.id == actor.member_id else member.id)
    telling.of_claim(session, request, actor=actor, now=now)
    return request


def _require(session: Session, request: HelpRequest, member_id: int, actor: Actor) -> None:
    """For oneself, whoever it is open to or who was asked; for others, the branch's staff with a yes of who was asked.

    Staff who merely see it are not told why somebody must not take it: of a confidential one that would tell who it is.
    """
    if member_id == actor.member_id:
        actor.require("request.own", owner_id=member_id)
        sides = sides_of(session, request, actor)
        if request.status == OPEN and not (sides.may_take or sides.invited):
            raise AskedNobody()
        return
    actor.require("request.check", branch_id=request.branch_id)
    asked = select(HelpInvitation.id).where(
        HelpInvitation.request_id == request.id, HelpInvitation.member_id == member_id
    )
    if session.scalar(asked) is None:
        raise AskedNobody()


def _fitting(request: HelpRequest, starts_at: datetime | None, now: datetime) -> datetime:
    """A time ahead, on one of the days that were asked for. Raises NotThen."""
    fits = starts_at is not None and fits_days(clock.today(starts_at), request.first_day, request.last_day)
    if starts_at is None or starts_at <= now or not fits:
        span = (
            f"{request.first_day} 到 {request.last_day}" if request.first_day < request.last_day else request.first_day
        )
        raise NotThen(fields={"starts_at": f"请选现在以后、{span} 的时间。"})
    return starts_at


def _agree(
    session: Session,
    request: HelpRequest,
    member: Member,
    starts_at: datetime,
    *,
    actor: Actor,
    now: datetime,
) -> int:
    claims = select(func.count()).where(HelpStep.request_id == request.id, HelpStep.what.in_(("claimed", "moved")))
    draft = ServiceDraft(
        branch_id=request.branch_id,
        organiser_id=request.coordinator_id or 0,
        member_id=member.id,
        title=_title(request),
        category=ACTIVITY_CATEGORIES.get(request.category, "other"),
        contact_name=request.branch.name[:_LONGEST_CONTACT],
        contact_phone=request.branch.phone or "",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=request.minutes),
        paid_hold_id=request.hold_id,
        key=f"request:{request.id}:{(session.scalar(claims) or 0) + 1}",
    )
    return open_service(session, draft, actor=actor, now=now).id


def _title(request: HelpRequest) -> str:
    """What books, lists and archives call the service: of a confidential one not who it is for, nor what is wrong."""
    if request.confidential:
        return f"{CATEGORIES[request.category]}：{request.pseudonym}"
    return request.title


def _answer(session: Session, request: HelpRequest, member_id: int, answer: str, now: datetime) -> bool:
    answered = session.execute(
        update(HelpInvitation)
        .where(HelpInvitation.request_id == request.id, HelpInvitation.member_id == member_id)
        .where(HelpInvitation.answer == "")
        .values(answer=answer, answered_at=now),
        execution_options={"synchronize_session": "fetch"},
    )
    return bool(answered.rowcount)  # type: ignore[attr-defined]


def move(session: Session, request_id: int, *, starts_at: datetime, actor: Actor, now: datetime) -> HelpRequest:
    """Agree on another time before anybody has come; everybody concerned is told. The same time again is calm.

    The volunteer may, and the branch's staff. Raises RequestNotFound, NotAllowed, NotClaimed, RequestEnded, NotThen,
    ServiceBegun, and what ``open_service`` raises.
    """
    request = lock_request(session, request_id, actor)
    if not sides_of(session, request, actor).volunteer:
        actor.require("request.check", branch_id=request.branch_id)
    decide("move", request.status)
    if request.shift is None or request.volunteer_id is None:
        raise NotAllowed(permission="request.check")  # a wish that takes no time has none to move
    if request.shift.starts_at == starts_at:
        return request
    _fitting(request, starts_at, now)
    give_up_service(session, request, reason="改了时间", now=now)
    request.shift_id = _agree(
        session, request, get_member(session, request.volunteer_id), starts_at, actor=actor, now=now
    )
    session.flush()
    session.expire(request, ["shift"])
    note(session, request, "moved", actor=actor, now=now)
    telling.of_move(session, request, actor=actor, now=now)
    return request


def refuse(session: Session, request_id: int, *, actor: Actor, now: datetime) -> HelpRequest:
    """Say no to being asked; the coordinator is told. Raises RequestNotFound, AskedNobody."""
    request = lock_request(session, request_id, actor)
    actor.require("request.own", owner_id=actor.member_id)
    decide("invite", request.status)
    if not _answer(session, request, actor.member_id or 0, NO, now):
        raise AskedNobody()
    note(session, request, "refused", actor=actor, now=now)
    telling.of_refusal(session, request, actor=actor, now=now)
    return request


def release(session: Session, request_id: int, *, reason: str, actor: Actor, now: datetime) -> HelpRequest:
    """Give a request back before serving, with a reason: it is open again. The coordinator may do it for the volunteer.

    Raises RequestNotFound, NotAllowed, NotClaimed, RequestEnded, ReasonMissing, ServiceBegun.
    """
    request = lock_request(session, request_id, actor)
    sides = sides_of(session, request, actor)
    if not sides.volunteer:
        actor.require("request.check", branch_id=request.branch_id)
    decide("release", request.status)
    if not reason.strip():
        raise ReasonMissing(fields={"reason": ReasonMissing.text})
    volunteer_id = request.volunteer_id
    give_up_service(session, request, reason=reason.strip(), now=now)
    request.status, request.volunteer_id = OPEN, None
    session.flush()
    session.expire(request, ["volunteer", "shift"])
    if volunteer_id is not None:
        _give_back(session, request, volunteer_id, now)
    note(session, request, "released", actor=actor, now=now, words=reason.strip())
    telling.of_release(session, request, volunteer_id=volunteer_id, reason=reason.strip(), actor=actor, now=now)
    return request


def _give_back(session: Session, request: HelpRequest, member_id: int, now: datetime) -> None:
    """Who gave it back is not among those asked any more."""
    session.execute(
        update(HelpInvitation)
        .where(HelpInvitation.request_id == request.id, HelpInvitation.member_id == member_id)
        .values(answer=NO, answered_at=now),
        execution_options={"synchronize_session": "fetch"},
    )
