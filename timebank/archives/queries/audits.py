"""The self-checks of a branch's books as they were kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.archives.models import AuditRun
from timebank.branches.models import Branch
from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.ledger.verification import report, report_of_branch

STALE_AFTER: Final = timedelta(hours=36)  # it runs every night: so long without a run means that nobody looks


class NoSuchRun(NotFound):
    """No such self-check."""

    code = "archives.no_such_run"
    text = "没有找到这次自检的记录。"


def page_audits(session: Session, branch_id: int, *, number: int = 1, size: int = 30) -> Page[AuditRun]:
    """The self-checks of a branch's books, newest first."""
    chosen = select(AuditRun).where(AuditRun.branch_id == branch_id).order_by(AuditRun.id.desc())
    return read_page(session, chosen, number=number, size=size)


def get_audit(session: Session, run_id: int) -> AuditRun:
    """One self-check. Raises NoSuchRun."""
    run = session.get(AuditRun, run_id)
    if run is None:
        raise NoSuchRun()
    return run


def is_stale(run: AuditRun | None, *, now: datetime) -> bool:
    """Whether the newest self-check is so old that the nightly ones must have stopped; a first one is just awaited."""
    return run is not None and now - run.ran_at > STALE_AFTER


def audit_report(session: Session, run: AuditRun) -> dict[str, Any]:
    """A kept self-check in the shape of ``flask ledger verify --json``."""
    branch = session.get_one(Branch, run.branch_id)
    kept = report_of_branch(code=branch.code, name=branch.name, checks=run.checks)
    return report([kept], at=run.ran_at, program=run.program_version)
