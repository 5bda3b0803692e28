"""Changing what is known about a person, and looking at what is sealed, with a record of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from timebank.branches.queries import get_area
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import Invalid
from timebank.core.keys import Keys
from timebank.members.models import DOCUMENT_SEEN, UNVERIFIED, Consent, Member, MemberAccess
from timebank.members.queries import get_member
from timebank.members.queries.people import require_active
from timebank.members.queries.private import SEALED_FIELDS, who_is_named
from timebank.members.rules import CONSENT_VERSION, IDENTITY, NAMED, alias_for, read_id_number, tidy_name, tidy_phone
from timebank.members.rules.people import is_possible_birthday
from timebank.members.service.authority import require_outranked
from timebank.members.service.registration import (
    BadBirthday,
    IdNumberTaken,
    NoIdentityConsent,
    id_number_columns,
    phone_columns,
)


class NothingSealed(Invalid):
    """There is nothing to look at."""

    code = "members.nothing_sealed"
    text = "这一项没有登记，没有内容可看。"


@dataclass(frozen=True, kw_only=True)
class Document:
    """An ID number as staff read it from the document, and whether its holder agreed to storing it."""

    number: str
    consented: bool


@dataclass(frozen=True, kw_only=True)
class ProfileChange:
    """What a person may change about themselves; ``phone=None`` leaves the phone as it is."""

    alias: str = ""
    phone: str | None = None
    area_id: int | None = None
    skills: str = ""
    free_times: str = ""


@dataclass(frozen=True, kw_only=True)
class MemberChange(ProfileChange):
    """What staff may correct besides."""

    name: str
    sex: str | None = None
    born_on: date | None = None


def change_profile(session: Session, change: ProfileChange, *, actor: Actor, keys: Keys) -> Member:
    """Change one's own contact, skills and free times. Raises BadPhone."""
    actor.require("me.change", owner_id=actor.member_id)
    member = get_member(session, actor.member_id or 0, lock=True)
    _apply(session, member, change, keys)
    return member


def change_member(
    session: Session,
    member_id: int,
    change: MemberChange,
    *,
    actor: Actor,
    keys: Keys,
    now: datetime,
) -> Member:
    """Correct what the branch knows about a person. Raises BadName, BadPhone, BadBirthday, OutOfReach."""
    member = get_member(session, member_id, lock=True)
    actor.require("member.change", branch_id=member.branch_id)
    require_outranked(session, member, actor)
    if change.born_on is not None and not is_possible_birthday(change.born_on, clock.today(now)):
        raise BadBirthday()
    member.name = tidy_name(change.name)
    if not member.id_number_sealed:  # what the document says is not for typing over
        member.sex, member.born_on = change.sex, change.born_on
    _apply(session, member, change, keys)
    return member


def _apply(session: Session, member: Member, change: ProfileChange, keys: Keys) -> None:
    if change.area_id is not None:
        get_area(session, change.area_id)
    member.alias = change.alias or alias_for(member.name, member.sex)
    member.area_id = change.area_id
    member.skills, member.free_times = change.skills, change.free_times
    if change.phone is not None:
        for column, value in phone_columns(tidy_phone(change.phone), keys).items():
            setattr(member, column, value)
    session.flush()


def record_identity(
    session: Session, member_id: int, document: Document, *, actor: Actor, keys: Keys, now: datetime
) -> Member:
    """Store the ID number of a person whose document staff have seen, with the separate consent it needs.

    Sex and birth date follow from it. Raises BadIdNumber, NoIdentityConsent, IdNumberTaken.
    """
    member = get_member(session, member_id, lock=True)
    actor.require("member.change", branch_id=member.branch_id)
    require_active(member)
    read = read_id_number(document.number, today=clock.today(now), sex=member.sex, born_on=member.born_on)
    if not document.consented:
        raise NoIdentityConsent()
    columns: dict[str, Any] = {
        "sex": read.sex,
        "born_on": read.born_on,
        "identity_state": DOCUMENT_SEEN,
        **id_number_columns(read.number, keys),
    }
    try:
        with session.begin_nested():
            session.execute(update(Member).where(Member.id == member.id).values(**columns))
    except IntegrityError as taken:
        raise IdNumberTaken() from taken
    session.refresh(member)
    session.add(
        Consent(
            member_id=member.id,
            kind=IDENTITY,
            text_version=CONSENT_VERSION,
            given_at=now,
            recorded_by_id=actor.member_id,
        )
    )
    session.flush()
    return member


def remove_identity(session: Session, *, actor: Actor, now: datetime) -> Member:
    """Withdraw the consent to one's ID number: the number is wiped; what was done under it stays."""
    actor.require("me.change", owner_id=actor.member_id)
    member = get_member(session, actor.member_id or 0, lock=True)
    member.id_number_sealed = member.id_number_index = None
    member.identity_state = UNVERIFIED
    _withdraw(session, member.id, IDENTITY, now)
    session.flush()
    return member


def let_be_named(session: Session, *, named: bool, actor: Actor, now: datetime) -> None:
    """Agree to be named in lists that other members see, or take that back. A repeat changes nothing."""
    actor.require("me.change", owner_id=actor.member_id)
    member = get_member(session, actor.member_id or 0, lock=True)
    if named == bool(who_is_named(session, [member.id])):
        return
    if named:
        session.add(Consent(member_id=member.id, kind=NAMED, text_version=CONSENT_VERSION, given_at=now))
        session.flush()
    else:
        _withdraw(session, member.id, NAMED, now)


def _withdraw(session: Session, member_id: int, kind: str, now: datetime) -> None:
    given = update(Consent).where(Consent.member_id == member_id, Consent.kind == kind, Consent.withdrawn_at.is_(None))
    session.execute(given.values(withdrawn_at=now))


def unmask(session: Session, member_id: int, field: str, *, reason: str, actor: Actor, now: datetime) -> Member:
    """Write down who looks at a sealed field of whom, and why; only then may it be opened (``queries.open_field``).

    Raises NotAllowed, NothingSealed.
    """
    member = get_member(session, member_id)
    actor.require("member.unmask", branch_id=member.branch_id)
    if field not in SEALED_FIELDS or not getattr(member, f"{field}_sealed"):
        raise NothingSealed()
    session.add(MemberAccess(member_id=member.id, seen_by_id=actor.member_id, field=field, reason=reason, at=now))
    session.flush()
    return member
