"""What was tried and what was found, kept: attempts to close, self-checks of the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank import __version__
from timebank.archives import queries
from timebank.archives.models import AuditRun, CloseRun
from timebank.archives.queries import CheckResult
from timebank.ledger.verification import Check, as_plain, verify

_MESSAGE_LENGTH = 400
_KEPT_FINDINGS = 200  # of each check: who broke the books broke them everywhere


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
    checks: Sequence[CheckResult] = ()


def record_attempt(session: Session, attempt: Attempt) -> None:
    """Keep an attempt. The schedule tries every hour: the same answer again only moves the time of the one before."""
    month, message = attempt.month[:7], attempt.message[:_MESSAGE_LENGTH]
    before = queries.list_runs(session, attempt.branch_id, month=month, at_most=1)
    same = (attempt.result, message, attempt.by_name)
    if before and (before[0].result, before[0].message, before[0].by_name) == same:
        before[0].ended_at = attempt.ended_at
        if attempt.checks:
            before[0].checks = queries.as_plain(attempt.checks)
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
            checks=queries.as_plain(attempt.checks),
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
