"""An agreement's way: drafted, signed on paper and proposed, confirmed by a second person, perhaps ended early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.agreements.models import (
    AGREEMENT_STATUS_NAMES,
    BRANCH_SIDE,
    DRAFT,
    DROPPED,
    ENDED,
    ORGANISATION_SIDE,
    PROPOSED,
    SIGNED,
    WRITTEN,
    Agreement,
    Promise,
)
from timebank.agreements.queries import find_agreement_by_key, get_agreement
from timebank.agreements.service.telling import PAGE, contacts_of, tell_others, tell_people
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.members.models import Organisation
from timebank.members.queries import get_organisation
from timebank.members.service import OrganisationClosed
from timebank.notices.service import NoticeDraft


class YearTaken(Conflict):
    """One agreement per organisation and year."""

    code = "agreements.year_taken"
    text = "“{name}”{year} 年已经有一份协议，每家单位每年只签一份。要增减内容，请在那份协议里办变更。"


class AgreementFinal(Conflict):
    """Its state does not allow this."""

    code = "agreements.agreement_final"
    text = "这份协议现在是“{status}”，不能办这一步。请刷新页面再看一看。"


class OneSided(Conflict):
    """Both sides promise something."""

    code = "agreements.one_sided"
    text = "共建是相互的：网点和单位都至少要有一条承诺，才能提交签订。"


class BadSigning(Invalid):
    """Who signed when cannot be so."""

    code = "agreements.bad_signing"


class SameHand(NotAllowed):
    """The second person is another one."""

    code = "agreements.same_hand"
    text = "这一步由您提出，要由本网点另一位管理员确认。"


@dataclass(frozen=True, kw_only=True)
class AgreementDraft:
    """With whom, for which calendar year, in which words; the form's key makes a repeat harmless."""

    organisation_id: int
    year: int
    words: str = ""
    form_key: str


@dataclass(frozen=True, kw_only=True)
class Signing:
    """When the paper was signed, and by whom on both sides."""

    signed_on: date
    branch_signer: str
    organisation_signer: str


def draft_agreement(session: Session, draft: AgreementDraft, *, actor: Actor, now: datetime) -> Agreement:
    """Begin an agreement. The same form again finds the first.

    Raises NotAllowed, OrganisationClosed, Invalid, FormUsed, YearTaken.
    """
    organisation = get_organisation(session, draft.organisation_id)
    actor.require("organisation.change", branch_id=organisation.branch_id)
    lock_name(session, f"agreement:{draft.form_key}")  # the same form may be sent twice at once
    lock_name(session, f"agreement_of:{organisation.id}")
    first = find_agreement_by_key(session, draft.form_key)
    if first is not None:
        if (first.organisation_id, first.year) != (organisation.id, draft.year):
            raise FormUsed()
        return first
    _refuse_year(session, organisation, draft.year, clock.today(now).year)
    agreement = Agreement(
        branch_id=organisation.branch_id,
        organisation_id=organisation.id,
        year=draft.year,
        words=draft.words.strip(),
        status=DRAFT,
        drafted_by_id=actor.member_id,
        drafted_at=now,
        form_key=draft.form_key,
    )
    session.add(agreement)
    session.flush()
    return agreement


def _refuse_year(session: Session, organisation: Organisation, year: int, this_year: int) -> None:
    if organisation.closed_at is not None:
        raise OrganisationClosed(name=organisation.name)
    if not this_year - 1 <= year <= this_year + 1:
        raise Invalid(fields={"year": "只能写去年、今年或者明年的协议。"})
    standing = select(Agreement.id).where(
        Agreement.organisation_id == organisation.id, Agreement.year == year, Agreement.status != DROPPED
    )
    if session.scalar(standing) is not None:
        raise YearTaken(name=organisation.name, year=year)


def reword_agreement(session: Session, agreement_id: int, words: str, *, actor: Actor) -> Agreement:
    """Change the words of a draft. Raises AgreementNotFound, NotAllowed, AgreementFinal."""
    agreement = take(session, agreement_id, actor, DRAFT)
    agreement.words = words.strip()
    session.flush()
    return agreement


def propose_agreement(
    session: Session, agreement_id: int, signing: Signing, *, actor: Actor, now: datetime
) -> Agreement:
    """Say that both sides signed the paper; the other managers are asked to confirm. A repeat is calm.

    Raises AgreementNotFound, NotAllowed, AgreementFinal, BadSigning, OneSided.
    """
    agreement = take(session, agreement_id, actor, DRAFT, PROPOSED)
    facts = (signing.signed_on, signing.branch_signer.strip(), signing.organisation_signer.strip())
    if agreement.status == PROPOSED:
        if facts != (agreement.signed_on, agreement.branch_signer, agreement.organisation_signer):
            raise AgreementFinal(status="等第二人确认")
        return agreement
    _check_signing(agreement, signing, clock.today(now))
    sides = select(Promise.side).where(Promise.agreement_id == agreement.id, Promise.status == WRITTEN)
    if set(session.scalars(sides)) != {BRANCH_SIDE, ORGANISATION_SIDE}:
        raise OneSided()
    agreement.signed_on, agreement.branch_signer, agreement.organisation_signer = facts
    agreement.proposed_by_id, agreement.proposed_at = actor.member_id, now
    agreement.status = PROPOSED
    session.flush()
    key = f"agreement.proposed:{agreement.id}:{now.isoformat()}"  # again after it was sent back
    notice = NoticeDraft(kind="agreement.proposed", key=key, facts={"by": actor.name})
    tell_others(session, agreement, notice, actor=actor, now=now)
    return agreement


