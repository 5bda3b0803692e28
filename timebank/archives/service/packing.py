"""Making the package of a sealed month, again where it was lost, anew where it is corrected; and its row."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from timebank import __version__
from timebank.archives import queries, rules
from timebank.archives.models import Archive
from timebank.archives.package import Packing, write_package
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid
from timebank.ledger import queries as ledger_queries

_MAKING: Final = ".making-"


class NotClosed(Conflict):
    """A package is made of closed months only."""

    code = "archives.not_closed"
    text = "{month} 还没有结账，不能打包。"


class PackageDiffers(Conflict):
    """Two packages of one version were made at the same time from different names or titles."""

    code = "archives.package_differs"
    text = "{month} 的归档包刚由别人做好，内容与这次的不同。请再按一次结账，会另做一个新版本。"


class ReasonMissing(Invalid):
    """A correction says why."""

    code = "archives.reason_missing"
    text = "请写一句为什么要另做一版（最多 {most} 个字），会写进归档包。"


class NothingToCorrect(Conflict):
    """The package made now is the same as the newest one."""

    code = "archives.nothing_to_correct"
    text = "{month} 的归档包和现在的第 {version} 版一模一样，不用另做一版。要更正账目，请在本月办理更正。"


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageFile:
    """A package on disk: its path below the archives' folder, its SHA-256, its size, and the seal it is about."""

    name: str
    hash: str
    size: int
    seal_hash: str
    version: int
    reason: str = ""


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Only one process at a time packs the months of a branch; what a killed one left half made is cleared away.

    The folder itself is the lock, and the system lets it go with the process that held it.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in home.glob(f"{_MAKING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(descriptor)


def make_package(session: Session, *, branch: Branch, month: str, packing: Packing, reason: str = "") -> PackageFile:
    """Write the package of a closed month below the archives' folder. Only reads the database.

    The file appears whole or not at all. Made again while no name, title, place or program changed, it is the same
    byte for byte; where it does not come out as recorded, it becomes a further version that names the one before.
    With a ``reason`` it is a correction. Raises NotClosed, and NothingToCorrect where it came out as recorded.
    """
    period = ledger_queries.find_period(session, branch.id, month)
    if period is None or period.hash is None:
        raise NotClosed(month=month)
    known = queries.list_versions(session, branch.id, month)
    folder, home = packing.folder, packing.folder / branch.code
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_MAKING, dir=home) as parts:
        made = Path(parts) / "package.zip"
        edition = _edition(known)
        write_package(session, branch, period, edition=edition, target=made, packing=packing)
        digest = hash_of(made)
        if known and digest != known[-1].file_hash:
            last = known[-1]
            edition = rules.next_edition(last.version, last.file_name, last.file_hash, reason)
            write_package(session, branch, period, edition=edition, target=made, packing=packing)
            digest = hash_of(made)
        elif known and reason and reason != known[-1].reason:
            raise NothingToCorrect(month=month, version=known[-1].version)
        name = f"{branch.code}/{rules.package_name(branch.code, month, period.hash, edition.version)}.zip"
        size = made.stat().st_size
        _sync(made)
        made.replace(folder / name)
    _sync(home)
    return PackageFile(
        name=name, hash=digest, size=size, seal_hash=period.hash, version=edition.version, reason=edition.reason
    )


def _edition(known: Sequence[Archive]) -> rules.Edition:
    """What the newest package says of itself, so that it can be made again as it was."""
    if not known:
        return rules.Edition()
    before = known[-2] if len(known) > 1 else None
    return rules.Edition(
        version=known[-1].version,
        before=before.file_name if before else None,
        before_hash=before.file_hash if before else None,
        reason=known[-1].reason,
    )


def keep_package(
    session: Session, *, branch: Branch, month: str, package: PackageFile, actor: Actor, now: datetime
) -> Archive:
    """Record a package; whoever comes second with the same file finds the first one's row.

    A recorded hash is never changed: raises PackageDiffers where this version was recorded with another.
    """
    session.execute(
        insert_once(session, Archive).values(
            branch_id=branch.id,
            month=month,
            version=package.version,
            file_name=package.name,
            file_hash=package.hash,
            file_size=package.size,
            seal_hash=package.seal_hash,
            program_version=__version__,
            reason=package.reason,
            made_at=now,
            made_by_name=actor.name,
        )
    )
    kept = queries.get_archive(session, branch.id, month)
    if kept.version == package.version and kept.file_hash != package.hash:
        raise PackageDiffers(month=month)
    return kept


def hash_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """See a file to the disk; a rename is there only when its folder is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
