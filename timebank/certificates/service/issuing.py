"""Issuing: what is booked now is frozen under a fresh number, hashed and signed, at once and free of charge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.branches.queries import get_branch
from timebank.certificates.models import VALID, WITHDRAWN, Certificate, CertificateEntry, CertificateSeal
from timebank.certificates.queries import (
    PERSON_PURPOSE,
    content_of,
    count_issued,
    find_by_key,
    find_seal,
    get_certificate,
    list_served,
    open_person,
    records_of,
    replacement_of,
    start_of_day,
)
from timebank.certificates.rules import (
    ALL,
    CHINESE,
    EVER,
    MOST_A_DAY,
    NUMBER_RANDOM,
    AlreadyReplaced,
    EnoughToday,
    NoDocument,
    Period,
    Person,
    Served,
    StillValid,
    choose,
    digest,
    document_words,
    number_of,
    plain,
    sign,
)
from timebank.core import clock, codes
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.core.keys import Keys
from timebank.core.masking import mask_name
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.members.queries import get_member, open_field
from timebank.notices.service import NoticeDraft, tell_all

LAYOUT = 1  # of the printed sheet: another one is another template, so that what was issued prints as it was


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateDraft:
    """What is wanted: of which recording branch and days, only some ``records`` where any are named.

    ``address`` is where certificates are looked up in public: the QR leads there, so it is frozen as well.
    """

    member_id: int
    branch_id: int
    form_key: str
    address: str
    period: Period = EVER
    records: frozenset[int] = frozenset()
    language: str = CHINESE
    document: bool = False
    replaces_id: int | None = None


def issue(session: Session, draft: CertificateDraft, *, actor: Actor, keys: Keys, now: datetime) -> Certificate:
    """Certify what is booked now, for oneself or for somebody at the counter. A repeat answers with the first.

    Raises MemberNotFound, NotAllowed, FormUsed, EnoughToday, BranchNotFound, NothingToCertify, TooManyServices,
    NoDocument; where it replaces one also CertificateNotFound, StillValid, AlreadyReplaced.
    """
    member = get_member(session, draft.member_id, lock=True)  # no correction of this member's records meanwhile
    by_id = _issuer(actor, member)
    first = find_by_key(session, draft.form_key)
    if first is not None:
        return _same(first, draft, by_id)
    if count_issued(session, member.id, since=start_of_day(now)) >= MOST_A_DAY:
        raise EnoughToday(most=MOST_A_DAY)
    if draft.replaces_id is not None:
        _refuse_replacing(session, draft.replaces_id)
    branch = get_branch(session, draft.branch_id)
    served = choose(list_served(session, member.id), branch_id=branch.id, period=draft.period, only=draft.records)
    person = _person(member, draft, keys)
    certificate = _freeze(session, draft, _Content(member, branch, served, person), by_id=by_id, keys=keys, now=now)
    if certificate.by_proxy:
        _tell_issued(session, certificate, actor, now)
    return certificate


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What a form of one button brings: its key, and where certificates are looked up in public."""

    form_key: str
    address: str


def reissue(
    session: Session, certificate_id: int, sent: Sent, *, actor: Actor, keys: Keys, now: datetime
) -> Certificate:
    """A new certificate in place of one that was withdrawn, about what is right now of the same services or days.

    Raises CertificateNotFound and what ``issue`` raises.
    """
    old = get_certificate(session, certificate_id)
    content = content_of(old)
    asked = content["period"]
    days = {name: date.fromisoformat(asked[name]) if asked[name] else None for name in ("first", "last")}
    draft = CertificateDraft(
        member_id=old.member_id,
        branch_id=old.branch_id,
        form_key=sent.form_key,
        address=sent.address,
        period=Period(kind=asked["kind"], **days),
        records=records_of(session, old.id) if content["chosen"] else frozenset(),
        language=content["language"],
        document=bool(open_person(old, keys).document),
        replaces_id=old.id,
    )
    return issue(session, draft, actor=actor, keys=keys, now=now)


def _issuer(actor: Actor, member: Member) -> int:
    if actor.member_id is None:
        raise NotAllowed(permission="certificate.issue")
    if actor.member_id != member.id:
        actor.require("certificate.issue", branch_id=member.branch_id)
    return actor.member_id


def _same(first: Certificate, draft: CertificateDraft, by_id: int) -> Certificate:
    asked = (draft.member_id, draft.branch_id, draft.replaces_id, by_id)
    if (first.member_id, first.branch_id, first.replaces_id, first.issued_by_id) != asked:
        raise FormUsed()
    return first


