"""Cards, and the person a scanned or typed personal code belongs to."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys
from timebank.members.models import Card, Member
from timebank.members.queries.people import require_active
from timebank.members.rules import read_personal_code
from timebank.members.rules.codes import is_personal_code, tidy_code


class BadPersonalCode(Invalid):
    """Not a personal code, mistyped, or not made here."""

    code = "members.bad_personal_code"
    text = "{why}"

    def __init__(self, *, why: str, field: str = "code") -> None:
        super().__init__(fields={field: why}, why=why)


class CardRevoked(Conflict):
    """The card was replaced or taken back; its code no longer counts."""

    code = "members.card_revoked"
    text = "这张成长卡已经作废，请用会员手机上“我的成长卡”里的新码。"


def find_card(session: Session, member_id: int) -> Card | None:
    """The person's valid card."""
    valid = select(Card).where(Card.member_id == member_id, Card.revoked_at.is_(None))
    return session.scalars(valid).one_or_none()


def find_member_by_code(session: Session, keys: Keys, text: str) -> Member:
    """The active person whose personal code was typed or scanned (the code, or the whole link).

    Raises BadPersonalCode for codes mistyped, forged or of another purpose, CardRevoked, MemberNotActive.
    """
    found = get_card_by_code(session, keys, text)
    if found.revoked_at is not None:
        raise CardRevoked()
    require_active(found.member)
    return found.member


def get_card_by_code(session: Session, keys: Keys, text: str) -> Card:
    """The card that was typed or scanned, with its person; taken back or not. Raises BadPersonalCode."""
    serial = read_personal_code(keys, text)
    if serial is None:
        raise BadPersonalCode(why=_why_unread(tidy_code(text)))
    found = session.scalars(select(Card).options(joinedload(Card.member)).where(Card.serial == serial)).one_or_none()
    if found is None:
        raise BadPersonalCode(why="没有找到这张成长卡。请核对，或者改用会员号查找。")
    return found


def list_cards(session: Session, member_ids: Collection[int]) -> dict[int, str]:
    """The serials of these people's valid cards."""
    rows = session.execute(
        select(Card.member_id, Card.serial).where(Card.member_id.in_(member_ids), Card.revoked_at.is_(None))
    )
    return {row.member_id: row.serial for row in rows}


def list_revoked_serials(session: Session, *, branch_id: int, member_ids: Collection[int]) -> list[str]:
    """The cards taken back from a branch's people, and from those named."""
    rows = session.scalars(
        select(Card.serial)
        .join(Member, Member.id == Card.member_id)
        .where(Card.revoked_at.is_not(None), or_(Member.branch_id == branch_id, Member.id.in_(member_ids)))
        .order_by(Card.id)
    )
    return list(rows)


def _why_unread(code: str) -> str:
    if not code:
        return "请扫描或输入成长卡上的个人码。"
    if is_personal_code(code):
        return "这个个人码不是本系统发出的，不能使用。"
    if code.startswith("P1"):
        return "个人码输错了：一共 16 位，请对照成长卡逐位核对。"
    return "这不是个人码。请让会员打开“我的成长卡”，扫上面的码。"