def _check_signing(agreement: Agreement, signing: Signing, today: date) -> None:
    faults = {}
    if signing.signed_on > today:
        faults["signed_on"] = "签订日期还没有到。"
    elif signing.signed_on.year not in (agreement.year - 1, agreement.year):
        faults["signed_on"] = f"{agreement.year} 年的协议，应当在当年或者前一年签订。"
    for name in ("branch_signer", "organisation_signer"):
        if not getattr(signing, name).strip():
            faults[name] = "请填写签字人的姓名。"
    if faults:
        raise BadSigning(fields=faults)


def send_back_agreement(session: Session, agreement_id: int, reason: str, *, actor: Actor, now: datetime) -> Agreement:
    """Make a proposed agreement a draft again, to be put right. Whoever proposed it is told, unless it was themselves.

    Raises AgreementNotFound, NotAllowed, AgreementFinal, Invalid.
    """
    agreement = take(session, agreement_id, actor, PROPOSED)
    if not reason.strip():
        raise Invalid(fields={"reason": "请写一句哪里要改。"})
    asked_by = agreement.proposed_by_id
    agreement.status, agreement.proposed_by_id, agreement.proposed_at = DRAFT, None, None
    session.flush()
    if asked_by is not None and asked_by != actor.member_id:
        facts = {"by": actor.name, "reason": reason.strip()}
        key = f"agreement.sent_back:{agreement.id}:{now.isoformat()}"
        notice = NoticeDraft(kind="agreement.sent_back", facts=facts, key=key)
        tell_people(session, [asked_by], agreement, notice, now=now)
    return agreement


def confirm_agreement(session: Session, agreement_id: int, *, actor: Actor, now: datetime) -> Agreement:
    """The second person's yes: from now on it stands as it is. Twice is calm for the same person.

    Raises AgreementNotFound, NotAllowed, SameHand, AgreementFinal.
    """
    agreement = take(session, agreement_id, actor, PROPOSED, SIGNED)
    if agreement.status == SIGNED:
        if agreement.confirmed_by_id != actor.member_id:
            raise AgreementFinal(status="已签订")
        return agreement
    if actor.member_id is None or actor.member_id == agreement.proposed_by_id:
        raise SameHand()
    agreement.status, agreement.confirmed_by_id, agreement.confirmed_at = SIGNED, actor.member_id, now
    session.flush()
    told = ({agreement.proposed_by_id} | contacts_of(session, agreement.organisation_id)) - {actor.member_id, None}
    notice = NoticeDraft(
        kind="agreement.signed",
        key=f"agreement.signed:{agreement.id}",
        link=f"{PAGE}/{agreement.organisation_id}",
    )
    tell_people(session, [one for one in told if one], agreement, notice, now=now)
    return agreement


def drop_agreement(session: Session, agreement_id: int, reason: str, *, actor: Actor, now: datetime) -> Agreement:
    """Give up an agreement that was not signed; the year is free again. Twice is calm.

    Raises AgreementNotFound, NotAllowed, AgreementFinal, Invalid.
    """
    return _finish(session, take(session, agreement_id, actor, DRAFT, PROPOSED, DROPPED), DROPPED, reason, actor, now)


def end_agreement(session: Session, agreement_id: int, reason: str, *, actor: Actor, now: datetime) -> Agreement:
    """End a signed agreement before its time; what was kept stays kept. Twice is calm.

    Raises AgreementNotFound, NotAllowed, AgreementFinal, Invalid.
    """
    return _finish(session, take(session, agreement_id, actor, SIGNED, ENDED), ENDED, reason, actor, now)


def _finish(session: Session, agreement: Agreement, status: str, reason: str, actor: Actor, now: datetime) -> Agreement:
    if agreement.status == status:
        return agreement
    if not reason.strip():
        raise Invalid(fields={"reason": "请写明原因。"})
    agreement.status, agreement.end_reason = status, reason.strip()
    agreement.ended_by_id, agreement.ended_at = actor.member_id, now
    session.flush()
    return agreement


def take(session: Session, agreement_id: int, actor: Actor, *statuses: str) -> Agreement:
    """The agreement, locked, if the actor may change it and it stands in one of these states."""
    agreement = get_agreement(session, agreement_id, lock=True)
    actor.require("organisation.change", branch_id=agreement.branch_id)
    if agreement.status not in statuses:
        raise AgreementFinal(status=AGREEMENT_STATUS_NAMES[agreement.status])
    return agreement