def _refuse_replacing(session: Session, certificate_id: int) -> None:
    old = get_certificate(session, certificate_id, lock=True)
    if old.status != WITHDRAWN:
        raise StillValid()
    if replacement_of(session, old.id) is not None:
        raise AlreadyReplaced()


def _person(member: Member, draft: CertificateDraft, keys: Keys) -> Person:
    if not draft.document:
        return Person(name=member.name)
    document = document_words(open_field(member, "id_number", keys))
    if not document:
        raise NoDocument(fields={"document": NoDocument.text})
    return Person(name=member.name, document=document)


@dataclass(frozen=True, slots=True)
class _Content:
    member: Member
    branch: Branch
    served: Sequence[Served]
    person: Person


def _freeze(
    session: Session, draft: CertificateDraft, about: _Content, *, by_id: int, keys: Keys, now: datetime
) -> Certificate:
    number = number_of(codes.random_code(NUMBER_RANDOM + 1)[:-1])
    seal = find_seal(session, about.branch.id)
    handler = get_member(session, by_id).name if by_id != about.member.id else ""
    content = plain(_content(session, draft, about, number=number, seal=seal, handler=handler, now=now))
    hash_ = digest(content, about.person)
    signed = sign(keys.signing_key(), hash_)
    certificate = Certificate(
        number=number,
        member_id=about.member.id,
        branch_id=about.branch.id,
        minutes=sum(one.minutes for one in about.served),
        content=content,
        person_sealed=keys.encrypt(
            PERSON_PURPOSE, plain({"name": about.person.name, "document": about.person.document})
        ),
        hash=hash_,
        signature=signed.signature,
        public_key=signed.public_key,
        seal_id=seal.id if seal is not None else None,
        issued_at=now,
        issued_by_id=by_id,
        replaces_id=draft.replaces_id,
        status=VALID,
        form_key=draft.form_key,
    )
    session.add(certificate)
    session.flush()
    session.add_all(
        CertificateEntry(
            certificate_id=certificate.id, entry_id=one.entry_id, attendance_id=one.attendance_id, minutes=one.minutes
        )
        for one in about.served
    )
    session.flush()
    return certificate


def _content(  # noqa: PLR0913 - the parts of one document
    session: Session,
    draft: CertificateDraft,
    about: _Content,
    *,
    number: str,
    seal: CertificateSeal | None,
    handler: str,
    now: datetime,
) -> dict[str, Any]:
    """Everything on the sheet except what is sealed."""
    branch, served, period = about.branch, about.served, draft.period
    numbers = ledger.numbers_of(session, [one.entry_id for one in served])
    return {
        "layout": LAYOUT,
        "number": number,
        "masked_name": mask_name(about.person.name),
        "member_number": about.member.number,
        "branch": {"code": branch.code, "name": branch.name, "address": branch.address, "phone": branch.phone},
        "period": {"kind": period.kind, "first": _iso(period.first), "last": _iso(period.last)},
        "chosen": bool(draft.records),
        "first": served[0].day.isoformat() if period.kind == ALL or period.first is None else _iso(period.first),
        "last": served[-1].day.isoformat() if period.kind == ALL or period.last is None else _iso(period.last),
        "minutes": sum(one.minutes for one in served),
        "services": [_service(one, *numbers[one.entry_id]) for one in served],
        "language": draft.language,
        "handler": handler,
        "issued_on": clock.today(now).isoformat(),
        "seal": seal.digest if seal is not None else "",
        "address": draft.address,
    }


def _service(one: Served, month: str, number: int) -> dict[str, Any]:
    return {
        "day": one.day.isoformat(),
        "hours": one.hours,
        "title": one.title,
        "category": one.category,
        "place": one.place,
        "minutes": one.minutes,
        "entry": f"{month}/{number}",
    }


def _iso(day: date | None) -> str:
    return day.isoformat() if day is not None else ""


def _tell_issued(session: Session, certificate: Certificate, actor: Actor, now: datetime) -> None:
    told = NoticeDraft(
        kind="certificate.issued_for",
        key=f"certificate.issued_for:{certificate.id}",
        facts={"by": actor.name, "minutes": certificate.minutes},
        link=f"/me/certificates/{certificate.id}",
    )
    tell_all(session, [certificate.member_id], told, now=now)
