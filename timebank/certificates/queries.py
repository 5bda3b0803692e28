"""Reads: what can be certified, whose certificates there are, what strangers may know, what is printed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload, undefer

from timebank.activities.models import CATEGORIES, Shift
from timebank.attendance.models import APPROVED, Attendance
from timebank.branches.models import Branch
from timebank.certificates.models import (
    VALID,
    WAITING,
    Certificate,
    CertificateEntry,
    CertificateLook,
    CertificateSeal,
    CertificateWithdrawal,
)
from timebank.certificates.rules import CertificateNotFound, Person, Served, Signed, digest, is_signed, read_number
from timebank.core import clock
from timebank.core.keys import Keys
from timebank.core.paging import Page, read_page

PERSON_PURPOSE = "certificate/person"
SEAL_PURPOSE = "certificate/seal"


def list_served(session: Session, member_id: int) -> list[Served]:
    """Everything about a member that is approved and stands in the books, oldest first.

    What was served for somebody who asked for it names no place: it may be that person's home.
    """
    chosen = (
        select(Attendance)
        .where(Attendance.member_id == member_id, Attendance.status == APPROVED)
        .join(Attendance.shift)
        .options(
            joinedload(Attendance.shift, innerjoin=True).joinedload(Shift.activity, innerjoin=True),
            selectinload(Attendance.corrections),
        )
        .order_by(Shift.starts_at, Attendance.id)
        .execution_options(populate_existing=True)
    )
    return [_served(record) for record in session.scalars(chosen) if record.entry_now_id is not None]


def _served(record: Attendance) -> Served:
    shift, activity = record.shift, record.shift.activity
    starts, ends = clock.local(shift.starts_at), clock.local(shift.ends_at)
    return Served(
        attendance_id=record.id,
        entry_id=record.entry_now_id or 0,
        branch_id=activity.branch_id,
        day=starts.date(),
        hours=f"{starts:%H:%M}–{ends:%H:%M}",
        title=activity.title,
        category=CATEGORIES[activity.category],
        place="" if activity.for_request else shift.where,
        minutes=record.minutes_now,
    )


def list_recorders(session: Session, served: Collection[Served]) -> list[tuple[Branch, int]]:
    """The branches that recorded service, each with the minutes, most first."""
    minutes: dict[int, int] = {}
    for one in served:
        minutes[one.branch_id] = minutes.get(one.branch_id, 0) + one.minutes
    found = session.scalars(select(Branch).where(Branch.id.in_(minutes)))
    return sorted(((branch, minutes[branch.id]) for branch in found), key=lambda one: (-one[1], one[0].id))


def find_by_key(session: Session, form_key: str) -> Certificate | None:
    """The certificate that a form made."""
    return session.scalar(select(Certificate).where(Certificate.form_key == form_key))


def count_issued(session: Session, member_id: int, *, since: datetime) -> int:
    """How many certificates a member got since an instant."""
    counted = select(func.count()).where(Certificate.member_id == member_id, Certificate.issued_at >= since)
    return session.scalar(counted) or 0


def get_certificate(session: Session, certificate_id: int, *, lock: bool = False) -> Certificate:
    """A certificate; with ``lock``, kept from being withdrawn by others until we commit. Raises CertificateNotFound."""
    found = session.get(Certificate, certificate_id, with_for_update={"key_share": True} if lock else None)
    if found is None:
        raise CertificateNotFound()
    return found


def list_of_member(session: Session, member_id: int) -> Sequence[Certificate]:
    """A member's certificates, newest first."""
    mine = select(Certificate).where(Certificate.member_id == member_id).options(joinedload(Certificate.branch))
    return session.scalars(mine.order_by(Certificate.id.desc())).all()


def page_of_branch(session: Session, branch_id: int, *, number: int) -> Page[Certificate]:
    """What a branch certified, newest first."""
    chosen = (
        select(Certificate)
        .where(Certificate.branch_id == branch_id)
        .options(joinedload(Certificate.member))
        .order_by(Certificate.id.desc())
    )
    return read_page(session, chosen, number=number)


