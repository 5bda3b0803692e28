"""Certificates: one, a member's, a branch's, those that list an entry; and how often they were looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.certificates.models import VALID, Certificate, CertificateEntry, CertificateLook
from timebank.certificates.rules import CertificateNotFound
from timebank.core import clock
from timebank.core.paging import Page, read_page


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


def start_of_day(now: datetime) -> datetime:
    """The instant at which the local day of ``now`` began."""
    local = clock.local(now)
    return now - timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
