"""Lists of requests: to take, asked, taken, and a branch's desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, and_, case, or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.core.paging import Page, read_page
from timebank.members.models import Member
from timebank.requests.models import (
    ASKED,
    CATEGORIES,
    CLAIMED,
    DONE,
    FUND,
    NO,
    OPEN,
    UNSERVED,
    HelpInvitation,
    HelpRequest,
)
from timebank.requests.rules import can_do


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody would like to do; empty means anything."""

    category: str = ""
    part_of_day: str = ""
    kind: str = ""


def page_open(
    session: Session, member: Member, wanted: Wanted, *, number: int = 1, size: int = 20
) -> Page[HelpRequest]:
    """What a member may take at their branch: what they say they can do first, then by its last day."""
    mine = [category for category in CATEGORIES if can_do(member.skills, category)]
    found = _whole().where(
        HelpRequest.status == OPEN,
        HelpRequest.branch_id == member.branch_id,
        HelpRequest.recipient_id != member.id,
        HelpRequest.coordinator_id != member.id,
        or_(HelpRequest.source != FUND, HelpRequest.asked_by_id != member.id),
        or_(HelpRequest.to_all, HelpRequest.id.in_(_invited(member.id))),
    )
    if wanted.category:
        found = found.where(HelpRequest.category == wanted.category)
    if wanted.part_of_day:
        found = found.where(HelpRequest.part_of_day.in_((wanted.part_of_day, "any")))
    if wanted.kind:
        found = found.where(HelpRequest.kind == wanted.kind)
    mine_first = case((HelpRequest.category.in_(mine), 0), else_=1)
    return read_page(
        session, found.order_by(mine_first, HelpRequest.last_day, HelpRequest.id), number=number, size=size
    )


def _invited(member_id: int) -> Select[int]:
    return select(HelpInvitation.request_id).where(HelpInvitation.member_id == member_id, HelpInvitation.answer != NO)


def list_invited(session: Session, member_id: int) -> Sequence[HelpRequest]:
    """What a member was asked to do and has not answered, soonest first."""
    asked = select(HelpInvitation.request_id).where(HelpInvitation.member_id == member_id, HelpInvitation.answer == "")
    found = _whole().where(HelpRequest.id.in_(asked), HelpRequest.status == OPEN)
    return session.scalars(found.order_by(HelpRequest.last_day, HelpRequest.id)).all()


def list_asked(session: Session, member_id: int, *, number: int = 1, size: int = 20) -> Page[HelpRequest]:
    """What a member asked for, or somebody for them: what runs first, newest first."""
    found = _whole().where(or_(HelpRequest.asked_by_id == member_id, HelpRequest.recipient_id == member_id))
    return _by_turn(session, found, number, size)


def list_taken(session: Session, member_id: int, *, number: int = 1, size: int = 20) -> Page[HelpRequest]:
    """What a member took: what runs first, newest first."""
    return _by_turn(session, _whole().where(HelpRequest.volunteer_id == member_id), number, size)


def _by_turn(session: Session, found: Select[HelpRequest], number: int, size: int) -> Page[HelpRequest]:
    over = case((HelpRequest.ended_at.is_(None), 0), else_=1)
    return read_page(session, found.order_by(over, HelpRequest.id.desc()), number=number, size=size)


Part = Literal["asked", "open", "running", "ended"]
_PARTS: dict[str, Any] = {
    "asked": HelpRequest.status == ASKED,
    "open": HelpRequest.status == OPEN,
    "running": HelpRequest.status == CLAIMED,
    "ended": or_(HelpRequest.status == DONE, HelpRequest.status.in_(UNSERVED)),
}


def page_desk(session: Session, branch_id: int, part: Part, *, number: int = 1, size: int = 20) -> Page[HelpRequest]:
    """A part of a branch's requests: those that still run by their last day, those that ended newest first."""
    found = _whole().where(and_(HelpRequest.branch_id == branch_id, _PARTS[part]))
    ordered = (
        found.order_by(HelpRequest.ended_at.desc(), HelpRequest.id.desc())
        if part == "ended"
        else found.order_by(HelpRequest.last_day, HelpRequest.id)
    )
    return read_page(session, ordered, number=number, size=size)


def _whole() -> Select[HelpRequest]:
    return select(HelpRequest).options(
        joinedload(HelpRequest.branch),
        joinedload(HelpRequest.recipient),
        joinedload(HelpRequest.asked_by),
        joinedload(HelpRequest.coordinator),
        joinedload(HelpRequest.volunteer),
        joinedload(HelpRequest.shift),
    )
