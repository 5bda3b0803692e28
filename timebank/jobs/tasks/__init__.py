"""What the schedule does: doors without a browser. Each opens its own units of work and is told the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from timebank.core import clock
from timebank.core.db import db
from timebank.jobs.tasks.base import BranchesFailed, Place, log
from timebank.jobs.tasks.books import audit_books, close_months, expire_coins
from timebank.jobs.tasks.keeping import propose_disposals, recheck_packages
from timebank.jobs.tasks.outside import (
    ProposalsFailed,
    join_branches,
    reconcile_pairs,
    remind_of_promises,
    resume_proposals,
)
from timebank.jobs.tasks.redeeming import (
    expire_orders,
    remind_of_disputes,
    remind_of_offers,
    remind_of_requests,
    settle_requests,
)
from timebank.jobs.tasks.services import remind_due, remind_people, settle_lines

__all__ = [
    "JOBS",
    "BranchesFailed",
    "Job",
    "Place",
    "ProposalsFailed",
    "audit_books",
    "close_months",
    "expire_coins",
    "expire_orders",
    "join_branches",
    "propose_disposals",
    "recheck_packages",
    "reconcile_pairs",
    "remind_due",
    "remind_of_disputes",
    "remind_of_offers",
    "remind_of_promises",
    "remind_of_requests",
    "remind_people",
    "resume_proposals",
    "run_job",
    "settle_lines",
    "settle_requests",
]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: what it does in Chinese, and the function."""

    title: str
    run: Callable[[Place, datetime], int]


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
    "recheck_packages": Job(title="复查存好的归档包", run=recheck_packages),
    "propose_disposals": Job(title="列出过了保管期限的材料", run=propose_disposals),
    "remind_of_offers": Job(title="提醒快到期的可兑服务和物品", run=remind_of_offers),
    "remind_of_disputes": Job(title="提醒快到期和逾期的争议", run=remind_of_disputes),
    "settle_requests": Job(title="办结点单：已审核的算完成，过了期的结束", run=settle_requests),
    "remind_of_requests": Job(title="提醒没有受理、没人接的点单", run=remind_of_requests),
    "remind_of_promises": Job(title="提醒快到期和逾期的共建承诺", run=remind_of_promises),
    "remind_due": Job(title="提醒快到期和逾期的服务记录", run=remind_due),
}


def run_job(name: str, place: Place) -> int:
    """Run one job now; what it raises is logged by its kind and raised again."""
    log.info("job_started", job=name)
    try:
        count = JOBS[name].run(place, clock.now())
    except Exception as error:
        log.error("job_failed", job=name, kind=type(error).__name__)
        raise
    finally:
        db.session.remove()
    log.info("job_done", job=name, count=count)
    return count
