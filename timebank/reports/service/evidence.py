"""Making an evidence pack: numbered, its photos opened on record, its hash kept with who, when and why.

The file takes seconds, so it is made between two short units of work: what is to be made is written down first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.activities.queries import get_activity
from timebank.attendance.service import note_look, open_photo
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, NotAllowed
from timebank.core.keys import Keys
from timebank.reports.models import EvidencePack
from timebank.reports.queries.evidence import Evidence


class PackFinished(Conflict):
    """Its file was made before."""

    code = "reports.pack_finished"
    text = "这一份佐证包已经做好了，不会再换文件。"


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

    photos: int
    file_hash: str
    file_size: int


def begin_pack(session: Session, draft: PackDraft, *, actor: Actor, now: datetime) -> EvidencePack:
    """Write down who makes a pack and why, and whose look at each photo that goes in; the file is made afterwards.

    A pack whose making was broken off stays without a hash. Raises ActivityNotFound, NotAllowed, FormUsed.
    """
    activity = get_activity(session, draft.activity_id)
    actor.require("evidence.make", branch_id=activity.branch_id)
    lock_name(session, f"evidence:{activity.id}")
    if session.scalar(select(EvidencePack.id).where(EvidencePack.form_key == draft.form_key)) is not None:
        raise FormUsed()
    newest = select(func.max(EvidencePack.number)).where(EvidencePack.activity_id == activity.id)
    pack = EvidencePack(
        activity_id=activity.id,
        number=(session.scalar(newest) or 0) + 1,
        named=draft.named,
        photos=0,
        reason=draft.reason,
        made_by_id=actor.person("evidence.make"),
        made_at=now,
        form_key=draft.form_key,
    )
    session.add(pack)
    session.flush()
    if draft.pictured:
        for photo in Evidence(session, activity).kept_photos():
            note_look(session, photo.sheet, photo.id, actor=actor, now=now)
    return pack


def open_photos(session: Session, evidence: Evidence, *, actor: Actor, keys: Keys) -> dict[str, bytes]:
    """The photos of an activity by their names in the pack. Call ``begin_pack`` first, which writes the looks down.

    A photo that was destroyed by a signed list has no picture any more and is left out. Raises NotAllowed.
    """
    return {
        photo.file: open_photo(session, photo.sheet, photo.id, actor=actor, keys=keys)
        for photo in evidence.kept_photos()
    }


def finish_pack(session: Session, pack_id: int, made: PackMade, *, actor: Actor) -> EvidencePack:
    """Write the hash of the file down, once. Raises NotAllowed, PackFinished."""
    pack = session.get_one(EvidencePack, pack_id, with_for_update=True, populate_existing=True)
    if actor.member_id != pack.made_by_id:
        raise NotAllowed(permission="evidence.make")
    if pack.file_hash:
        raise PackFinished()
    pack.photos, pack.file_hash, pack.file_size = made.photos, made.file_hash, made.file_size
    session.flush()
    return pack
