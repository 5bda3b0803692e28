"""The steps of a close. Each is safe to repeat, alone or from two processes at once: one seal, one package, one row."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from timebank import __version__
from timebank.archives import queries, rules
from timebank.archives.models import Archive, AuditRun, CloseRun
from timebank.archives.package import Packing, write_package
from timebank.archives.queries import Finding
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.core.clock import is_month, month_range
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.ledger.verification import Check, as_plain, verify

_MESSAGE_LENGTH = 400
_KEPT_FINDINGS = 200  # of each check: who broke the books broke them everywhere


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


class PackageDiffers(Conflict):
    """Two packages of one version were made at the same time from different names or titles."""

    code = "archives.package_differs"
    text = "{month} 的归档包刚由别人做好，内容与这次的不同。请再按一次结账，会另做一个新版本。"


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageFile:
    """A package on disk: its path below the archives' folder, its SHA-256, its size, and the seal it is about."""

    name: str
    hash: str
    size: int
    seal_hash: str
    version: int


def check_month(session: Session, *, branch: Branch, month: str, actor: Actor, now: datetime) -> bool:
    """Every check before a close, the whole book's included; only reads. False when the month is closed already.

    Raises NotAllowed, NotAMonth, MonthNotOver, BeforeOpening, NotReady.
    """
    if not _is_open(session, branch=branch, month=month, actor=actor, now=now):
        return False
    if findings := queries.blocking(session, branch, month):
        raise NotReady(month=month, findings=findings)
    return True


def close_month(session: Session, *, branch: Branch, month: str, actor: Actor, keys: Keys, now: datetime) -> bool:
    """Check, freeze and seal a month. True when this call closed it, False when it was closed already.

    Raises the refusals of ``check_month``.
    """
    if not check_month(session, branch=branch, month=month, actor=actor, now=now):
        return False
    return seal_month(session, branch=branch, month=month, actor=actor, keys=keys, now=now)


def seal_month(session: Session, *, branch: Branch, month: str, actor: Actor, keys: Keys, now: datetime) -> bool:
    """Freeze and seal a month that ``check_month`` has just passed; only what changes any minute is looked at again.

    True when this call closed it, False when it was closed already. Raises the refusals of ``check_month``.
    """
    if not _is_open(session, branch=branch, month=month, actor=actor, now=now):
        return False
    if findings := queries.unsettled(session, branch, month):
        raise NotReady(month=month, findings=findings)
    seal = ledger.close_period(session, branch.id, month, actor=actor, keys=keys, now=now)
    return seal.sealed_at == now


def _is_open(session: Session, *, branch: Branch, month: str, actor: Actor, now: datetime) -> bool:
    actor.require("archive.close", branch_id=branch.id)
    refuse_no_month(month)
    if now < month_range(month)[1]:
        raise ledger.MonthNotOver(month=month)
    if month in ledger_queries.closed_months(session, branch.id):
        return False
    if month < f"{branch.opened_on:%Y-%m}" and ledger_queries.find_period(session, branch.id, month) is None:
        raise BeforeOpening(opened=branch.opened_on.isoformat(), month=month)
    return True


def refuse_no_month(month: str) -> None:
    """Raises NotAMonth for anything but ``YYYY-MM``."""
    if not is_month(month):
        raise NotAMonth()


def make_package(session: Session, *, branch: Branch, month: str, packing: Packing) -> PackageFile:
    """Write the package of a closed month below the archives' folder. Only reads the database.

    The file appears whole or not at all. Made again while no name, title, place or program changed, it is the same
    byte for byte; where it does not come out as recorded, it becomes a further version that names the one before.
    Raises NotClosed.
    """
    period = ledger_queries.find_period(session, branch.id, month)
    if period is None or period.hash is None:
        raise NotClosed(month=month)
    known = queries.list_versions(session, branch.id, month)
    folder, home = packing.folder, packing.folder / branch.code
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=home) as parts:
        made = Path(parts) / "package.zip"
        edition = _edition(known)
        write_package(session, branch, period, edition=edition, target=made, packing=packing)
        digest = hash_of(made)
        if known and digest != known[-1].file_hash:
            last = known[-1]
            edition = rules.Edition(version=last.version + 1, before=last.file_name, before_hash=last.file_hash)
            write_package(session, branch, period, edition=edition, target=made, packing=packing)
            digest = hash_of(made)
        name = f"{branch.code}/{rules.package_name(branch.code, month, period.hash, edition.version)}.zip"
        size = made.stat().st_size
        _sync(made)
        made.replace(folder / name)
    _sync(home)
    return PackageFile(name=name, hash=digest, size=size, seal_hash=period.hash, version=edition.version)


def _edition(known: Sequence[Archive]) -> rules.Edition:
    """What the newest package says of itself, so that it can be made again as it was."""
    if len(known) < 2:
        return rules.Edition()
    before, last = known[-2:]
    return rules.Edition(version=last.version, before=before.file_name, before_hash=before.file_hash)


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
            made_at=now,
            made_by_name=actor.name,
        )
    )
    kept = queries.get_archive(session, branch.id, month)
    if kept.version == package.version and kept.file_hash != package.hash:
        raise PackageDiffers(month=month)
    return kept


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


def keep_audit(session: Session, *, branch_id: int, checks: Sequence[Check], now: datetime) -> AuditRun:
    """Keep a self-check: which checks ran, how long, and what they found, the first findings of each."""
    run = AuditRun(
        branch_id=branch_id,
        ran_at=now,
        findings=sum(len(check.findings) for check in checks),
        text="\n".join(
            f"{check.title} · {found.row}：{found.text}"
            for check in checks
            for found in check.findings[:_KEPT_FINDINGS]
        ),
        milliseconds=sum(check.milliseconds for check in checks),
        checks=as_plain(checks, at_most=_KEPT_FINDINGS),
        program_version=__version__,
    )
    session.add(run)
    session.flush()
    return run


def audit(session: Session, *, branch_id: int, now: datetime) -> AuditRun:
    """Check the books and keep what was found, both in one unit of work."""
    return keep_audit(session, branch_id=branch_id, checks=verify(session, branch_id), now=now)


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
