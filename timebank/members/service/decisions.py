"""Deciding about people: approve, decline, suspend, resume."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Conflict
from timebank.ledger.service import open_account
from timebank.members.models import ACTIVE, DECLINED, PENDING, STATUS_NAMES, SUSPENDED, Credential, Member
from timebank.members.queries import get_member
from timebank.members.service.authority import keep_an_administrator, require_outranked
from timebank.members.service.cards import issue_card
from timebank.members.service.credentials import new_mark


class AlreadyDecided(Conflict):
    """Somebody decided otherwise meanwhile."""

    code = "members.already_decided"
    text = "{name}现在的状态是“{status}”，不能再办这一步。请刷新页面看一看。"


def approve_member(session: Session, member_id: int, *, actor: Actor, now: datetime) -> Member:
    """Let a person act: open their coin and point accounts, issue their card. A repeat changes nothing.

    Raises MemberNotFound, NotAllowed, AlreadyDecided (suspended people are resumed, not approved).
    """
    member = get_member(session, member_id, lock=True)
    actor.require("member.approve", branch_id=member.branch_id)
    if member.status == SUSPENDED:
        raise _decided(member)
    if member.status != ACTIVE:
        activate(session, member, actor=actor, now=now)
    return member


def activate(session: Session, member: Member, *, actor: Actor, now: datetime) -> None:
    """Open a person's accounts and card, and let them act. For registration and approval."""
    code = f"member:{member.number}"
    member.coin_account_id = open_account(session, book_id=member.branch_id, code=code, kind="member", unit="coin")
    member.point_account_id = open_account(session, book_id=member.branch_id, code=code, kind="member", unit="point")
    _decide(member, ACTIVE, reason="", actor=actor, now=now)
    session.flush()
    issue_card(session, member.id, now=now)


def decline_member(session: Session, member_id: int, *, reason: str, actor: Actor, now: datetime) -> Member:
    """Turn an application down, with the reason the person will read. A repeat changes nothing."""
    member = get_member(session, member_id, lock=True)
    actor.require("member.approve", branch_id=member.branch_id)
    if member.status not in {PENDING, DECLINED}:
        raise _decided(member)
    if member.status == PENDING:
        _decide(member, DECLINED, reason=reason, actor=actor, now=now)
        session.flush()
    return member


def suspend_member(session: Session, member_id: int, *, reason: str, actor: Actor, now: datetime) -> Member:
    """Stop a person from acting and sign them out everywhere; their hours and balance stay. A repeat changes nothing.

    Raises OutOfReach, LastAdministrator, AlreadyDecided.
    """
    member = get_member(session, member_id, lock=True)
    actor.require("member.change", branch_id=member.branch_id)
    require_outranked(session, member, actor)
    if member.status not in {ACTIVE, SUSPENDED}:
        raise _decided(member)
    keep_an_administrator(session, without_member=member.id)
    if member.status == ACTIVE:
        _decide(member, SUSPENDED, reason=reason, actor=actor, now=now)
        credential = session.get(Credential, member.id)
        if credential is not None:
            credential.session_mark = new_mark()
        session.flush()
    return member


def resume_member(session: Session, member_id: int, *, actor: Actor, now: datetime) -> Member:
    """Let a suspended person act again. A repeat changes nothing."""
    member = get_member(session, member_id, lock=True)
    actor.require("member.change", branch_id=member.branch_id)
    if member.status not in {ACTIVE, SUSPENDED}:
        raise _decided(member)
    if member.status == SUSPENDED:
        _decide(member, ACTIVE, reason="", actor=actor, now=now)
        session.flush()
    return member


def _decide(member: Member, status: str, *, reason: str, actor: Actor, now: datetime) -> None:
    member.status = status
    member.status_reason = reason
    member.decided_at = now
    member.decided_by_id = actor.member_id


def _decided(member: Member) -> AlreadyDecided:
    return AlreadyDecided(name=member.name, status=STATUS_NAMES[member.status])
