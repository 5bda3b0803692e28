"""Pictures of branches' stamps."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from timebank.certificates.models import CertificateSeal
from timebank.certificates.rules import CertificateNotFound
from timebank.core.keys import Keys

SEAL_PURPOSE = "certificate/seal"


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
