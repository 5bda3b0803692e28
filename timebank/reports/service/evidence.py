"""Making an evidence pack: numbered, its photos opened on record, its hash kept with who, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity
from timebank.activities.queries import get_activity
from timebank.attendance.service import look_at_photo
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import FormUsed
from timebank.core.keys import Keys
from timebank.reports.models import EvidencePack
from timebank.reports.queries.evidence import Evidence


@dataclass(frozen=True, kw_only=True, slots=True)
class PackDraft:
    """What is asked for: whose evidence, with whole names, with photos, and why."""

    activity_id: int
    reason: str
    named: bool
    pictured: bool
    form_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PackMade:
    """The file that was made."""

    number: int
    photos: int
    file_hash: str
    file_size: int


def begin_pack(session: Session, draft: PackDraft, *, actor: Actor) -> tuple[Activity, int]:
    """The activity and the number of its next pack, which nobody else takes until we commit.

    Raises ActivityNotFound, NotAllowed, FormUsed.
    """
    activity = get_activity(session, draft.activity_id)
    actor.require("evidence.make", branch_id=activity.branch_id)
    lock_name(session, f"evidence:{activity.id}")
    if session.scalar(select(EvidencePack.id).where(EvidencePack.form_key == draft.form_key)) is not None:
        raise FormUsed()
    newest = select(func.max(EvidencePack.number)).where(EvidencePack.activity_id == activity.id)
    return activity, (session.scalar(newest) or 0) + 1


def open_photos(session: Session, evidence: Evidence, *, actor: Actor, keys: Keys, now: datetime) -> dict[str, bytes]:
    """The photos of an activity by their names in the pack; that somebody looked is written down at each of them.

    A photo that was destroyed by a signed list has no picture any more and is left out. Raises NotAllowed.
    """
    return {
        photo.file: look_at_photo(session, photo.sheet, photo.id, actor=actor, keys=keys, now=now)
        for photo, row in evidence.photos
        if row.destroyed_at is None
    }


def keep_pack(session: Session, draft: PackDraft, made: PackMade, *, actor: Actor, now: datetime) -> EvidencePack:
    """Write down that a pack was made. Call ``begin_pack`` first, in the same transaction."""
    pack = EvidencePack(
        activity_id=draft.activity_id,
        number=made.number,
        named=draft.named,
        photos=made.photos,
        reason=draft.reason,
        file_hash=made.file_hash,
        file_size=made.file_size,
        made_by_id=actor.person("evidence.make"),
        made_at=now,
        form_key=draft.form_key,
    )
    session.add(pack)
    session.flush()
    return pack
