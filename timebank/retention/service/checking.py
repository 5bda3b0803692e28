"""Keeping what reading a stored package found, and telling people where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.archives.models import Archive
from timebank.core.clock import month_name
from timebank.core.db import lock_name
from timebank.members.queries import list_staff
from timebank.notices.service import NoticeDraft, tell_all
from timebank.retention.models import CHECK_NAMES, SOUND, UNPACKED, PackageCheck

_TOLD = frozenset({"manager", "inspector", "administrator"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one reading found: a result of ``CHECK_NAMES`` and, where it is not sound, words; and how long it took."""

    result: str
    words: str
    milliseconds: int


def keep_reading(session: Session, archive: Archive, reading: Reading, *, now: datetime) -> PackageCheck:
    """Keep a reading; where something is wrong, managers and inspectors are told, once for each kind of damage.

    A package that was sound and is sound again needs no further row: the newest one says until when it was.
    """
    lock_name(session, f"package:{archive.id}")
    newest = session.scalars(
        select(PackageCheck)
        .where(PackageCheck.archive_id == archive.id)
        .order_by(PackageCheck.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if newest is not None and newest.result == reading.result == SOUND:
        newest.checked_at, newest.milliseconds = max(now, newest.checked_at), reading.milliseconds
        session.flush()
        return newest
    check = PackageCheck(
        branch_id=archive.branch_id,
        month=archive.month,
        archive_id=archive.id,
        result=reading.result,
        words=reading.words,
        milliseconds=reading.milliseconds,
        checked_at=now,
    )
    session.add(check)
    session.flush()
    if reading.result != SOUND:
        _tell(session, check, f"package:{archive.id}:{reading.result}", now)
    return check


def note_unpacked(session: Session, branch_id: int, month: str, *, now: datetime) -> PackageCheck:
    """Keep that a closed month has no package."""
    check = PackageCheck(
        branch_id=branch_id,
        month=month,
        result=UNPACKED,
        words="这个月结了账，但没有归档包，链条在这里断了。",
        checked_at=now,
    )
    session.add(check)
    session.flush()
    _tell(session, check, f"package:{branch_id}:{month}:{UNPACKED}", now)
    return check


def _tell(session: Session, check: PackageCheck, key: str, now: datetime) -> None:
    draft = NoticeDraft(
        kind="archive.damaged",
        facts={"month": month_name(check.month), "what": CHECK_NAMES[check.result]},
        link=f"/branch/archives/recheck?branch={check.branch_id}",
        key=key,
    )
    staff = list_staff(session, check.branch_id, _TOLD)
    tell_all(session, [member.id for member in staff], draft, now=now)
