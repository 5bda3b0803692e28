"""The months of a branch as its archive page lists them, with their packages and every attempt to close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.archives.models import Archive, CloseRun
from timebank.core.clock import month_of, next_month
from timebank.core.errors import NotFound
from timebank.ledger import queries as ledger

State = Literal["running", "due", "closed"]
STATE_NAMES: dict[State, str] = {"running": "进行中", "due": "可以结账", "closed": "已结账"}


class NoPackage(NotFound):
    """The month has no package yet."""

    code = "archives.no_package"
    text = "{month} 还没有归档包。请先在“月度归档”页结账。"


class PackageLost(NotFound):
    """The package was made, but its file is gone. The next close of the month makes it again."""

    code = "archives.package_lost"
    text = (
        "{month} 的归档包文件不在了。请联系系统管理员运行 flask archive close，会按原来的封签补做。"
        "姓名、活动名称等后来改过的，会另记为新的版本。"
    )


class MonthUnknown(NotFound):
    """The books have no such month."""

    code = "archives.month_unknown"
    text = "账上没有这个月份。请在“月度归档”页选一个月。"


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthView:
    """A month: its state, how many entries it holds, its seal and its package once there are any."""

    month: str
    state: State
    entries: int
    closed_at: datetime | None
    closed_by: str | None
    seal_hash: str | None
    previous_hash: str | None
    archive: Archive | None


def list_months(session: Session, branch_id: int, *, now: datetime) -> list[MonthView]:
    """Every month from the books' first one to the present one, newest first, months without entries included."""
    periods = {period.month: period for period in ledger.list_periods(session, branch_id)}
    packages = {archive.month: archive for archive in list_archives(session, branch_id)}
    current = month_of(now)
    months = [min([current, *periods])]
    while months[-1] < max([current, *periods]):
        months.append(next_month(months[-1]))
    return [_month(month, current, periods.get(month), packages.get(month)) for month in reversed(months)]


def get_month(session: Session, branch_id: int, month: str, *, now: datetime) -> MonthView:
    """One month of ``list_months``. Raises MonthUnknown."""
    for found in list_months(session, branch_id, now=now):
        if found.month == month:
            return found
    raise MonthUnknown()


def _month(month: str, current: str, period: ledger.PeriodView | None, archive: Archive | None) -> MonthView:
    closed = period is not None and period.closed_at is not None
    return MonthView(
        month=month,
        state="closed" if closed else "due" if month < current else "running",
        entries=period.entries if period else 0,
        closed_at=period.closed_at if period else None,
        closed_by=period.closed_by if period else None,
        seal_hash=period.hash if period else None,
        previous_hash=period.previous_hash if period else None,
        archive=archive,
    )


def list_archives(session: Session, branch_id: int) -> list[Archive]:
    """The packages of a branch, oldest first; of several versions of a month the newest stands last."""
    return list(
        session.scalars(select(Archive).where(Archive.branch_id == branch_id).order_by(Archive.month, Archive.version))
    )


def find_archive(session: Session, branch_id: int, month: str) -> Archive | None:
    """The newest package of a month."""
    return session.scalars(
        select(Archive)
        .where(Archive.branch_id == branch_id, Archive.month == month)
        .order_by(Archive.version.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()


def list_versions(session: Session, branch_id: int, month: str) -> list[Archive]:
    """Every package of a month, first version first."""
    return list(
        session.scalars(
            select(Archive)
            .where(Archive.branch_id == branch_id, Archive.month == month)
            .order_by(Archive.version)
            .execution_options(populate_existing=True)
        )
    )


def get_archive(session: Session, branch_id: int, month: str) -> Archive:
    """The newest package of a month. Raises NoPackage."""
    found = find_archive(session, branch_id, month)
    if found is None:
        raise NoPackage(month=month)
    return found


def get_version(session: Session, branch_id: int, month: str, version: int) -> Archive:
    """One package of a month. Raises NoPackage."""
    for archive in list_versions(session, branch_id, month):
        if archive.version == version:
            return archive
    raise NoPackage(month=month)


def list_unfinished(session: Session, branch_id: int, *, now: datetime) -> list[str]:
    """The months that are over but not closed, or closed but not packed, in the order in which to finish them."""
    packed = {archive.month for archive in list_archives(session, branch_id)}
    unpacked = set(ledger.closed_months(session, branch_id)) - packed
    return sorted(unpacked.union(ledger.months_to_close(session, branch_id, now=now)))


def list_runs(session: Session, branch_id: int, *, month: str | None = None, at_most: int = 30) -> list[CloseRun]:
    """The latest attempts to close, of any month or of one, newest first."""
    chosen = select(CloseRun).where(CloseRun.branch_id == branch_id).order_by(CloseRun.id.desc()).limit(at_most)
    return list(session.scalars(chosen if month is None else chosen.where(CloseRun.month == month)))


def sealed_checks(session: Session, branch_id: int, month: str) -> list[dict[str, Any]]:
    """What each check said when the month was sealed, as ``checks.as_plain`` wrote it; never changed since.

    Empty for months that were sealed before checks were kept, and for open ones.
    """
    kept = select(CloseRun.checks).where(CloseRun.branch_id == branch_id, CloseRun.month == month, CloseRun.seals)
    return session.scalars(kept).one_or_none() or []
