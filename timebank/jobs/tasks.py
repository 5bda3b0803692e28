"""What the schedule does: doors without a browser. Each opens its own units of work and is told the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from timebank.activities import queries as activities
from timebank.activities import service as signing
from timebank.agreements import service as agreements
from timebank.archives import closing
from timebank.archives import queries as archives
from timebank.archives import service as archiving
from timebank.attendance import service as attendance
from timebank.branches.queries import list_branches
from timebank.clearing import queries as clearing_queries
from timebank.clearing import service as clearing
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import db, snapshot, transaction
from timebank.core.errors import Conflict, Refusal
from timebank.core.keys import Keys
from timebank.disputes import service as disputes
from timebank.exchange import service as exchange
from timebank.growth import making
from timebank.growth.printing import Render
from timebank.ledger.verification import verify
from timebank.requests import service as requests
from timebank.rulebook import service as rulebook

log = structlog.get_logger()
_BATCH = 500
_NOT_YET = frozenset({"wait", "unknown", "broken"})  # answers to which the sender comes again


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a job needs of the running program: its keys, the folders of archives and of cards to print, the press."""

    keys: Keys
    archives: Path
    cards: Path
    render: Render


class BranchesFailed(Conflict):
    """A job went wrong, not merely was refused, at some branches; the others were done."""

    code = "jobs.branches_failed"
    text = "{branches} 的{what}出错，没有完成；{others}。原因见{where}。"


class ProposalsFailed(Conflict):
    """Messages between branches could not be sent again; the others were."""

    code = "jobs.proposals_failed"
    text = "{failed} 张清算单没有办成，其余办好 {done} 张。原因见运行日志。"


def expire_orders(_place: Place, now: datetime) -> int:
    """End orders whose time has run out, in batches; returns how many."""
    ended = 0
    while True:
        with transaction() as session:
            batch = len(exchange.expire_orders(session, now=now, at_most=_BATCH))
        ended += batch
        if batch < _BATCH:
            return ended


def settle_lines(_place: Place, now: datetime) -> int:
    """Let unanswered offers of places end and ask the next in line; returns how many were asked.

    Each shift is a unit of work of its own.
    """
    asked = 0
    for shift_id in activities.list_unsettled(db.session(), now=now, limit=_BATCH):
        with transaction() as session:
            asked += signing.settle_shift(session, shift_id, now=now)
    return asked


def remind_people(_place: Place, now: datetime) -> int:
    """Remind people of shifts the day before and two hours before; returns how many. Each shift on its own."""
    told = 0
    for shift_id in signing.list_to_remind(db.session(), now=now):
        with transaction() as session:
            told += signing.remind_shift(session, shift_id, now=now)
    return told


def close_months(place: Place, now: datetime) -> int:
    """Close and pack every month that is over, each branch's in order; returns how many packages were made.

    A month that is refused or fails stops its own branch (later months would be refused too), not the others. Where
    one failed, BranchesFailed is raised after the last branch.
    """
    made, failed = _each_branch("month_failed", lambda branch_id, code: _close_branch(place, branch_id, code, now))
    if failed:
        others, where = f"其余网点做好 {made} 个归档包", "“月度归档”页的结账经过和运行日志"
        raise BranchesFailed(branches=failed, what="结账", others=others, where=where)
    return made


def _each_branch(event: str, work: Callable[[int, str], int]) -> tuple[int, str]:
    """Do one branch's work after the other's; the sum of what it counted, and the codes of those where it failed."""
    done, failed = 0, []
    for branch_id, code in [(branch.id, branch.code) for branch in list_branches(db.session(), closed=True)]:
        try:
            done += work(branch_id, code)
        except Exception as error:
            db.session.rollback()
            failed.append(code)
            log.error(event, branch=code, kind=type(error.__cause__ or error).__name__)
    return done, "、".join(failed)


def _close_branch(place: Place, branch_id: int, code: str, now: datetime) -> int:
    made = 0
    for month in archives.list_unfinished(db.session(), branch_id, now=now):
        try:
            closing.run(
                closing.Close(
                    branch_id=branch_id,
                    month=month,
                    actor=SYSTEM,
                    keys=place.keys,
                    folder=place.archives,
                    clock=lambda: now,
                )
            )
        except closing.NotPacked:
            raise
        except Refusal as refusal:
            log.warning("month_not_closed", branch=code, month=month, reason=refusal.code)
            break
        made += 1
        log.info("month_closed", branch=code, month=month)
    return made


def audit_books(_place: Place, now: datetime) -> int:
    """Check every invariant of every branch's books and keep the result; returns the number of findings.

    A branch that cannot be checked does not keep the others from it; BranchesFailed is raised after the last.
    """
    findings, failed = _each_branch("audit_failed", lambda branch_id, code: _audit_branch(branch_id, code, now))
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
    members, failed = _each_branch("expiry_failed", lambda branch_id, code: _expire_at(branch_id, code, now))
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


def remind_of_offers(_place: Place, now: datetime) -> int:
    """Tell owners of offers that end soon or ended yesterday; returns of how many offers."""
    with transaction() as session:
        return exchange.remind_of_lapsing(session, now=now)


def remind_of_disputes(_place: Place, now: datetime) -> int:
    """Remind who may decide of cases that are due soon, today, or late; returns of how many. Silent on days off."""
    with transaction() as session:
        return disputes.remind_of_disputes(session, now=now)


def settle_requests(_place: Place, now: datetime) -> int:
    """Bring requests in step with their services, end those of which the days are over; returns how many changed."""
    with transaction() as session:
        settled = requests.settle_requests(session, now=now)
    ended = 0
    while True:
        with transaction() as session:
            batch = requests.expire_requests(session, now=now, at_most=_BATCH)
        ended += batch
        if batch < _BATCH:
            return settled + ended


