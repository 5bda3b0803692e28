"""Counting how often strangers looked at a certificate; nothing about them is kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from timebank.certificates.models import CertificateLook
from timebank.certificates.queries import find_id
from timebank.core import clock
from timebank.core.db import insert_once


def count_look(session: Session, typed: str, *, now: datetime) -> None:
    """Count one look at the certificate with a number; an unknown one counts nothing."""
    certificate_id = find_id(session, typed)
    if certificate_id is None:
        return
    day = clock.today(now)
    first = insert_once(session, CertificateLook).values(certificate_id=certificate_id, day=day, looks=1)
    made = session.execute(first.returning(CertificateLook.__table__.c.looks)).scalar_one_or_none()
    if made is None:
        again = update(CertificateLook).where(
            CertificateLook.certificate_id == certificate_id, CertificateLook.day == day
        )
        session.execute(again.values(looks=CertificateLook.looks + 1), execution_options={"synchronize_session": False})
