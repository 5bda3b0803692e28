"""派单: taking up, checking and dispatching, asking volunteers, declining, handing over to a colleague."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid, NotAllowed
from timebank.core.minutes import coins
from timebank.giving.queries import fund_account
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import ACTIVE, Member
from timebank.members.queries import find_member_by_number, find_open_link, list_staff
from timebank.requests.models import ASKED, DECLINED, FUND, NONE, OPEN, OWN, WISH, HelpInvitation, HelpRequest
from timebank.requests.queries import is_coordinating, why_unsuitable
from timebank.requests.rules import (
    CONSENT_FIRST,
    HELD_FOR,
    LEAST_MINUTES,
    MOST_MINUTES,
    decide,
    find_source_faults,
)
from timebank.requests.service import telling
from timebank.requests.service.claiming import NotSuitable, ReasonMissing
from timebank.requests.service.stepping import free_coins, lock_request, note

SOURCE = "request"  # what holds name as their document


class AlreadyTaken(Conflict):
    """A colleague has it in hand."""

    code = "requests.already_taken"
    text = "这一单由{name}负责。要换人，请负责人点“移交”。"


class OwnRequest(NotAllowed):
    """Nobody dispatches what they are to be served with."""

    code = "requests.own_request"
    text = "这是为您自己点的单，要由别的工作人员受理。"


class NotCoordinator(NotAllowed):
    """Only who took it up."""

    code = "requests.not_coordinator"
    text = "这一步要由这一单的负责人来办。"


class TwoPeople(NotAllowed):
    """The fund pays on the word of two people, neither of them family."""

    code = "requests.two_people"
    text = "由爱心基金出的，点单的人、服务对象和家人不能派单，也要有管爱心基金的身份。请让另一位管理员来办。"


class CoinsShort(Conflict):
    """The recipient has less than is to be set aside."""

    code = "requests.coins_short"
    text = "服务对象可用的爱心币不够：最多要用 {needed}，现在可用 {available}。可以改短时间，或者由爱心基金出、不用币。"


class FundShort(Conflict):
    """The fund has less than is to be set aside."""

    code = "requests.fund_short"
    text = "爱心基金不够：最多要用 {needed}，现在可用 {available}。可以改短时间，或者不用币。"


class VolunteerNotFound(Invalid):
    """Nobody who could do it has this number."""

    code = "requests.volunteer_not_found"
    text = "没有找到这个会员号，或者不是合适的人。会员号在成长卡上，以 HL 开头。"

    def __init__(self, field: str = "number") -> None:
        super().__init__(fields={field: self.text})


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """How a request goes out: whose coins, for how long at most, whether everybody of the branch may take it."""

    source: str
    minutes: int
    to_all: bool
    consented: bool = False


def take_up(session: Session, request_id: int, *, actor: Actor, now: datetime) -> HelpRequest:
    """Become the coordinator of a request that nobody has in hand. Twice is calm.

    Raises RequestNotFound, NotAllowed, OwnRequest, AlreadyTaken, TwoPeople, and what ``rules.decide`` raises.
    """
    request = lock_request(session, request_id, actor)
    actor.require("request.check", branch_id=request.branch_id)
    decide("take_up", request.status)
    _coordinate(session, request, actor, now)
    return request


def _coordinate(session: Session, request: HelpRequest, actor: Actor, now: datetime) -> None:
    if actor.member_id == request.coordinator_id and actor.member_id is not None:
        return
    if request.coordinator_id is not None:
        raise AlreadyTaken(name=request.coordinator.alias if request.coordinator else "别人")
    if actor.member_id == request.recipient_id:
        raise OwnRequest(permission="request.check")
    if request.source == FUND:
        _refuse_one_hand(session, request, actor)
    request.coordinator_id = actor.member_id
    session.flush()
    session.expire(request, ["coordinator"])
    note(session, request, "taken_up", actor=actor, now=now)


def dispatch(session: Session, request_id: int, how: Dispatch, *, actor: Actor, now: datetime) -> HelpRequest:
    """Let a request go out; the coins that may pay it are set aside. What is out may be opened to all, nothing else.

    Raises RequestNotFound, NotAllowed, OwnRequest, AlreadyTaken, TwoPeople, Invalid, CoinsShort, FundShort, and what
    ``rules.decide`` raises.
    """
    request = lock_request(session, request_id, actor)
    actor.require("request.check", branch_id=request.branch_id)
    after = decide("dispatch", request.status)
    _coordinate(session, request, actor, now)
    if how.to_all and request.confidential:
        raise Invalid(fields={"to_all": "保密的需求只能派给指定的志愿者。"})
    if request.status == OPEN:
        request.to_all = how.to_all
        session.flush()
        return request
    faults = _faults(request, how)
    if faults:
        raise Invalid(fields=faults)
    if how.source == FUND:
        _refuse_one_hand(session, request, actor)
    request.source, request.minutes, request.to_all = how.source, how.minutes, how.to_all
    request.consented = request.consented or how.consented
    request.hold_id = _set_aside(session, request, actor, now)
    request.status = after
    session.flush()
    note(session, request, "dispatched", actor=actor, now=now)
    telling.of_dispatch(session, request, actor=actor, now=now)
    return request


def _faults(request: HelpRequest, how: Dispatch) -> dict[str, str]:
    wish = request.kind == WISH
    faults = find_source_faults(how.source, wish=wish, confidential=request.confidential)
    if not (wish and how.minutes == 0) and not LEAST_MINUTES <= how.minutes <= MOST_MINUTES:
        faults["length"] = f"请填最多要多久：{LEAST_MINUTES} 分钟到 {MOST_MINUTES // 60} 小时。"
    if how.source == OWN and not (request.consented or how.consented):
        faults["consented"] = CONSENT_FIRST
    return faults


def _refuse_one_hand(session: Session, request: HelpRequest, actor: Actor) -> None:
    me = actor.member_id
    involved = me is None or me in {request.asked_by_id, request.recipient_id}
    if involved or not actor.may("fund.grant", branch_id=request.branch_id):
        raise TwoPeople(permission="fund.grant")
    if find_open_link(session, me or 0, request.recipient_id) is not None:
        raise TwoPeople(permission="fund.grant")


def _set_aside(session: Session, request: HelpRequest, actor: Actor, now: datetime) -> int | None:
    if request.source == NONE:
        return None
    own = request.source == OWN
    account_id = request.recipient.coin_account_id if own else fund_account(session, request.branch_id)
    account = ledger_queries.get_account(session, account_id)
    draft = ledger.HoldDraft(
        account_id=account.id,
        amount=request.minutes,
        key=f"{SOURCE}:{request.id}",
        expires_at=clock.instant(request.last_day + timedelta(days=1), time()) + HELD_FOR,
        source_type=SOURCE,
        source_id=request.id,
        actor_id=actor.member_id,
    )
    try:
        return ledger.hold(session, draft, now=now)
    except ledger.NotEnough as short:
        words = {"needed": coins(request.minutes), "available": coins(max(account.available, 0))}
        raise (CoinsShort(**words) if own else FundShort(**words)) from short


def decline(session: Session, request_id: int, *, reason: str, actor: Actor, now: datetime) -> HelpRequest:
    """The branch does not take it, or takes it back before anybody has said yes; with a reason. Twice is calm.

    Raises RequestNotFound, NotAllowed, ReasonMissing, and what ``rules.decide`` raises.
    """
    request = lock_request(session, request_id, actor)
    actor.require("request.check", branch_id=request.branch_id)
    after = decide("decline", request.status)
    if request.status == DECLINED:
        return request
    if not reason.strip():
        raise ReasonMissing(fields={"reason": ReasonMissing.text})
    request.status, request.end_reason = after, reason.strip()
    request.ended_at, request.ended_by_id = now, actor.member_id
    session.flush()
    free_coins(session, request, actor=actor, now=now)
    note(session, request, "declined", actor=actor, now=now, words=reason.strip())
    telling.of_decline(session, request, actor=actor, now=now)
    return request


def invite(
    session: Session, request_id: int, *, member_ids: Sequence[int] = (), number: str = "", actor: Actor, now: datetime
) -> int:
    """Ask volunteers, picked or by their number; each is asked once. Returns how many were asked now.

    Raises RequestNotFound, NotAllowed, NotCoordinator, VolunteerNotFound, NotSuitable, and what ``decide`` raises.
    """
    request = lock_request(session, request_id, actor)
    _require_coordinator(request, actor)
    decide("invite", request.status)
    people = list(session.scalars(select(Member).where(Member.id.in_(member_ids)).order_by(Member.id)))
    if number.strip():
        found = find_member_by_number(session, number)
        if found is None:
            raise VolunteerNotFound()
        people.append(found)
    if not people:
        raise Invalid(fields={"who": "请至少选一位，或者输入会员号。"})
    for member in people:
        why = why_unsuitable(session, request, member)
        if why:
            raise NotSuitable(name=member.alias, why=why)
    return sum(_ask_once(session, request, member, actor, now) for member in people)


def _ask_once(session: Session, request: HelpRequest, member: Member, actor: Actor, now: datetime) -> bool:
    row = {"request_id": request.id, "member_id": member.id, "by_id": actor.member_id, "at": now, "answer": ""}
    fresh = session.scalar(insert_once(session, HelpInvitation).values(row).returning(HelpInvitation.id))
    if fresh is None:
        return False
    note(session, request, "invited", actor=actor, now=now, to_id=member.id)
    telling.of_invitation(session, request, member.id, now=now)
    return True


def hand_over(session: Session, request_id: int, *, number: str, actor: Actor, now: datetime) -> HelpRequest:
    """Let a colleague coordinate from now on; who did it may, or a manager for somebody who is away. Written down.

    Raises RequestNotFound, NotCoordinator, VolunteerNotFound, TwoPeople, and what ``rules.decide`` raises.
    """
    request = lock_request(session, request_id, actor)
    if not is_coordinating(request, actor) and not actor.may("branch.change", branch_id=request.branch_id):
        raise NotCoordinator(permission="request.check")
    decide("hand_over", request.status)
    found = find_member_by_number(session, number)
    colleagues = {one.id for one in list_staff(session, request.branch_id, {"organiser", "manager", "administrator"})}
    out = {request.recipient_id, request.volunteer_id}
    if found is None or found.status != ACTIVE or found.id not in colleagues or found.id in out:
        raise VolunteerNotFound()
    if found.id == request.coordinator_id:
        return request
    linked = request.source == FUND and find_open_link(session, found.id, request.recipient_id) is not None
    if linked or (request.source == FUND and found.id == request.asked_by_id):
        raise TwoPeople(permission="fund.grant")
    before, request.coordinator_id = request.coordinator_id, found.id
    session.flush()
    session.expire(request, ["coordinator"])
    note(session, request, "handed_over", actor=actor, now=now, to_id=found.id)
    telling.of_handover(session, request, before=before, actor=actor, now=now)
    return request


def _require_coordinator(request: HelpRequest, actor: Actor) -> None:
    actor.require("request.check", branch_id=request.branch_id)
    if request.status != ASKED and not is_coordinating(request, actor):
        raise NotCoordinator(permission="request.check")
