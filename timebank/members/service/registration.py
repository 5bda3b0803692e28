"""Becoming known to the bank: by oneself, through staff, or from a roster."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.queries import get_area, get_branch
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once, lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.core.keys import Keys
from timebank.members.models import DOCUMENT_SEEN, PENDING, SELF, STAFF, UNVERIFIED, Consent, Member
from timebank.members.queries import find_twin, get_member
from timebank.members.rules import (
    ADULT_ENOUGH,
    CONSENT_VERSION,
    GUARDIAN,
    IDENTITY,
    PERSONAL_DATA,
    IdNumber,
    age_on,
    alias_for,
    check_password,
    member_number,
    read_id_number,
    tidy_name,
    tidy_phone,
)
from timebank.members.rules.people import is_possible_birthday
from timebank.members.service.credentials import HashedSecret, set_password
from timebank.members.service.decisions import activate


class NoConsent(Invalid):
    """Nobody is registered without having agreed to the text in force."""

    code = "members.no_consent"
    text = "登记个人信息要先征得本人同意。请看过《个人信息告知同意书》，勾选同意后再提交。"

    def __init__(self) -> None:
        super().__init__(fields={"consent": self.text})


class NoIdentityConsent(Invalid):
    """An ID number is sensitive: it needs a consent of its own."""

    code = "members.no_identity_consent"
    text = "登记证件号要单独征得同意。请勾选，或者先不填证件号。"

    def __init__(self) -> None:
        super().__init__(fields={"identity_consent": self.text})


class ConsentOutdated(Conflict):
    """The text changed while the page was open."""

    code = "members.consent_outdated"
    text = "《个人信息告知同意书》刚刚更新了，请看过新的内容，再提交一次。"


class NeedsGuardian(Invalid):
    """A person under 14 is registered by staff, with a guardian."""

    code = "members.needs_guardian"
    text = "未满 {age} 周岁要由监护人带到网点，当面同意后由工作人员登记，不能自己在网上报名。"

    def __init__(self, *, by_staff: bool) -> None:
        super().__init__(age=ADULT_ENOUGH)
        asked = f"未满 {ADULT_ENOUGH} 周岁，请填写监护人姓名和电话，并请监护人当面同意。"
        self.fields = {"guardian": asked} if by_staff else {"born_on": self.message}


class BadBirthday(Invalid):
    """Not a day a living person can be born on."""

    code = "members.bad_birthday"
    text = "出生日期不对，请核对年份。"

    def __init__(self) -> None:
        super().__init__(fields={"born_on": self.text})


class IdNumberTaken(Conflict):
    """Somebody is registered under this ID number."""

    code = "members.id_number_taken"
    text = "这个证件号已经登记过，不用再登记。想不起会员号或密码，请带证件到网点，工作人员当面帮您找回。"


class AlreadyRegistered(Conflict):
    """Somebody of this name is registered under this phone."""

    code = "members.already_registered"
    text = "这个电话下已经有一位同名的会员，不用再登记。请直接登录；忘了密码，请到网点设一次性密码。"


@dataclass(frozen=True, kw_only=True)
class NewMember:
    """A person about to be registered, as typed. ``born_on`` and ``sex`` are filled in from an ID number."""

    name: str
    branch_id: int
    phone: str = ""
    alias: str = ""
    sex: str | None = None
    born_on: date | None = None
    id_number: str = ""
    document_seen: bool = False
    area_id: int | None = None
    skills: str = ""
    free_times: str = ""
    guardian: str = ""
    consents: frozenset[str] = frozenset()
    consent_version: str = CONSENT_VERSION
    source: str = STAFF


def register(
    session: Session, person: NewMember, *, password: HashedSecret, form_key: str, keys: Keys, now: datetime
) -> Member:
    """Register oneself; the branch approves later. A repeat of the form returns the first answer.

    Raises BadName, BadPhone, WeakPassword, BadIdNumber, BadBirthday, NoConsent, NoIdentityConsent, ConsentOutdated,
    NeedsGuardian, FormUsed, AlreadyRegistered, IdNumberTaken.
    """
    with _together() as read:
        person = _read_person(read, person, clock.today(now), phone_needed=True)
        read(check_password, password.text, phone=person.phone)
        read(_check_consents, person)
    if _is_child(person, clock.today(now)):
        raise NeedsGuardian(by_staff=False)
    member, is_new = _insert(session, replace(person, source=SELF), form_key=f"self:{form_key}", keys=keys, now=now)
    if is_new:
        _record_consents(session, member, person, recorded_by_id=None, now=now)
        set_password(session, member.id, password, now=now)
    return member


def register_by_staff(
    session: Session, person: NewMember, *, form_key: str, actor: Actor, keys: Keys, now: datetime
) -> Member:
    """Register a person who is here or on a roster, with consent given to staff, and approve at once.

    A repeat of the form returns the first answer. Raises like ``register``, but for the password.
    """
    actor.require("member.register", branch_id=person.branch_id)
    with _together() as read:
        person = _read_person(read, person, clock.today(now), phone_needed=False)
        read(_check_consents, person)
    if _is_child(person, clock.today(now)) and (not person.guardian or GUARDIAN not in person.consents):
        raise NeedsGuardian(by_staff=True)
    member, is_new = _insert(session, person, form_key=f"staff:{form_key}", keys=keys, now=now)
    if is_new:
        _record_consents(session, member, person, recorded_by_id=actor.member_id, now=now)
        activate(session, member, actor=actor, now=now)
    return member


Read = Callable[..., Any]


@contextmanager
def _together() -> Iterator[Read]:
    """Gather the field messages of several readings, so that a person sees all that is wrong at once."""
    refusals: list[Invalid] = []

    def read(reading: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return reading(*args, **kwargs)
        except Invalid as refusal:
            refusals.append(refusal)
            return None

    yield read
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise Invalid(fields={field: text for refusal in refusals for field, text in refusal.fields.items()})


def _read_person(read: Read, person: NewMember, today: date, *, phone_needed: bool) -> NewMember:
    name = read(tidy_name, person.name)
    phone = read(tidy_phone, person.phone)
    if phone == "" and phone_needed:
        read(_refuse_missing_phone)
    document: IdNumber | None = None
    if person.id_number:
        document = read(read_id_number, person.id_number, today=today, sex=person.sex, born_on=person.born_on)
    born_on = document.born_on if document else person.born_on
    if born_on is not None and not is_possible_birthday(born_on, today):
        read(_refuse_birthday)
    return replace(
        person,
        name=name or "",
        phone=phone or "",
        id_number=document.number if document else "",
        born_on=born_on,
        sex=document.sex if document else person.sex,
    )


def _refuse_missing_phone() -> None:
    raise Invalid(fields={"phone": "请填写电话，登录时要用。没有电话的，请到网点由工作人员登记。"})


def _refuse_birthday() -> None:
    raise BadBirthday()


def _check_consents(person: NewMember) -> None:
    if PERSONAL_DATA not in person.consents:
        raise NoConsent()
    if person.consent_version != CONSENT_VERSION:
        raise ConsentOutdated()
    if person.id_number and IDENTITY not in person.consents:
        raise NoIdentityConsent()


def _is_child(person: NewMember, today: date) -> bool:
    return person.born_on is not None and age_on(person.born_on, today) < ADULT_ENOUGH


def _insert(session: Session, person: NewMember, *, form_key: str, keys: Keys, now: datetime) -> tuple[Member, bool]:
    """The person's row, and whether it is new. The number follows from the row's id, which no two people share."""
    branch = get_branch(session, person.branch_id)
    if person.area_id is not None:
        get_area(session, person.area_id)
    if person.phone:  # two doors that both find no twin would both register one
        lock_name(session, f"register:{keys.index('phone', person.phone)}")
    repeated = _find_repeated(session, person, form_key, keys)
    if repeated is not None:
        return repeated, False
    if find_twin(session, keys, name=person.name, phone=person.phone) is not None:
        raise AlreadyRegistered()
    values = _row(person, keys) | {
        "branch_id": branch.id,
        "form_key": form_key,
        "registered_at": now,
        "number": secrets.token_urlsafe(12),
    }
    added = session.scalar(insert_once(session, Member).values(**values).returning(Member.id))
    if added is not None:
        member = get_member(session, added)
        member.number = member_number(added)
        session.flush()
        return member, True
    repeated = _find_repeated(session, person, form_key, keys)
    if repeated is None:
        raise IdNumberTaken()
    return repeated, False


def _find_repeated(session: Session, person: NewMember, form_key: str, keys: Keys) -> Member | None:
    """Whom this form registered before. Raises FormUsed when that is somebody else than it names now."""
    member = session.scalars(select(Member).where(Member.form_key == form_key)).one_or_none()
    if member is None:
        return None
    asked = {"branch_id": person.branch_id, "name": person.name, "born_on": person.born_on, "sex": person.sex}
    asked["phone_index"] = phone_columns(person.phone, keys)["phone_index"]
    asked["id_number_index"] = id_number_columns(person.id_number, keys)["id_number_index"]
    if {column: getattr(member, column) for column in asked} != asked:
        raise FormUsed()
    return member


def _row(person: NewMember, keys: Keys) -> dict[str, Any]:
    return {
        "name": person.name,
        "alias": person.alias or alias_for(person.name, person.sex),
        "sex": person.sex,
        "born_on": person.born_on,
        "area_id": person.area_id,
        "skills": person.skills,
        "free_times": person.free_times,
        "status": PENDING,
        "status_reason": "",
        "registered_by": person.source,
        "identity_state": DOCUMENT_SEEN if person.document_seen and person.id_number else UNVERIFIED,
        "guardian_sealed": keys.encrypt("guardian", person.guardian) if person.guardian else None,
        **phone_columns(person.phone, keys),
        **id_number_columns(person.id_number, keys),
    }


def phone_columns(phone: str, keys: Keys) -> dict[str, str | None]:
    """A tidied phone as it is stored: sealed, findable, and its last four digits."""
    if not phone:
        return {"phone_sealed": None, "phone_index": None, "phone_tail": None}
    return {
        "phone_sealed": keys.encrypt("phone", phone),
        "phone_index": keys.index("phone", phone),
        "phone_tail": phone[-4:],
    }


def id_number_columns(number: str, keys: Keys) -> dict[str, str | None]:
    """A checked ID number as it is stored: sealed and findable."""
    if not number:
        return {"id_number_sealed": None, "id_number_index": None}
    return {"id_number_sealed": keys.encrypt("id_number", number), "id_number_index": keys.index("id_number", number)}


def _record_consents(
    session: Session, member: Member, person: NewMember, *, recorded_by_id: int | None, now: datetime
) -> None:
    kinds = {PERSONAL_DATA} | ({IDENTITY} if person.id_number else set()) | (person.consents & {GUARDIAN})
    session.add_all(
        Consent(
            member_id=member.id,
            kind=kind,
            text_version=person.consent_version,
            given_at=now,
            recorded_by_id=recorded_by_id,
        )
        for kind in sorted(kinds)
    )
    session.flush()
