"""One person, and lists of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.core.errors import Conflict, NotFound
from timebank.core.keys import Keys
from timebank.core.paging import Page, read_page
from timebank.members.models import ACTIVE, DECLINED, PENDING, STATUS_NAMES, STATUSES, Member
from timebank.members.rules import BadPhone, read_member_number, tidy_phone

_TAIL_DIGITS = 4


class MemberNotFound(NotFound):
    """No such person, or not for this actor."""

    code = "members.member_not_found"
    text = "没有找到这位会员。"


class MemberNotActive(Conflict):
    """The person is known, but may not act or be chosen now."""

    code = "members.member_not_active"
    text = "{name}现在的状态是“{status}”，不能办这一步。请先到网点处理。"


@dataclass(frozen=True, kw_only=True)
class MemberFilter:
    """What a list of people is narrowed to. ``text``: part of a name, a member number, a phone or its last digits."""

    text: str = ""
    status: str = ""
    team_id: int | None = None


def get_member(session: Session, member_id: int, *, lock: bool = False) -> Member:
    """The person; with ``lock``, kept from changing until the transaction ends. Raises MemberNotFound."""
    member = session.get(Member, member_id, with_for_update={"key_share": True} if lock else None)
    if member is None:
        raise MemberNotFound()
    return member


def get_active_member(session: Session, member_id: int) -> Member:
    """The person, if they may act and be chosen. Raises MemberNotFound, MemberNotActive."""
    member = get_member(session, member_id)
    require_active(member)
    return member


def require_active(member: Member) -> None:
    """Refuse a person who may not act now. Raises MemberNotActive."""
    if member.status != ACTIVE:
        raise MemberNotActive(name=member.alias, status=STATUS_NAMES[member.status])


def find_member_by_number(session: Session, typed: str) -> Member | None:
    """The person with the member number somebody typed, with or without HL."""
    number = read_member_number(typed)
    return session.scalars(select(Member).where(Member.number == number)).one_or_none() if number else None


def list_candidates(session: Session, keys: Keys, login: str) -> list[Member]:
    """The people a sign-in name may mean: one by number, or all who share a phone (a family), oldest first."""
    member = find_member_by_number(session, login)
    if member is not None:
        return [member]
    try:
        phone = tidy_phone(login)
    except BadPhone:
        return []
    if not phone:
        return []
    same = select(Member).where(Member.phone_index == keys.index("phone", phone)).order_by(Member.id)
    return list(session.scalars(same.limit(_MOST_ON_ONE_PHONE)))


_MOST_ON_ONE_PHONE = 8


def find_twin(session: Session, keys: Keys, *, name: str, phone: str) -> Member | None:
    """Somebody with the same name under the same phone (both tidied), whom nobody has turned down."""
    if not phone:
        return None
    same = select(Member).where(
        Member.phone_index == keys.index("phone", phone), Member.name == name, Member.status != DECLINED
    )
    return session.scalars(same.order_by(Member.id).limit(1)).first()


def list_members(
    session: Session, *, branch_id: int, chosen: MemberFilter, keys: Keys, number: int, size: int = 30
) -> Page[Member]:
    """One page of a branch's people, those who wait first, then by name."""
    statement: Select[Any] = select(Member).where(Member.branch_id == branch_id)
    if chosen.status:
        statement = statement.where(Member.status == chosen.status)
    if chosen.text:
        statement = _matching(statement, chosen.text, keys)
    statement = statement.order_by(Member.status != PENDING, Member.name, Member.id)
    return read_page(session, statement, number=number, size=size)


def _matching(statement: Select[Any], text: str, keys: Keys) -> Select[Any]:
    ways = [Member.name.contains(text, autoescape=True), Member.alias.contains(text, autoescape=True)]
    number = read_member_number(text)
    if number:
        ways.append(Member.number == number)
    elif text.isascii() and text.isalnum():
        ways.append(Member.number.startswith(text.upper(), autoescape=True))
    if len(text) == _TAIL_DIGITS and text.isascii() and text.isdigit():
        ways.append(Member.phone_tail == text)
    try:
        phone = tidy_phone(text)
    except BadPhone:
        phone = ""
    if phone:
        ways.append(Member.phone_index == keys.index("phone", phone))
    return statement.where(or_(*ways))


def list_active_members(session: Session, *, branch_id: int, limit: int = 2000) -> list[Member]:
    """Everybody of a branch who may be chosen, by name: what pick lists show."""
    statement = select(Member).where(Member.branch_id == branch_id, Member.status == ACTIVE)
    return list(session.scalars(statement.order_by(Member.name, Member.id).limit(limit)))


def list_names(session: Session, member_ids: Collection[int]) -> dict[int, Member]:
    """The people under these ids, for pages that show who did what."""
    if not member_ids:
        return {}
    found = session.scalars(select(Member).options(joinedload(Member.branch)).where(Member.id.in_(member_ids)))
    return {member.id: member for member in found}


def count_by_status(session: Session, branch_id: int) -> dict[str, int]:
    """How many people of a branch are in each status, none included."""
    counted = (
        select(Member.status, func.count().label("people")).where(Member.branch_id == branch_id).group_by(Member.status)
    )
    return dict.fromkeys(STATUSES, 0) | {row.status: row.people for row in session.execute(counted)}


def count_pending(session: Session, branch_ids: Collection[int] | None) -> int:
    """How many people wait for approval at these branches (None: everywhere)."""
    statement = select(func.count()).select_from(Member).where(Member.status == PENDING)
    if branch_ids is not None:
        statement = statement.where(Member.branch_id.in_(branch_ids))
    return session.scalar(statement) or 0