def remind_of_requests(_place: Place, now: datetime) -> int:
    """Remind coordinators of what nobody takes, managers of what nobody took up; returns of how many requests."""
    with transaction() as session:
        return requests.remind_of_requests(session, now=now)


def remind_of_promises(_place: Place, now: datetime) -> int:
    """Tell both sides of agreements what falls due within a month or is overdue; returns how many promises wait so.

    A branch where it fails does not stop the others; BranchesFailed is raised after the last.
    """
    promises, failed = _each_branch("promises_failed", lambda branch_id, code: _promises_at(branch_id, code, now))
    if failed:
        others = f"其余网点有 {promises} 项承诺快到期或者逾期"
        raise BranchesFailed(branches=failed, what="共建承诺提醒", others=others, where="运行日志")
    return promises


def _promises_at(branch_id: int, code: str, now: datetime) -> int:
    with transaction() as session:
        promises = agreements.remind_of_promises(session, branch_id, now=now)
    if promises:
        log.info("promises_due", branch=code, promises=promises)
    return promises


def remind_due(_place: Place, now: datetime) -> int:
    """Remind organisers of services that are due and managers of those that are late; returns of how many shifts.

    Says nothing on days off. A branch where it fails does not stop the others; BranchesFailed is raised after the last.
    """
    shifts, failed = _each_branch("reminder_failed", lambda branch_id, code: _remind_at(branch_id, code, now))
    if failed:
        others = f"其余网点提醒了 {shifts} 个班次"
        raise BranchesFailed(branches=failed, what="到期提醒", others=others, where="运行日志")
    return shifts


def _remind_at(branch_id: int, code: str, now: datetime) -> int:
    with transaction() as session:
        shifts = attendance.remind_branch(session, branch_id, now=now)
    if shifts:
        log.info("services_due", branch=code, shifts=shifts)
    return shifts


def reconcile_pairs(_place: Place, now: datetime) -> int:
    """Compare what branches that redeem at each other have in their books; returns the number of differences."""
    with transaction() as session:
        found = clearing.reconcile_all(session, now=now)
    if found:
        log.error("pairs_differ", differences=found)
    return found


def join_branches(_place: Place, now: datetime) -> int:
    """Connect new branches with the ones above them; returns how many."""
    with transaction() as session:
        return clearing.join_branches(session, now=now)


def resume_proposals(_place: Place, now: datetime) -> int:
    """Send messages between branches again that were not answered, one unit of work each; returns how many got further.

    One that fails does not stop the others; ProposalsFailed is raised after the last.
    """
    got_further, failed = 0, 0
    for proposal_id in clearing_queries.list_unanswered(db.session(), at_most=_BATCH):
        try:
            with transaction() as session:
                answer = clearing.resume_proposal(session, proposal_id, now=now)
            got_further += answer not in _NOT_YET
        except Exception as error:
            db.session.rollback()
            failed += 1
            log.error("proposal_failed", proposal=proposal_id, kind=type(error).__name__)
    if failed:
        raise ProposalsFailed(failed=failed, done=got_further)
    return got_further


def make_cards(place: Place, now: datetime) -> int:
    """Make the files of cards that wait, and what was being made when something stopped; returns how many."""
    shop = making.Workshop(keys=place.keys, folder=place.cards, render=place.render, clock=lambda: now)
    return making.make_waiting(shop)


def remove_cards(place: Place, now: datetime) -> int:
    """Remove files of cards that lay there for some days; returns how many."""
    return making.remove_old(place.cards, now)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: what it does in Chinese, and the function. ``often``: every few seconds, so it logs only what it did."""

    title: str
    run: Callable[[Place, datetime], int]
    often: bool = False


JOBS: Final[dict[str, Job]] = {
    "expire_orders": Job(title="让过期的兑换单退回冻结的爱心币", run=expire_orders),
    "settle_lines": Job(title="收回没有答复的名额，问候补的下一位", run=settle_lines),
    "remind_people": Job(title="提醒明天和两小时内要来的人", run=remind_people),
    "close_months": Job(title="结清已过完的月份并打包", run=close_months),
    "expire_coins": Job(title="让按规则过期的爱心币过期", run=expire_coins),
    "reconcile_pairs": Job(title="核对网点之间的账", run=reconcile_pairs),
    "join_branches": Job(title="让新网点和上级网点互通", run=join_branches),
    "resume_proposals": Job(title="重发没有答复的清算单", run=resume_proposals),
    "audit_books": Job(title="账本自检", run=audit_books),
    "remind_of_offers": Job(title="提醒快到期的可兑服务和物品", run=remind_of_offers),
    "remind_of_disputes": Job(title="提醒快到期和逾期的争议", run=remind_of_disputes),
    "settle_requests": Job(title="办结点单：已审核的算完成，过了期的结束", run=settle_requests),
    "remind_of_requests": Job(title="提醒没有受理、没人接的点单", run=remind_of_requests),
    "remind_of_promises": Job(title="提醒快到期和逾期的共建承诺", run=remind_of_promises),
    "remind_due": Job(title="提醒快到期和逾期的服务记录", run=remind_due),
    "make_cards": Job(title="制作成长卡 PDF", run=make_cards, often=True),
    "remove_cards": Job(title="删除到期的成长卡 PDF", run=remove_cards),
}


def run_job(name: str, place: Place) -> int:
    """Run one job now; what it raises is logged by its kind and raised again."""
    often = JOBS[name].often
    if not often:
        log.info("job_started", job=name)
    try:
        count = JOBS[name].run(place, clock.now())
    except Exception as error:
        log.error("job_failed", job=name, kind=type(error).__name__)
        raise
    finally:
        db.session.remove()
    if count or not often:
        log.info("job_done", job=name, count=count)
    return count
