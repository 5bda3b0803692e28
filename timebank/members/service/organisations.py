"""单位: registering one, changing what is known about it, closing it; who its people are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from timebank.branches.queries import get_area, get_branch
from timebank.core.actor import Actor
from timebank.core.db import insert_once, lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.core.keys import Keys
from timebank.members.models import (
    ORGANISATION_KINDS,
    ORGANISATION_ROLES,
    Organisation,
    OrganisationAccess,
    OrganisationMember,
)
from timebank.members.queries import (
    find_member_by_number,
    find_organisation_by_key,
    find_organisation_of,
    get_organisation,
)
from timebank.members.queries.organisations import PHONE_PURPOSE, contact_phone
from timebank.members.queries.people import require_active
from timebank.members.rules import tidy_phone
from timebank.members.rules.credit_codes import read_credit_code


class OrganisationTaken(Conflict):
    """The branch knows an organisation of this name or code."""

    code = "members.organisation_taken"
    text = "本网点已经登记过这个名称或这个统一社会信用代码的单位，不用再登记。已经退出的，可以在它的页面上恢复。"


class OrganisationClosed(Conflict):
    """It is no longer with the branch."""

    code = "members.organisation_closed"
    text = "“{name}”已经退出，不能办这一步。需要的话先恢复。"


class NoSuchPerson(Conflict):
    """Nobody of the branch has this number."""

    code = "members.no_such_person"
    text = "本网点没有这个会员号的会员，请核对。"


class InAnotherOrganisation(Conflict):
    """A person belongs to one organisation at a time."""

    code = "members.in_another_organisation"
    text = "{name}现在登记在“{other}”。请先在那边移出，再加入这里。"


class NoContactPhone(Invalid):
    """There is nothing to look at."""

    code = "members.no_contact_phone"
    text = "这家单位没有登记联系电话。"


@dataclass(frozen=True, kw_only=True)
class OrganisationFacts:
    """What is known about an organisation, as typed. ``contact_phone=None`` leaves the phone as it is."""

    name: str
    kind: str
    credit_code: str = ""
    contact_name: str = ""
    contact_phone: str | None = None
    area_id: int | None = None
    address: str = ""
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class OrganisationDraft(OrganisationFacts):
    """An organisation about to be taken in by a branch; the form's key makes a repeat harmless."""

    branch_id: int
    form_key: str


def register_organisation(
    session: Session, draft: OrganisationDraft, *, actor: Actor, keys: Keys, now: datetime
) -> Organisation:
    """Take an organisation in. The same form again finds the first.

    Raises NotAllowed, Invalid, BadCreditCode, BadPhone, FormUsed, OrganisationTaken.
    """
    actor.require("organisation.change", branch_id=draft.branch_id)
    get_branch(session, draft.branch_id)
    lock_name(session, f"organisation:{draft.form_key}")  # the same form may be sent twice at once
    columns = _columns(session, draft, keys)
    first = find_organisation_by_key(session, draft.form_key)
    if first is not None:
        if first.branch_id != draft.branch_id or any(getattr(first, name) != columns[name] for name in _SAME):
            raise FormUsed()
        return first
    values = columns | {
        "branch_id": draft.branch_id,
        "joined_at": now,
        "registered_by_id": actor.member_id,
        "closed_reason": "",
        "form_key": draft.form_key,
    }
    added = session.scalar(insert_once(session, Organisation).values(**values).returning(Organisation.id))
    if added is None:
        raise OrganisationTaken()
    return get_organisation(session, added)


def change_organisation(
    session: Session, organisation_id: int, facts: OrganisationFacts, *, actor: Actor, keys: Keys
) -> Organisation:
    """Correct what is known about an organisation. Raises like ``register_organisation``, and OrganisationClosed."""
    organisation = _open(session, organisation_id, actor)
    columns = _columns(session, facts, keys)
    try:
        with session.begin_nested():
            session.execute(update(Organisation).where(Organisation.id == organisation.id).values(**columns))
    except IntegrityError as taken:
        raise OrganisationTaken() from taken
    session.refresh(organisation)
    return organisation


_SAME = ("name", "kind", "credit_code", "contact_name", "area_id", "address", "words")


def _columns(session: Session, facts: OrganisationFacts, keys: Keys) -> dict[str, Any]:
    faults = {}
    name = " ".join(facts.name.split())
    if len(name) < 2:
        faults["name"] = "请填写单位全称，至少 2 个字。"
    if facts.kind not in ORGANISATION_KINDS:
        faults["kind"] = "请从列出的类型里选一种。"
    if faults:
        raise Invalid(fields=faults)
    if facts.area_id is not None:
        get_area(session, facts.area_id)
    columns: dict[str, Any] = {
        "name": name,
        "kind": facts.kind,
        "credit_code": read_credit_code(facts.credit_code) or None,
        "contact_name": facts.contact_name.strip(),
        "area_id": facts.area_id,
        "address": facts.address.strip(),
        "words": facts.words.strip(),
    }
    if facts.contact_phone is not None:
        try:
            phone = tidy_phone(facts.contact_phone)
        except Invalid as bad:
            raise Invalid(fields={"contact_phone": bad.message}) from bad
        columns["contact_phone_sealed"] = keys.encrypt(PHONE_PURPOSE, phone) if phone else None
    return columns


