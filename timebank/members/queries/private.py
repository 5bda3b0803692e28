"""What is sealed about a person, who looked at it, and what they agreed to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.keys import Keys
from timebank.core.paging import batched
from timebank.members.models import Consent, Member, MemberAccess
from timebank.members.rules import NAMED

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


def who_is_named(session: Session, member_ids: Sequence[int]) -> set[int]:
    """Who of these agreed to be named in lists that other members see; the others stand there as a number."""
    agreed = select(Consent.member_id).where(Consent.kind == NAMED, Consent.withdrawn_at.is_(None))
    found = (session.scalars(agreed.where(Consent.member_id.in_(some))) for some in batched(member_ids))
    return {member_id for ids in found for member_id in ids}


def list_accesses(session: Session, member_id: int, *, limit: int = 50) -> Sequence[MemberAccess]:
    """Who looked at the person's sealed fields, newest first."""
    looked = select(MemberAccess).where(MemberAccess.member_id == member_id)
    return session.scalars(looked.order_by(MemberAccess.at.desc(), MemberAccess.id.desc()).limit(limit)).all()
