"""How stored packages stand: what was read when, what is wrong, what is to be read next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.archives.models import Archive
from timebank.ledger import queries as ledger
from timebank.retention.models import SOUND, UNPACKED, PackageCheck

STALE_AFTER: Final = timedelta(days=35)  # every package is read about once a month


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A package with its newest reading; None before the first."""

    archive: Archive
    check: PackageCheck | None

    @property
    def bad(self) -> bool:
        """Something is wrong with it."""
        return self.check is not None and self.check.result != SOUND

    def stale(self, now: datetime) -> bool:
        """Nobody read it for too long."""
        return now - (self.check.checked_at if self.check else self.archive.made_at) > STALE_AFTER


def list_standing(session: Session, branch_id: int) -> list[Standing]:
    """Every package of a branch, the newest month first, with its newest reading."""
    last = select(func.max(PackageCheck.id)).where(PackageCheck.branch_id == branch_id)
    ids = last.where(PackageCheck.archive_id.is_not(None)).group_by(PackageCheck.archive_id)
    checks = {
        check.archive_id: check for check in session.scalars(select(PackageCheck).where(PackageCheck.id.in_(ids)))
    }
    archives = select(Archive).where(Archive.branch_id == branch_id)
    return [
        Standing(archive=archive, check=checks.get(archive.id))
        for archive in session.scalars(archives.order_by(Archive.month.desc(), Archive.version.desc()))
    ]


def list_to_check(session: Session, *, branch_id: int | None = None, at_most: int = 500) -> list[int]:
    """The packages to read next: those never read first, then those read longest ago."""
    last = (
        select(PackageCheck.archive_id, func.max(PackageCheck.checked_at).label("at"))
        .where(PackageCheck.archive_id.is_not(None))
        .group_by(PackageCheck.archive_id)
        .subquery()
    )
    chosen = select(Archive.id).outerjoin(last, last.c.archive_id == Archive.id)
    if branch_id is not None:
        chosen = chosen.where(Archive.branch_id == branch_id)
    order = (last.c.at.is_not(None), last.c.at, Archive.id)
    return list(session.scalars(chosen.order_by(*order).limit(at_most)))


def list_unpacked(session: Session, branch_id: int) -> list[str]:
    """The closed months of a branch without any package: holes in the chain."""
    packed = set(session.scalars(select(Archive.month).where(Archive.branch_id == branch_id)))
    return [month for month in ledger.closed_months(session, branch_id) if month not in packed]


def list_bad(session: Session, branch_id: int) -> Sequence[PackageCheck]:
    """What is wrong now with a branch's packages: the newest readings that are not sound, and months without one."""
    found = [standing.check for standing in list_standing(session, branch_id) if standing.bad and standing.check]
    holes = list_unpacked(session, branch_id)
    if holes:
        chosen = select(PackageCheck).where(PackageCheck.branch_id == branch_id, PackageCheck.result == UNPACKED)
        seen = {check.month: check for check in session.scalars(chosen.order_by(PackageCheck.id))}
        found += [seen[month] for month in holes if month in seen]
    return found
