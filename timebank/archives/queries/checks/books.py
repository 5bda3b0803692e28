"""Checks of the books themselves: read anew before a close, and as the night found them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.archives.queries.audits import AuditView, is_stale, latest_audit
from timebank.archives.queries.checks.result import SHOWN_ROWS, CheckResult
from timebank.core.clock import local
from timebank.ledger.verification import verify_before_close

_TODO = "请不要再记账，联系系统管理员查看“监督 → 账本自检”。"


def check_books(session: Session, branch_id: int) -> list[CheckResult]:
    """The checks of the books that a close stands on; rereads the whole book."""
    return [
        CheckResult(
            name=check.name,
            title=check.title,
            fault=f"账本自检没有通过：{check.title}",
            todo=_TODO,
            place="verify",
            blocks=True,
            count=len(check.findings),
            rows=tuple(f"{found.row}：{found.text}" for found in check.findings[:SHOWN_ROWS]),
            milliseconds=check.milliseconds,
        )
        for check in verify_before_close(session, branch_id)
    ]


def check_last_audit(session: Session, branch_id: int, *, now: datetime) -> CheckResult:
    """What the newest self-check of the books said: before a month ends nobody rereads them for a page.

    That there is none, or none of late, is a warning: silence would look like a check that passed.
    """
    audit = latest_audit(session, branch_id)
    if audit is None or is_stale(audit, now=now):
        return _unchecked(audit)
    at = f"{local(audit.ran_at):%m-%d %H:%M}"
    return CheckResult(
        name="last_audit",
        title=f"{at} 的账本自检通过",
        fault=f"{at} 的账本自检没有通过",
        todo="结账时会逐笔重算，对不上就不会结。请先联系系统管理员查看“监督 → 账本自检”。",
        place="verify",
        blocks=False,
        count=audit.findings,
        rows=tuple(audit.text.splitlines()[:SHOWN_ROWS]),
    )


def _unchecked(audit: AuditView | None) -> CheckResult:
    words = "账本还没有检查过" if audit is None else f"{local(audit.ran_at):%m-%d %H:%M} 以后，账本还没有检查过"
    return CheckResult(
        name="last_audit",
        title="账本每天夜里都检查过",
        fault=words,
        todo="账本自检每天夜里自动做。请系统管理员看看定时任务；结账时会逐笔重算，不会漏查。",
        place="verify",
        blocks=False,
        count=1,
        rows=(words,),
    )
