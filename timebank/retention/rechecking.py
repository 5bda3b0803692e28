"""Reading stored packages again, as the doors run it (page, command, schedule): one package after the other.

A file is read outside any unit of work, since that takes seconds; what was found is kept in one of its own. Those read
longest ago come first, so that a run that stops after its time is carried on by the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from timebank.archives.models import Archive
from timebank.archives.reading import read_json
from timebank.archives.reading import read_package as read_file
from timebank.branches.queries import list_branches
from timebank.core.db import db, transaction
from timebank.ledger.queries import PeriodView, find_period
from timebank.retention import queries, service
from timebank.retention.models import SOUND, UNPACKED
from timebank.retention.service import Reading

_MOST_WORDS = 20
_SECOND = 1_000
Progress = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True)
class Recheck:
    """What to read: of one branch or all, at most so many packages and for so long."""

    folder: Path
    now: datetime
    branch_id: int | None = None
    at_most: int = 10_000
    seconds: float = 2 * 3600
    clock: Callable[[], float] = time.monotonic
    progress: Progress = lambda name, result: None


@dataclass(frozen=True, kw_only=True)
class Rechecked:
    """How many packages were read, and how many are not sound; months without a package count as such."""

    read: int
    bad: int


def run(recheck: Recheck) -> Rechecked:
    """Read packages until there are no more or the time is over, and keep each result."""
    ends = recheck.clock() + recheck.seconds
    bad = _note_holes(recheck)
    read = 0
    for archive_id in queries.list_to_check(db.session(), branch_id=recheck.branch_id, at_most=recheck.at_most):
        if recheck.clock() >= ends:
            break
        archive = db.session().get_one(Archive, archive_id)
        period = find_period(db.session(), archive.branch_id, archive.month)
        reading = read_package(recheck.folder / archive.file_name, archive, period, clock=recheck.clock)
        with transaction() as session:
            service.keep_reading(session, session.get_one(Archive, archive_id), reading, now=recheck.now)
        recheck.progress(archive.file_name, reading.result)
        read += 1
        bad += reading.result != SOUND
    return Rechecked(read=read, bad=bad)


def _note_holes(recheck: Recheck) -> int:
    holes = 0
    for branch in list_branches(db.session(), closed=True):
        if recheck.branch_id not in {None, branch.id}:
            continue
        for month in queries.list_unpacked(db.session(), branch.id):
            with transaction() as session:
                service.note_unpacked(session, branch.id, month, now=recheck.now)
            recheck.progress(f"{branch.code} {month}", UNPACKED)
            holes += 1
    return holes


def read_package(
    path: Path, archive: Archive, period: PeriodView | None, *, clock: Callable[[], float] = time.monotonic
) -> Reading:
    """Whether a file is there, is the one that was recorded, is whole inside, and is about the seal in the books."""
    began = clock()
    result, words = _read(path, archive, period)
    return Reading(result=result, words=words, milliseconds=int((clock() - began) * _SECOND))


def _read(path: Path, archive: Archive, period: PeriodView | None) -> tuple[str, str]:
    if not path.is_file():
        return "missing", f"{archive.file_name} 不在归档文件夹里。"
    signers = [period.public_key] if period and period.public_key else None
    try:
        report = read_file(path, keys=signers)
    except OSError as error:
        return "broken", f"文件读不出来：{error.strerror}。"
    # One that was made before packages were signed is what was recorded all the same.
    damages = [one for one in report.damages if one.kind != "unsigned"]
    if damages:
        return "broken", "；".join(f"{one.title} {one.about} {one.seen}".strip() for one in damages[:_MOST_WORDS])
    if report.file_hash != archive.file_hash:
        return "changed", f"SHA-256 应为 {archive.file_hash}，实为 {report.file_hash}。"
    unlinked = _unlinked(read_json(path, "manifest.json"), archive, period)
    return ("unlinked", unlinked) if unlinked else (SOUND, "")


def _unlinked(manifest: dict[str, Any], archive: Archive, period: PeriodView | None) -> str:
    """How the package's seal disagrees with the books' chain of seals."""
    if period is None or period.hash is None:
        return "账本里没有这个月的封签。"
    inside = manifest["seal"]["hash"]
    if not period.hash == archive.seal_hash == inside:
        short = [f"{one[:12]}…" for one in (period.hash, archive.seal_hash, inside)]
        return "账本的封签是 {}，登记的是 {}，包里写的是 {}。".format(*short)
    if manifest["seal"]["previous_hash"] != period.previous_hash:
        return "包里写的上一个封签和账本的不一样。"
    return ""
