"""Jobs on the books: months are closed, coins expire, every invariant is checked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from timebank.archives import closing
from timebank.archives import queries as archives
from timebank.archives import service as archiving
from timebank.core.actor import SYSTEM
from timebank.core.clock import running_on
from timebank.core.db import db, snapshot, transaction
from timebank.core.errors import Refusal
from timebank.jobs.tasks.base import BranchesFailed, Place, each_branch, in_batches, log
from timebank.ledger.verification import verify
from timebank.passbooks import service as passbooks
from timebank.rulebook import service as rulebook


def close_months(place: Place, now: datetime) -> int:
    """Close and pack every month that is over, each branch's in order; returns how many packages were made.

    A month that is refused or fails stops its own branch (later months would be refused too), not the others. Where
    one failed, BranchesFailed is raised after the last branch.
    """
    clock = running_on(now)  # each close says when it began and ended
    made, failed = each_branch(
        "month_failed", lambda branch_id, code: _close_branch(place, branch_id, code, now=now, clock=clock)
    )
    if failed:
        others, where = f"其余网点做好 {made} 个归档包", "“月度归档”页的结账经过和运行日志"
        raise BranchesFailed(branches=failed, what="结账", others=others, where=where)
    return made


def _close_branch(place: Place, branch_id: int, code: str, *, now: datetime, clock: Callable[[], datetime]) -> int:
    made = 0
    for month in archives.list_unfinished(db.session(), branch_id, now=now):
        close = closing.Close(
            branch_id=branch_id,
            month=month,
            actor=SYSTEM,
            keys=place.keys,
            folder=place.archives,
            clock=clock,
            site=place.site,
        )
        try:
            closing.run(close)
        except Exception as error:
            with transaction() as session:
                archiving.tell_unclosed(session, branch_id, month, because=error, now=now)
            if isinstance(error, closing.NotPacked) or not isinstance(error, Refusal):
                raise
            log.warning("month_not_closed", branch=code, month=month, reason=error.code)
            break
        made += 1
        log.info("month_closed", branch=code, month=month)
    return made


def audit_books(_place: Place, now: datetime) -> int:
    """Check every invariant of every branch's books and keep the result; returns the number of findings.

    A branch that cannot be checked does not keep the others from it; BranchesFailed is raised after the last.
    """
    findings, failed = each_branch("audit_failed", lambda branch_id, code: _audit_branch(branch_id, code, now))
    if failed:
        others = f"其余网点共发现 {findings} 处不对"
        raise BranchesFailed(branches=failed, what="账本自检", others=others, where="运行日志")
    return findings


def _audit_branch(branch_id: int, code: str, now: datetime) -> int:
    with snapshot() as session:  # reads every row: not while keeping writers out
        checks = verify(session, branch_id)
    with transaction() as session:
        found = archiving.keep_audit(session, branch_id=branch_id, checks=checks, now=now).findings
    (log.error if found else log.info)("books_verified", branch=code, findings=found)
    return found


def expire_coins(_place: Place, now: datetime) -> int:
    """Let coins expire where a branch's rules say so; returns of how many members. Today's second run finds nothing.

    A branch where it is refused or fails does not stop the others; BranchesFailed is raised after the last.
    """
    members, failed = each_branch("expiry_failed", lambda branch_id, code: _expire_at(branch_id, code, now))
    if failed:
        others = f"其余网点办好 {members} 位会员"
        raise BranchesFailed(branches=failed, what="爱心币过期", others=others, where="运行日志")
    return members


def _expire_at(branch_id: int, code: str, now: datetime) -> int:
    with transaction() as session:
        expired = rulebook.expire_coins(session, branch_id, now=now)
    if expired:
        log.info("coins_expired", branch=code, members=expired)
    return expired


def tell_statements(_place: Place, now: datetime) -> int:
    """Tell members that last month's statement is there, batch after batch; returns how many were looked at.

    Killed in between, the next run goes on where it was. A branch where it fails does not stop the others;
    BranchesFailed is raised after the last.
    """
    people, failed = each_branch("statements_failed", lambda branch_id, code: _tell_at(branch_id, code, now))
    if failed:
        others = f"其余网点看过 {people} 位会员"
        raise BranchesFailed(branches=failed, what="对账单通知", others=others, where="运行日志")
    return people


def _tell_at(branch_id: int, code: str, now: datetime) -> int:
    people = in_batches(lambda session, most: passbooks.tell_statements(session, branch_id, now=now, at_most=most))
    if people:
        log.info("statements_told", branch=code, members=people)
    return people