def close_organisation(
    session: Session, organisation_id: int, *, reason: str, actor: Actor, now: datetime
) -> Organisation:
    """Let an organisation leave; its people belong to it no longer. A repeat changes nothing. Raises Invalid."""
    organisation = get_organisation(session, organisation_id, lock=True)
    actor.require("organisation.change", branch_id=organisation.branch_id)
    if organisation.closed_at is not None:
        return organisation
    if not reason.strip():
        raise Invalid(fields={"reason": "请写明原因。"})
    organisation.closed_at, organisation.closed_reason = now, reason.strip()
    session.execute(
        update(OrganisationMember)
        .where(OrganisationMember.organisation_id == organisation.id, OrganisationMember.left_at.is_(None))
        .values(left_at=now, left_by_id=actor.member_id)
        .execution_options(synchronize_session="fetch")
    )
    session.flush()
    return organisation


def reopen_organisation(session: Session, organisation_id: int, *, actor: Actor) -> Organisation:
    """Take an organisation in again that had left; its people join anew. A repeat changes nothing."""
    organisation = get_organisation(session, organisation_id, lock=True)
    actor.require("organisation.change", branch_id=organisation.branch_id)
    organisation.closed_at, organisation.closed_reason = None, ""
    session.flush()
    return organisation


def join_organisation(
    session: Session, organisation_id: int, number: str, role: str, *, actor: Actor, now: datetime
) -> OrganisationMember:
    """Say that a member of the branch belongs to an organisation, and as what. Who belongs already gets the role.

    Raises NotAllowed, OrganisationClosed, Invalid, NoSuchPerson, MemberNotActive, InAnotherOrganisation.
    """
    organisation = _open(session, organisation_id, actor)
    if role not in ORGANISATION_ROLES:
        raise Invalid(fields={"role": "请选择是联系人还是职工。"})
    member = find_member_by_number(session, number)
    if member is None or member.branch_id != organisation.branch_id:
        raise NoSuchPerson()
    require_active(member)
    lock_name(session, f"organisation_member:{member.id}")
    belongs = find_organisation_of(session, member.id)
    if belongs is None:
        belongs = OrganisationMember(
            organisation_id=organisation.id,
            member_id=member.id,
            role=role,
            joined_at=now,
            joined_by_id=actor.member_id,
        )
        session.add(belongs)
    elif belongs.organisation_id != organisation.id:
        raise InAnotherOrganisation(name=member.name, other=belongs.organisation.name)
    belongs.role = role
    session.flush()
    return belongs


def leave_organisation(session: Session, organisation_id: int, member_id: int, *, actor: Actor, now: datetime) -> None:
    """Let a person belong to an organisation no longer; what they served meanwhile stays. A repeat changes nothing."""
    organisation = get_organisation(session, organisation_id)
    actor.require("organisation.change", branch_id=organisation.branch_id)
    belongs = session.scalars(
        select(OrganisationMember).where(
            OrganisationMember.organisation_id == organisation.id,
            OrganisationMember.member_id == member_id,
            OrganisationMember.left_at.is_(None),
        )
    ).one_or_none()
    if belongs is not None:
        belongs.left_at, belongs.left_by_id = now, actor.member_id
        session.flush()


def see_contact(session: Session, organisation_id: int, *, reason: str, actor: Actor, keys: Keys, now: datetime) -> str:
    """The contact's whole phone number, after writing down who looks at it and why. Raises NoContactPhone, Invalid."""
    organisation = get_organisation(session, organisation_id)
    actor.require("organisation.change", branch_id=organisation.branch_id)
    if not reason.strip():
        raise Invalid(fields={"reason": "请写明原因。"})
    phone = contact_phone(organisation, keys)
    if not phone:
        raise NoContactPhone()
    looked = OrganisationAccess(
        organisation_id=organisation.id, seen_by_id=actor.member_id, reason=reason.strip(), at=now
    )
    session.add(looked)
    session.flush()
    return phone


def _open(session: Session, organisation_id: int, actor: Actor) -> Organisation:
    organisation = get_organisation(session, organisation_id, lock=True)
    actor.require("organisation.change", branch_id=organisation.branch_id)
    if organisation.closed_at is not None:
        raise OrganisationClosed(name=organisation.name)
    return organisation
