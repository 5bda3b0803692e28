"""Whom staff mean when they sign somebody up at the desk."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from timebank.core.errors import Invalid
from timebank.core.keys import Keys
from timebank.members.models import ACTIVE, Member
from timebank.members.queries import (
    BadPersonalCode,
    CardRevoked,
    CodeReplaced,
    find_member_by_code,
    find_member_by_number,
)


class PersonNotFound(Invalid):
    """Neither a member number, nor a personal code, nor one single name."""

    code = "activities.person_not_found"
    text = "没有找到这个人。"


def find_person(session: Session, keys: Keys, typed: str, *, branch_id: int, at: datetime) -> Member:
    """The member meant by a number, a personal code, or a name that only one active member of the branch bears.

    Raises PersonNotFound tied to the field ``who``.
    """
    found = find_member_by_number(session, typed)
    if found is not None:
        return found
    named = or_(Member.name == typed, Member.alias == typed)
    namesakes = session.scalars(
        select(Member).where(Member.branch_id == branch_id, Member.status == ACTIVE, named).limit(2)
    ).all()
    if len(namesakes) == 1:
        return namesakes[0]
    if namesakes:
        raise PersonNotFound(fields={"who": f"叫“{typed}”的不止一位，请输入会员号。"})
    try:
        return find_member_by_code(session, keys, typed, at=at)
    except CodeReplaced as replaced:
        raise PersonNotFound(fields={"who": replaced.message}) from replaced
    except (BadPersonalCode, CardRevoked) as unread:
        raise PersonNotFound(fields={"who": "没有找到这个人。请输入会员号、成长卡上的码，或者完整姓名。"}) from unread
