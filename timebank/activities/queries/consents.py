"""Guardians' consents."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import GuardianConsent
from timebank.core.errors import NotFound


class ConsentNotFound(NotFound):
    """No such consent."""

    code = "activities.consent_not_found"
    text = "没有找到这份监护人同意。"


def get_consent(session: Session, consent_id: int) -> GuardianConsent:
    """A consent. Raises ConsentNotFound."""
    found = session.get(GuardianConsent, consent_id)
    if found is None:
        raise ConsentNotFound()
    return found


def find_consent(session: Session, member_id: int, activity_id: int | None) -> GuardianConsent | None:
    """The consent for exactly this (None: for all activities), if it was not withdrawn."""
    same = select(GuardianConsent).where(
        GuardianConsent.member_id == member_id,
        GuardianConsent.activity_id.is_(None) if activity_id is None else GuardianConsent.activity_id == activity_id,
        GuardianConsent.withdrawn_at.is_(None),
    )
    return session.scalars(same.limit(1)).first()


def list_consents(session: Session, member_ids: Collection[int]) -> list[GuardianConsent]:
    """Every consent for these minors, withdrawn ones too, newest first."""
    found = select(GuardianConsent).where(GuardianConsent.member_id.in_(member_ids))
    return list(
        session.scalars(found.options(joinedload(GuardianConsent.activity)).order_by(GuardianConsent.id.desc()))
    )