def replacement_of(session: Session, certificate_id: int) -> Certificate | None:
    """The certificate that took the place of one."""
    return session.scalar(select(Certificate).where(Certificate.replaces_id == certificate_id))


def replaced_ids(session: Session, certificate_ids: Collection[int]) -> frozenset[int]:
    """Which of some certificates were replaced."""
    chosen = select(Certificate.replaces_id).where(Certificate.replaces_id.in_(certificate_ids))
    return frozenset(id_ for id_ in session.scalars(chosen) if id_ is not None)


def list_listing(session: Session, entry_id: int) -> Sequence[Certificate]:
    """The valid certificates that list an entry, locked, in id order."""
    chosen = (
        select(Certificate)
        .join(CertificateEntry, CertificateEntry.certificate_id == Certificate.id)
        .where(CertificateEntry.entry_id == entry_id, Certificate.status == VALID)
        .order_by(Certificate.id)
        .with_for_update(of=Certificate, key_share=True)
    )
    return session.scalars(chosen).all()


def records_of(session: Session, certificate_id: int) -> frozenset[int]:
    """The records that a certificate lists."""
    chosen = select(CertificateEntry.attendance_id).where(CertificateEntry.certificate_id == certificate_id)
    return frozenset(session.scalars(chosen))


def looks_of(session: Session, certificate_ids: Collection[int]) -> dict[int, int]:
    """How often each of some certificates was looked at; those nobody looked at are left out."""
    chosen = (
        select(CertificateLook.certificate_id, func.sum(CertificateLook.looks).label("looks"))
        .where(CertificateLook.certificate_id.in_(certificate_ids))
        .group_by(CertificateLook.certificate_id)
    )
    return {row.certificate_id: int(row.looks) for row in session.execute(chosen)}


# --- what is sealed, and whether it still is what was issued ---------------------------------------------------------


def open_person(certificate: Certificate, keys: Keys) -> Person:
    """The name and document that were printed."""
    return Person(**json.loads(keys.decrypt(PERSON_PURPOSE, certificate.person_sealed)))


def is_untouched(certificate: Certificate, keys: Keys) -> bool:
    """Whether the row still has the content that was hashed, and the hash the bank's own signature."""
    try:
        person = open_person(certificate, keys)
    except Exception:  # changed in whatever way: it does not open
        return False
    signed = Signed(certificate.signature, certificate.public_key)
    own = keys.signing_key().public_key().public_bytes_raw().hex()
    return (
        digest(certificate.content, person) == certificate.hash
        and certificate.public_key == own
        and is_signed(signed, certificate.hash)
    )


def stream_certificates(session: Session) -> Iterator[Certificate]:
    """Every certificate there is, in small batches."""
    yield from session.scalars(select(Certificate).order_by(Certificate.id).execution_options(yield_per=500))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """All that strangers learn."""

    number: str
    masked_name: str
    minutes: int
    count: int
    first: date
    last: date
    issuer: str
    issued_on: date
    status: str
    withdrawn_on: date | None
    replaced: bool
    hash: str
    untouched: bool


def find_shown(session: Session, typed: str, keys: Keys) -> Shown:
    """What strangers may know of the certificate with a number. Raises CertificateNotFound.

    An impossible number is looked for like any other, so that both take the same time.
    """
    found = session.scalar(select(Certificate).where(Certificate.number == read_number(typed)))
    if found is None:
        raise CertificateNotFound()
    content = content_of(found)
    return Shown(
        number=found.number,
        masked_name=content["masked_name"],
        minutes=content["minutes"],
        count=len(content["services"]),
        first=date.fromisoformat(content["first"]),
        last=date.fromisoformat(content["last"]),
        issuer=content["branch"]["name"],
        issued_on=date.fromisoformat(content["issued_on"]),
        status=found.status,
        withdrawn_on=clock.today(found.withdrawn_at) if found.withdrawn_at else None,
        replaced=replacement_of(session, found.id) is not None,
        hash=found.hash,
        untouched=is_untouched(found, keys),
    )


