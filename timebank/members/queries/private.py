"""What is sealed about a person, who looked at it, and what they agreed to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.keys import Keys
from timebank.members.models import Consent, Member, MemberAccess

# field → purpose its key is derived for
SEALED_FIELDS = {"phone": "phone", "id_number": "id_number", "guardian": "guardian"}


def open_field(member: Member, field: str, keys: Keys) -> str:
    """The plain text of a sealed field, or an empty text. Whoever shows it whole records that (``service.unmask``)."""
    sealed = getattr(member, f"{field}_sealed")
    return keys.decrypt(SEALED_FIELDS[field], sealed) if sealed else ""


def list_consents(session: Session, member_id: int) -> Sequence[Consent]:
    """What the person agreed to, newest first."""
    mine = select(Consent).where(Consent.member_id == member_id)
    return session.scalars(mine.order_by(Consent.given_at.desc(), Consent.id.desc())).all()


def list_accesses(session: Session, member_id: int, *, limit: int = 50) -> Sequence[MemberAccess]:
    """Who looked at the person's sealed fields, newest first."""
    looked = select(MemberAccess).where(MemberAccess.member_id == member_id)
    return session.scalars(looked.order_by(MemberAccess.at.desc(), MemberAccess.id.desc()).limit(limit)).all()
