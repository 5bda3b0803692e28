"""Families: asked for by one and confirmed by the other, or made by staff for people who cannot do it themselves."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, Invalid, NotAllowed
from timebank.members.models import ACTIVE, FAMILY, GUARDIAN_OF, FamilyLink, Member
from timebank.members.queries import count_asked, find_member_by_number, find_open_link, get_family_link, get_member
from timebank.members.queries.people import require_active
from timebank.members.rules import ADULT, age_on, is_minor

MOST_ASKED = 10


class RelativeNotFound(Invalid):
    """Nobody has this number; names are not looked up, so that nobody can search for people here."""

    code = "members.relative_not_found"
    text = "没有找到这个会员号。会员号在成长卡上，以 HL 开头。"

    def __init__(self) -> None:
        super().__init__(fields={"number": self.text})


class LinkedAlready(Conflict):
    """The two are linked in another way."""

    code = "members.linked_already"
    text = "你们已经是{word}关系了。要改的话，请先解除，再重新登记。"


class TooManyAsked(Conflict):
    """Numbers are counted up; nobody may try them one after the other."""

    code = "members.too_many_asked"
    text = "已经有 {most} 位还没有确认。请等对方确认，或者先撤掉几个。"


class NotAMinor(Conflict):
    """Guardians are recorded for people under 18 whose birthday is known."""

    code = "members.not_a_minor"
    text = "{name}没有登记出生日期，或者已满 18 周岁，不用登记监护人。成年人请登记为“家人”。"


class NotYours(NotAllowed):
    """Only the other one may confirm."""

    code = "members.not_yours_to_confirm"
    text = "要由对方来确认。对方不用手机的，可以一起到网点，请工作人员登记。"


def ask_family(session: Session, number: str, *, actor: Actor, now: datetime) -> FamilyLink:
    """Ask somebody, by member number, to be family; nothing holds until they confirm. Asking twice is calm.

    Who was asked by the other and asks back has confirmed. What is told of a number is the same whether nobody has it
    or somebody who may not act. Raises RelativeNotFound, LinkedAlready, TooManyAsked.
    """
    actor.require("family.own", owner_id=actor.member_id)
    member_id = actor.member_id or 0
    relative = find_member_by_number(session, number)
    if relative is None or relative.id == member_id or relative.status != ACTIVE:
        raise RelativeNotFound()
    known = _known(session, member_id, relative.id, FAMILY)
    if known is None:
        if count_asked(session, member_id) >= MOST_ASKED:
            raise TooManyAsked(most=MOST_ASKED)
        return _add(session, member_id, relative.id, FAMILY, actor=actor, now=now)
    if known.asked_by_id != member_id and known.confirmed_at is None:
        return _confirm(session, known, actor, now)
    return known


def confirm_family(session: Session, link_id: int, *, actor: Actor, now: datetime) -> FamilyLink:
    """Say yes to who asked. Confirming twice is calm. Raises FamilyLinkNotFound, NotYours."""
    link = _own(session, link_id, actor)
    if link.confirmed_at is not None:
        return link
    if link.asked_by_id == actor.member_id:
        raise NotYours()
    return _confirm(session, link, actor, now)


def end_family(session: Session, link_id: int, *, actor: Actor, now: datetime) -> FamilyLink:
    """End a link, or say no; either of the two may, and staff. A guardian of a minor only staff end.

    Ending twice is calm.
    """
    link = get_family_link(session, link_id, lock=True)
    own = actor.member_id in {link.member_id, link.relative_id}
    if own and (link.kind == FAMILY or not is_minor(link.relative.born_on, clock.today(now))):
        actor.require("family.own", owner_id=actor.member_id)
    else:
        places = [get_member(session, one).branch_id for one in (link.relative_id, link.member_id)]
        if not any(actor.may("family.change", branch_id=place) for place in places):
            raise NotAllowed(permission="family.change")
    if link.ended_at is None:
        link.ended_at, link.ended_by_id = now, actor.member_id
        session.flush()
    return link


def link_by_staff(
    session: Session, member_id: int, number: str, *, kind: str, actor: Actor, now: datetime
) -> FamilyLink:
    """Record family, or a guardian (``number``) of a minor (``member_id``), that staff have seen proof of.

    It counts as confirmed, except family at a branch that is not the actor's: who is there is asked. Nobody records
    what they are a part of. Repeating is calm. Raises RelativeNotFound, NotAMinor, LinkedAlready, NotAllowed.
    """
    member = get_member(session, member_id)
    actor.require("family.change", branch_id=member.branch_id)
    other = find_member_by_number(session, number)
    if other is None or other.id == member.id:
        raise RelativeNotFound()
    require_active(other)
    if actor.member_id in {member.id, other.id}:
        raise NotAllowed(permission="family.change")
    if kind == FAMILY and not actor.may("family.change", branch_id=other.branch_id):
        known = _known(session, member.id, other.id, FAMILY)
        return known or _add(session, member.id, other.id, FAMILY, actor=actor, now=now, asked_by_id=member.id)
    if kind == GUARDIAN_OF:
        _check_minor(member, now)
        if not is_adult(other, now):
            raise Invalid(fields={"number": "监护人要满 18 周岁，请先登记这位的出生日期。"})
    known = _known(session, other.id, member.id, kind)
    if known is None:
        known = _add(session, other.id, member.id, kind, actor=actor, now=now)
    return known if known.confirmed_at else _confirm(session, known, actor, now)


def is_adult(member: Member, now: datetime) -> bool:
    """Whether somebody is known to be of age."""
    return member.born_on is not None and age_on(member.born_on, clock.today(now)) >= ADULT


def _check_minor(member: Member, now: datetime) -> None:
    if not is_minor(member.born_on, clock.today(now)):
        raise NotAMinor(name=member.name)


def _own(session: Session, link_id: int, actor: Actor) -> FamilyLink:
    link = get_family_link(session, link_id, lock=True)
    if actor.member_id not in {link.member_id, link.relative_id}:
        raise NotAllowed(permission="family.own")
    actor.require("family.own", owner_id=actor.member_id)
    if link.ended_at is not None:
        raise Conflict()
    return link


def _known(session: Session, member_id: int, relative_id: int, kind: str) -> FamilyLink | None:
    low, high = sorted((member_id, relative_id))
    lock_name(session, f"family:{low}:{high}")  # each may ask the other at the same time
    known = find_open_link(session, member_id, relative_id)
    if known is not None and (known.kind != kind or (kind == GUARDIAN_OF and known.member_id != member_id)):
        raise LinkedAlready(word="家人" if known.kind == FAMILY else "监护")
    return known


def _add(  # noqa: PLR0913 - the parts of one row
    session: Session,
    member_id: int,
    relative_id: int,
    kind: str,
    *,
    actor: Actor,
    now: datetime,
    asked_by_id: int | None = None,
) -> FamilyLink:
    if actor.member_id is None:
        raise NotAllowed(permission="family.change")
    asker = asked_by_id or actor.member_id
    link = FamilyLink(member_id=member_id, relative_id=relative_id, kind=kind, asked_at=now, asked_by_id=asker)
    session.add(link)
    session.flush()
    return link


def _confirm(session: Session, link: FamilyLink, actor: Actor, now: datetime) -> FamilyLink:
    link.confirmed_at, link.confirmed_by_id = now, actor.member_id
    session.flush()
    return link
