"""Cards, and the person a scanned or typed personal code belongs to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys
from timebank.core.paging import batched
from timebank.members.models import ACTIVE, Card, Member
from timebank.members.queries.people import require_active
from timebank.members.rules import CardCodes, card_codes, read_personal_code, read_personal_pass
from timebank.members.rules.codes import PERSONAL_PURPOSE, is_personal_code, tidy_code
from timebank.members.rules.passes import SCANNED_PURPOSE, is_personal_pass
from timebank.rotation.models import PERSONAL
from timebank.rotation.queries import generation_in_use, list_generations
from timebank.rotation.rules import accepted


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


class CodeReplaced(Conflict):
    """The card counts, but its code was made with a generation of the key that is over."""

    code = "members.code_replaced"
    text = "这张卡的码已经换代，不能再用。请会员到手机上“我的成长卡”看新码，或者请网点重新打印一张。"


def find_card(session: Session, member_id: int) -> Card | None:
    """The person's valid card."""
    valid = select(Card).where(Card.member_id == member_id, Card.revoked_at.is_(None))
    return session.scalars(valid).one_or_none()


def find_cards(session: Session, member_ids: Sequence[int]) -> dict[int, Card]:
    """The valid cards of these people."""
    valid = select(Card).where(Card.revoked_at.is_(None))
    found = (session.scalars(valid.where(Card.member_id.in_(some))) for some in batched(member_ids))
    return {card.member_id: card for cards in found for card in cards}


def find_member_by_code(session: Session, keys: Keys, text: str, *, at: datetime) -> Member:
    """The active person whose personal code was typed, or whose pass was scanned at an instant (also: the whole link).

    Raises BadPersonalCode for codes mistyped, forged or of another purpose, CodeReplaced, CardRevoked, MemberNotActive.
    """
    found = get_card_by_code(session, keys, text, at=at)
    if found.revoked_at is not None:
        raise CardRevoked()
    require_active(found.member)
    return found.member


def get_card_by_code(session: Session, keys: Keys, text: str, *, at: datetime) -> Card:
    """The card whose code was typed or scanned at an instant, with its person, taken back or not.

    Raises BadPersonalCode, CodeReplaced.
    """
    serial = _read_serial(session, keys, text, at)
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


def _read_serial(session: Session, keys: Keys, text: str, at: datetime) -> str:
    code = tidy_code(text)
    read = read_personal_pass if is_personal_pass(code) else read_personal_code
    known = list_generations(session, PERSONAL)
    serial = read(keys, code, accepted(known, at))
    if serial is not None:
        return serial
    if read(keys, code, known) is not None:
        raise CodeReplaced()
    raise BadPersonalCode(why=_why_unread(code))


def show_codes(session: Session, keys: Keys, card: Card) -> CardCodes:
    """What to show or print for a card now, made with the generation in use."""
    return card_codes(keys, card.serial, generation_in_use(session, PERSONAL))


def show_many_codes(session: Session, keys: Keys, cards: Collection[Card]) -> dict[int, CardCodes]:
    """``show_codes`` of many cards, by their ids."""
    generation = generation_in_use(session, PERSONAL)
    return {card.id: card_codes(keys, card.serial, generation) for card in cards}


def count_valid_cards(session: Session) -> int:
    """How many cards count, everywhere."""
    return session.scalar(select(func.count()).select_from(Card).where(Card.revoked_at.is_(None))) or 0


def list_revoked_serials(
    session: Session, *, branch_id: int, member_ids: Collection[int] = (), since: datetime | None
) -> list[str]:
    """Cards that an offline device must not take: of a branch's people and of those named, revoked or of who is not
    active, in order.

    ``since`` is when the oldest generation that counts began (``rotation.rules.accepted_since``): a card revoked before
    never carried a code of it, so the list stays as short as rotation keeps it. Eight bytes a card.
    """
    lost = Card.revoked_at.is_not(None) if since is None else Card.revoked_at >= since
    within = or_(Member.branch_id == branch_id, Member.id.in_(member_ids))
    chosen = select(Card.serial).join(Member, Member.id == Card.member_id).where(within)
    return sorted(session.scalars(chosen.where(or_(lost, and_(Card.revoked_at.is_(None), Member.status != ACTIVE)))))


def _why_unread(code: str) -> str:
    if not code:
        return "请扫描或输入成长卡上的个人码。"
    if is_personal_code(code) or is_personal_pass(code):
        return "这个个人码不是本系统发出的，不能使用。"
    if code.startswith(PERSONAL_PURPOSE):
        return "个人码输错了：一共 16 位，请对照成长卡逐位核对。"
    if code.startswith(SCANNED_PURPOSE):
        return "个人码没有扫完整。请把成长卡放平再扫一次，或者输入码下面的 16 位字母和数字。"
    return "这不是个人码。请让会员打开“我的成长卡”，扫上面的码。"
