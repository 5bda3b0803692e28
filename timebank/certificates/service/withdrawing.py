"""Withdrawing: by itself where a listed record is corrected, by two people of the staff for any other reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.certificates.models import (
    BY_CORRECTION,
    BY_DECISION,
    DECLINED,
    DONE,
    TAKEN_BACK,
    VALID,
    WAITING,
    WITHDRAWN,
    Certificate,
    CertificateWithdrawal,
)
from timebank.certificates.queries import (
    find_waiting,
    find_withdrawal_by_key,
    get_certificate,
    get_withdrawal,
    list_listing,
)
from timebank.certificates.rules import (
    AlreadyWithdrawn,
    NotAsker,
    OwnCertificate,
    SameHand,
    WithdrawalEnded,
    WithdrawalWaits,
)
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.members.queries import list_deciding
from timebank.notices.service import NoticeDraft, tell_all


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """An entry that is being corrected: by which correction, why, and when."""

    entry_id: int
    correction_id: int
    reason: str
    at: datetime


def withdraw_corrected(session: Session, corrected: Corrected) -> int:
    """Withdraw every valid certificate that lists the entry, in the correction's own transaction; returns how many.

    Call it before the correction is kept beside the record, which the database refuses while one stands.
    """
    listing = list_listing(session, corrected.entry_id)
    for certificate in listing:
        _withdraw(certificate, BY_CORRECTION, corrected.correction_id, corrected.reason, corrected.at)
    session.flush()
    for certificate in listing:
        _tell_withdrawn(session, certificate, now=corrected.at)
    return len(listing)


def _withdraw(certificate: Certificate, for_: str, for_id: int, reason: str, now: datetime) -> None:
    certificate.status, certificate.withdrawn_at, certificate.withdrawn_reason = WITHDRAWN, now, reason
    certificate.withdrawn_for, certificate.withdrawn_for_id = for_, for_id


def _tell_withdrawn(session: Session, certificate: Certificate, *, now: datetime) -> None:
    told = NoticeDraft(
        kind=f"certificate.withdrawn_{certificate.withdrawn_for}",
        key=f"certificate.withdrawn:{certificate.id}",
        facts={
            "tail": certificate.number[-4:],
            "minutes": certificate.minutes,
            "reason": certificate.withdrawn_reason.rstrip("。.！!"),
        },
        link=f"/me/certificates/{certificate.id}",
    )
    tell_all(session, [certificate.member_id], told, now=now)


def ask_withdrawal(
    session: Session, certificate_id: int, *, reason: str, form_key: str, actor: Actor, now: datetime
) -> CertificateWithdrawal:
    """Ask to withdraw a certificate; nothing happens until a second person agrees. A repeat answers with the first.

    Raises CertificateNotFound, NotAllowed, FormUsed, OwnCertificate, AlreadyWithdrawn, WithdrawalWaits.
    """
    certificate = get_certificate(session, certificate_id, lock=True)
    by_id = _person_of(actor, certificate)
    first = find_withdrawal_by_key(session, form_key)
    if first is not None:
        if (first.certificate_id, first.reason, first.asked_by_id) != (certificate_id, reason, by_id):
            raise FormUsed()
        return first
    if certificate.status != VALID:
        raise AlreadyWithdrawn()
    if find_waiting(session, certificate_id) is not None:
        raise WithdrawalWaits()
    asked = CertificateWithdrawal(
        certificate_id=certificate_id,
        reason=reason,
        asked_by_id=by_id,
        asked_at=now,
        status=WAITING,
        form_key=form_key,
    )
    session.add(asked)
    session.flush()
    _tell_asked(session, asked, certificate, actor, now)
    return asked


def _tell_asked(
    session: Session, asked: CertificateWithdrawal, certificate: Certificate, actor: Actor, now: datetime
) -> None:
    told = NoticeDraft(
        kind="certificate.withdrawal_asked",
        key=f"certificate.withdrawal_asked:{asked.id}",
        facts={"tail": certificate.number[-4:], "by": actor.name, "reason": asked.reason.rstrip("。.！!")},
        link=f"/branch/certificates?branch={certificate.branch_id}",
    )
    without = {asked.asked_by_id, certificate.member_id}
    tell_all(session, list_deciding(session, certificate.branch_id, without=without), told, now=now)


def _person_of(actor: Actor, certificate: Certificate) -> int:
    actor.require("certificate.withdraw", branch_id=certificate.branch_id)
    if actor.member_id is None:
        raise NotAllowed(permission="certificate.withdraw")
    if actor.member_id == certificate.member_id:
        raise OwnCertificate()
    return actor.member_id


def agree_withdrawal(session: Session, withdrawal_id: int, *, actor: Actor, now: datetime) -> CertificateWithdrawal:
    """The second person's yes: the certificate is withdrawn. A repeat is harmless.

    Raises CertificateNotFound, NotAllowed, OwnCertificate, SameHand, WithdrawalEnded, AlreadyWithdrawn.
    """
    asked, certificate = _locked(session, withdrawal_id)
    by_id = _person_of(actor, certificate)
    if asked.status == DONE and asked.decided_by_id == by_id:
        return asked
    _refuse_deciding(asked, by_id)
    if certificate.status != VALID:
        raise AlreadyWithdrawn()
    asked.status, asked.decided_by_id, asked.decided_at = DONE, by_id, now
    session.flush()  # the database looks for the second person's word
    _withdraw(certificate, BY_DECISION, asked.id, asked.reason, now)
    session.flush()
    _tell_withdrawn(session, certificate, now=now)
    return asked


def decline_withdrawal(
    session: Session, withdrawal_id: int, *, reason: str, actor: Actor, now: datetime
) -> CertificateWithdrawal:
    """The second person's no: the certificate stays valid. A repeat is harmless.

    Raises CertificateNotFound, NotAllowed, OwnCertificate, SameHand, WithdrawalEnded.
    """
    asked, certificate = _locked(session, withdrawal_id)
    by_id = _person_of(actor, certificate)
    if asked.status == DECLINED and (asked.decided_by_id, asked.note) == (by_id, reason):
        return asked
    _refuse_deciding(asked, by_id)
    asked.status, asked.decided_by_id, asked.decided_at, asked.note = DECLINED, by_id, now, reason
    session.flush()
    told = NoticeDraft(
        kind="certificate.withdrawal_declined",
        key=f"certificate.withdrawal_declined:{asked.id}",
        facts={"tail": certificate.number[-4:], "by": actor.name, "reason": reason.rstrip("。.！!")},
        link=f"/branch/certificates/{certificate.id}",
    )
    tell_all(session, [asked.asked_by_id], told, now=now)
    return asked


def take_back_withdrawal(session: Session, withdrawal_id: int, *, actor: Actor, now: datetime) -> CertificateWithdrawal:
    """Who asked no longer does. A repeat is harmless.

    Raises CertificateNotFound, NotAllowed, NotAsker, WithdrawalEnded.
    """
    asked, certificate = _locked(session, withdrawal_id)
    by_id = _person_of(actor, certificate)
    if asked.asked_by_id != by_id:
        raise NotAsker()
    if asked.status == TAKEN_BACK:
        return asked
    if asked.status != WAITING:
        raise WithdrawalEnded()
    asked.status, asked.decided_at = TAKEN_BACK, now
    session.flush()
    return asked


def _locked(session: Session, withdrawal_id: int) -> tuple[CertificateWithdrawal, Certificate]:
    """A withdrawal under the lock of its certificate."""
    certificate_id = get_withdrawal(session, withdrawal_id).certificate_id
    certificate = get_certificate(session, certificate_id, lock=True)
    session.refresh(certificate)
    return get_withdrawal(session, withdrawal_id), certificate


def _refuse_deciding(asked: CertificateWithdrawal, by_id: int) -> None:
    if asked.status != WAITING:
        raise WithdrawalEnded()
    if asked.asked_by_id == by_id:
        raise SameHand()
