"""The steps of a close. Each is safe to repeat, alone or from two processes at once: one seal, one package, one row."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from timebank import __version__
from timebank.archives import queries, rules
from timebank.archives.models import Archive, AuditRun, CloseRun
from timebank.archives.package import Progress, write_package
from timebank.archives.queries import Finding
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.core.clock import is_month, month_range
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.ledger import verification

_MESSAGE_LENGTH = 400


class NotAMonth(Invalid):
    """Not written as a calendar month."""

    code = "archives.not_a_month"
    text = "月份要写成 2026-10 这样。"


class BeforeOpening(Conflict):
    """The branch did not exist yet."""

    code = "archives.before_opening"
    text = "这个网点 {opened} 才开办，{month} 没有账可结。"


class NotReady(Conflict):
    """Checks before the close found something; the findings name the rows."""

    code = "archives.not_ready"
    text = "{month} 还不能结账：{reasons}。"

    def __init__(self, *, month: str, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__(month=month, reasons="；".join(f"{found.title}（{len(found.rows)} 处）" for found in findings))


class NotClosed(Conflict):
    """A package is made of closed months only."""

    code = "archives.not_closed"
    text = "{month} 还没有结账，不能打包。"


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageFile:
    """A package on disk: its path below the archives' folder, its SHA-256, its size, and the seal it is about."""

    name: str
    hash: str
    size: int
    seal_hash: str


def close_month(session: Session, *, branch: Branch, month: str, actor: Actor, keys: Keys, now: datetime) -> bool:
    """Check, freeze and seal a month. True when this call closed it, False when it was closed already.

    Raises NotAllowed, NotAMonth, MonthNotOver, BeforeOpening, NotReady.
    """
    actor.require("archive.close", branch_id=branch.id)
    refuse_no_month(month)
    if now < month_range(month)[1]:
        raise ledger.MonthNotOver(month=month)
    if month in ledger_queries.closed_months(session, branch.id):
        return False
    if month < f"{branch.opened_on:%Y-%m}" and ledger_queries.find_period(session, branch.id, month) is None:
        raise BeforeOpening(opened=branch.opened_on.isoformat(), month=month)
    if findings := queries.blocking(session, branch, month):
        raise NotReady(month=month, findings=findings)
    seal = ledger.close_period(session, branch.id, month, actor=actor, keys=keys, now=now)
    return seal.sealed_at == now


def refuse_no_month(month: str) -> None:
    """Raises NotAMonth for anything but ``YYYY-MM``."""
    if not is_month(month):
        raise NotAMonth()


def make_package(
    session: Session, *, branch: Branch, month: str, folder: Path, progress: Progress = lambda title, rows: None
) -> PackageFile:
    """Write the package of a closed month below ``folder`` (the archives' folder). Only reads the database.

    The file appears whole or not at all; made again from the same seal it is the same byte for byte. Raises NotClosed.
    """
    period = ledger_queries.find_period(session, branch.id, month)
    if period is None or period.hash is None:
        raise NotClosed(month=month)
    name = f"{branch.code}/{rules.package_name(branch.code, month, period.hash)}.zip"
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent) as parts:
        made = Path(parts) / "package.zip"
        write_package(session, branch, period, target=made, progress=progress)
        digest = _hash_and_sync(made)
        size = made.stat().st_size
        made.replace(target)
    _sync_folder(target.parent)
    return PackageFile(name=name, hash=digest, size=size, seal_hash=period.hash)


def keep_package(
    session: Session, *, branch: Branch, month: str, package: PackageFile, actor: Actor, now: datetime
) -> Archive:
    """Record a package; whoever comes second finds the first one's row."""
    session.execute(
        insert_once(session, Archive).values(
            branch_id=branch.id,
            month=month,
            version=rules.VERSION,
            file_name=package.name,
            file_hash=package.hash,
            file_size=package.size,
            seal_hash=package.seal_hash,
            program_version=__version__,
            made_at=now,
            made_by_name=actor.name,
        )
    )
    return queries.get_archive(session, branch.id, month)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt to close: ``closed``, ``already_closed``, ``refused`` or ``failed``, with its reason."""

    branch_id: int
    month: str
    by_name: str
    started_at: datetime
    ended_at: datetime
    result: str
    message: str = ""


def record_attempt(session: Session, attempt: Attempt) -> None:
    """Keep an attempt. The schedule tries every hour: the same answer again only moves the time of the one before."""
    month, message = attempt.month[:7], attempt.message[:_MESSAGE_LENGTH]
    before = queries.list_runs(session, attempt.branch_id, month=month, at_most=1)
    same = (attempt.result, message, attempt.by_name)
    if before and (before[0].result, before[0].message, before[0].by_name) == same:
        before[0].ended_at = attempt.ended_at
        return
    session.add(
        CloseRun(
            branch_id=attempt.branch_id,
            month=month,
            started_at=attempt.started_at,
            ended_at=attempt.ended_at,
            by_name=attempt.by_name,
            result=attempt.result,
            message=message,
        )
    )
    session.flush()


def audit(session: Session, *, branch_id: int, now: datetime) -> AuditRun:
    """Check every invariant of a branch's books and keep what was found."""
    lines = [
        f"{check.title} · {found.row}：{found.text}"
        for check in verification.verify(session, branch_id)
        for found in check.findings
    ]
    run = AuditRun(branch_id=branch_id, ran_at=now, findings=len(lines), text="\n".join(lines))
    session.add(run)
    session.flush()
    return run


def _hash_and_sync(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest


def _sync_folder(folder: Path) -> None:
    """A rename is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
