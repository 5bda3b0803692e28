"""Withdrawals that staff asked for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.certificates.models import WAITING, Certificate, CertificateWithdrawal
from timebank.certificates.rules import CertificateNotFound


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
