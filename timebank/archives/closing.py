"""A close as the doors run it (page, command, schedule): units of work one after the other, each safe to repeat.

Sealing and packing are apart on purpose. Packing takes seconds and writes a file, which no transaction can take back;
so the month is sealed first, and whoever runs next makes the package that a crash left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from timebank.archives import queries, rules, service
from timebank.archives.models import Archive
from timebank.archives.package import PackageMismatchError, Packing, Progress
from timebank.archives.queries import CheckResult
from timebank.branches.queries import get_branch
from timebank.clearing.service import seal_statements
from timebank.core.actor import Actor
from timebank.core.db import db, transaction
from timebank.core.errors import PROGRAM_FAILED, Conflict, Refusal
from timebank.core.keys import Keys
from timebank.exchange.service import expire_orders

_ORDERS: Final = 500  # of one unit of work


class NotPacked(Conflict):
    """The month is sealed or was about to be, but what could be packed does not agree, or the disk does not take it."""

    code = "archives.not_packed"
    text = "{month} 的归档包没有做成：{why}。已封签的账期不受影响，原因排除后再结一次账就会补做。"


@dataclass(frozen=True, kw_only=True)
class Close:
    """What to close, for whom, when; ``folder`` is the archives' folder, ``clock`` tells when it ended.

    ``site`` is the configured public address, if there is one.
    """

    branch_id: int
    month: str
    actor: Actor
    keys: Keys
    folder: Path
    clock: Callable[[], datetime]
    progress: Progress = lambda title, rows: None
    site: str = ""

    @property
    def packing(self) -> Packing:
        """How the package of it is made."""
        return Packing(folder=self.folder, keys=self.keys, site=self.site, progress=self.progress)


def run(close: Close) -> Archive:
    """Close, seal, pack and record; returns the package's row, the first one's where it was there before.

    Raises the refusals of ``service.close_month``, and NotPacked. Every attempt is kept, refused and failed ones too.
    """
    service.refuse_no_month(close.month)  # what is no month is not kept as an attempt either
    started_at = close.clock()
    try:
        closed_now = _seal(close, started_at)
        with transaction() as session:
            seal_statements(session, close.branch_id, close.month, now=started_at)
        archive, packed_now = _pack(close)
    except service.NotReady as refusal:
        _record(close, started_at, "refused", refusal.message, refusal.results)
        raise
    except Refusal as refusal:
        _record(close, started_at, "refused", refusal.message)
        raise
    except (PackageMismatchError, OSError) as error:
        failure = NotPacked(month=close.month, why=_why(error))
        _record(close, started_at, "failed", failure.message)
        raise failure from error
    except Exception:
        _record(close, started_at, "failed", PROGRAM_FAILED)  # its text might quote rows; the log has its kind
        raise
    message = "" if closed_now else "账期此前已封签，这次补做归档包。" if packed_now else ""
    _record(close, started_at, "closed" if closed_now or packed_now else "already_closed", message)
    return archive


def _seal(close: Close, now: datetime) -> bool:
    close.progress("检查", 0)
    while True:  # or their holds would stand in the way
        with transaction() as session:
            ended = expire_orders(session, now=now, at_most=_ORDERS)
        if len(ended) < _ORDERS:
            break
    # Rereading the whole book takes long: it must not keep everybody else from writing meanwhile.
    reading: Session = db.session()
    branch = get_branch(reading, close.branch_id)
    checked = service.check_month(reading, branch=branch, month=close.month, actor=close.actor, now=now)
    if checked is None:
        return False
    with transaction() as session:
        branch = get_branch(session, close.branch_id)
        return service.seal_month(session, checked, branch=branch, actor=close.actor, keys=close.keys, now=now)


def _why(error: Exception) -> str:
    if isinstance(error, PackageMismatchError):
        return f"账目与封签或合计对不上（{error}），请保留现场，联系系统管理员查看“监督 → 账本自检”"
    return "归档文件夹写不进去，请联系系统管理员检查磁盘空间和权限"


def correct(close: Close, *, reason: str) -> Archive:
    """Pack a closed month anew, because what is in it was corrected since; returns the new version's row.

    The version before stays, file and row; the seal is the same. A repeat with the same reason gives the same version.
    Raises NotAllowed, ReasonMissing, NoPackage, NothingToCorrect, PackageDiffers and NotPacked.
    """
    reason = " ".join(reason.split())
    close.actor.require("archive.close", branch_id=close.branch_id)
    if not 0 < len(reason) <= rules.MAX_REASON:
        raise service.ReasonMissing(most=rules.MAX_REASON)
    queries.get_archive(db.session(), close.branch_id, close.month)
    try:
        return _pack(close, reason=reason)[0]
    except (PackageMismatchError, OSError) as error:
        raise NotPacked(month=close.month, why=_why(error)) from error


def _pack(close: Close, *, reason: str = "") -> tuple[Archive, bool]:
    session: Session = db.session()
    branch = get_branch(session, close.branch_id)
    with service.alone(close.folder / branch.code):
        session.rollback()  # whoever held the folder before may just have packed it
        found = queries.find_archive(session, close.branch_id, close.month)
        if not reason and found is not None and _is_there(close.folder / found.file_name, found.file_hash):
            return found, False
        branch = get_branch(session, close.branch_id)
        package = service.make_package(session, branch=branch, month=close.month, packing=close.packing, reason=reason)
        with transaction() as session:
            branch = get_branch(session, close.branch_id)
            return service.keep_package(
                session, branch=branch, month=close.month, package=package, actor=close.actor, now=close.clock()
            ), True


def _is_there(path: Path, digest: str) -> bool:
    return path.is_file() and service.hash_of(path) == digest


def _record(close: Close, started_at: datetime, result: str, message: str, checks: Sequence[CheckResult] = ()) -> None:
    attempt = service.Attempt(
        branch_id=close.branch_id,
        month=close.month,
        by_name=close.actor.name,
        started_at=started_at,
        ended_at=close.clock(),
        result=result,
        message=message,
        checks=checks,
    )
    with transaction() as session:
        service.record_attempt(session, attempt)