def find_id(session: Session, typed: str) -> int | None:
    """The certificate with a number."""
    return session.scalar(select(Certificate.id).where(Certificate.number == read_number(typed)))


def content_of(certificate: Certificate) -> dict[str, Any]:
    """What was frozen, as values."""
    content: dict[str, Any] = json.loads(certificate.content)
    return content


# --- seal images -----------------------------------------------------------------------------------------------------


def find_seal(session: Session, branch_id: int) -> CertificateSeal | None:
    """The seal image a branch uses now."""
    return session.scalar(
        select(CertificateSeal).where(CertificateSeal.branch_id == branch_id, CertificateSeal.ended_at.is_(None))
    )


def open_seal(session: Session, seal_id: int, keys: Keys) -> bytes:
    """The picture of a seal, JPEG. Raises CertificateNotFound."""
    seal = session.scalar(
        select(CertificateSeal).where(CertificateSeal.id == seal_id).options(undefer(CertificateSeal.sealed))
    )
    if seal is None:
        raise CertificateNotFound()
    return keys.unseal(SEAL_PURPOSE, seal.sealed, seal_about(seal.branch_id, seal.digest))


def seal_about(branch_id: int, digest_: str) -> str:
    """What a sealed picture is about: moved to another branch, or its hash changed, it does not open."""
    return f"{branch_id}/{digest_}"


# --- withdrawals -----------------------------------------------------------------------------------------------------


def find_waiting(session: Session, certificate_id: int) -> CertificateWithdrawal | None:
    """The withdrawal of a certificate that waits for a second person."""
    return session.scalar(
        select(CertificateWithdrawal).where(
            CertificateWithdrawal.certificate_id == certificate_id, CertificateWithdrawal.status == WAITING
        )
    )


def get_withdrawal(session: Session, withdrawal_id: int) -> CertificateWithdrawal:
    """A withdrawal. Raises CertificateNotFound."""
    found = session.get(CertificateWithdrawal, withdrawal_id, populate_existing=True)
    if found is None:
        raise CertificateNotFound()
    return found


def find_withdrawal_by_key(session: Session, form_key: str) -> CertificateWithdrawal | None:
    """The withdrawal that a form asked for."""
    return session.scalar(select(CertificateWithdrawal).where(CertificateWithdrawal.form_key == form_key))


def list_withdrawals(
    session: Session, branch_id: int, *, waiting: bool, most: int = 30
) -> Sequence[CertificateWithdrawal]:
    """The withdrawals of a branch's certificates that wait, oldest first; or those that ended, newest first."""
    waits = CertificateWithdrawal.status == WAITING
    chosen = (
        select(CertificateWithdrawal)
        .join(Certificate, Certificate.id == CertificateWithdrawal.certificate_id)
        .where(Certificate.branch_id == branch_id, waits if waiting else ~waits)
        .options(joinedload(CertificateWithdrawal.certificate).joinedload(Certificate.member))
        .order_by(CertificateWithdrawal.id if waiting else CertificateWithdrawal.id.desc())
        .limit(most)
    )
    return session.scalars(chosen).all()


def count_waiting(session: Session, branch_id: int) -> int:
    """How many withdrawals of a branch's certificates wait."""
    counted = (
        select(func.count())
        .select_from(CertificateWithdrawal)
        .join(Certificate, Certificate.id == CertificateWithdrawal.certificate_id)
        .where(Certificate.branch_id == branch_id, CertificateWithdrawal.status == WAITING)
    )
    return session.scalar(counted) or 0


def start_of_day(now: datetime) -> datetime:
    """The instant at which the local day of ``now`` began."""
    local = clock.local(now)
    return now - timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
