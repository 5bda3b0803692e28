"""The self-checks of a branch's books as they were kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.archives.models import AuditRun
from timebank.branches.models import Branch
from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.ledger.verification import CHECKS, Kept, read_kept, report, report_of_branch

STALE_AFTER: Final = timedelta(hours=36)  # it runs every night: so long without a run means that nobody looks


class NoSuchRun(NotFound):
    """No such self-check."""

    code = "archives.no_such_run"
    text = "没有找到这次自检的记录。"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditView:
    """A kept self-check as it can be read today.

    ``checks`` are those that can be read, ``missing`` the titles of today's checks that it says nothing about.
    """

    id: int
    branch_id: int
    ran_at: datetime
    findings: int
    text: str
    milliseconds: int
    program_version: str
    checks: tuple[dict[str, Any], ...]
    missing: tuple[str, ...]
    ok: bool


def _kept(run: AuditRun) -> Kept:
    return read_kept(run.checks, at_least=run.findings)


def _view(run: AuditRun) -> AuditView:
    kept = _kept(run)
    return AuditView(
        id=run.id,
        branch_id=run.branch_id,
        ran_at=run.ran_at,
        findings=kept.count,
        text=run.text,
        milliseconds=run.milliseconds,
        program_version=run.program_version,
        checks=kept.checks,
        missing=tuple(title for name, title, _ in CHECKS if name in kept.missing),
        ok=kept.ok,
    )


def latest_audit(session: Session, branch_id: int) -> AuditView | None:
    """The newest self-check of a branch's books; None before the first."""
    newest = select(AuditRun).where(AuditRun.branch_id == branch_id).order_by(AuditRun.id.desc()).limit(1)
    run = session.scalars(newest).one_or_none()
    return _view(run) if run is not None else None


def page_audits(session: Session, branch_id: int, *, number: int = 1, size: int = 30) -> Page[AuditView]:
    """The self-checks of a branch's books, newest first."""
    chosen = select(AuditRun).where(AuditRun.branch_id == branch_id).order_by(AuditRun.id.desc())
    page = read_page(session, chosen, number=number, size=size)
    return Page(items=[_view(run) for run in page.items], number=page.number, size=page.size, total=page.total)


def get_audit(session: Session, run_id: int) -> AuditView:
    """One self-check. Raises NoSuchRun."""
    return _view(_get(session, run_id))


def is_stale(run: AuditView | None, *, now: datetime) -> bool:
    """Whether the nightly self-checks must have stopped, or never began: the newest is too old, or there is none."""
    return run is None or now - run.ran_at > STALE_AFTER


def audit_report(session: Session, run_id: int) -> dict[str, Any]:
    """A kept self-check in the shape of ``flask ledger verify --json``. Raises NoSuchRun."""
    run = _get(session, run_id)
    branch = session.get_one(Branch, run.branch_id)
    kept = report_of_branch(code=branch.code, name=branch.name, kept=_kept(run))
    return report([kept], at=run.ran_at, program=run.program_version)


def _get(session: Session, run_id: int) -> AuditRun:
    run = session.get(AuditRun, run_id)
    if run is None:
        raise NoSuchRun()
    return run
