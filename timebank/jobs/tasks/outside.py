"""Jobs with others than members: branches that redeem at each other, organisations that promised something."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from timebank.agreements import service as agreements
from timebank.clearing import queries as clearing_queries
from timebank.clearing import service as clearing
from timebank.core.db import db, transaction
from timebank.exchange import service as exchange
from timebank.jobs.tasks.base import BATCH, BranchesFailed, JobFailed, Place, each_branch, in_batches, log, one_by_one

# Answers that end the waiting; to the others the sender comes again.
_FURTHER: Final = frozenset({"accepted", "settled", "line_full", "late", "cancelled"})


class ProposalsFailed(JobFailed):
    """Messages between branches could not be sent again; the others were."""

    code = "jobs.proposals_failed"
    text = "{failed} 张清算单没有办成，其余办好 {done} 张。原因见运行日志。"


def reconcile_pairs(_place: Place, now: datetime) -> int:
    """Compare what branches that redeem at each other have in their books, pair by pair; returns the differences.

    A pair where it fails does not stop the others; BranchesFailed is raised after the last.
    """
    opened = clearing_queries.list_opened(db.session())
    pairs = [(pair.id, f"{pair.low.code}与{pair.high.code}") for pair in opened]
    found, failed = one_by_one("reconciling_failed", "pair", pairs, lambda pair_id, _: _reconcile(pair_id, now))
    if found:
        log.error("pairs_differ", differences=found)
    if failed:
        others = f"其余网点之间有 {found} 处差异"
        raise BranchesFailed(branches=failed, what="对账", others=others, where="运行日志")
    return found


def _reconcile(pair_id: int, now: datetime) -> int:
    """What was found stands, also where a statement cannot be made up for."""
    with transaction() as session:
        found = clearing.reconcile(session, clearing_queries.get_pair(session, pair_id), now=now)
    with transaction() as session:
        clearing.make_up(session, clearing_queries.get_pair(session, pair_id), now=now)
    return found


def join_branches(_place: Place, now: datetime) -> int:
    """Connect new branches with the ones above them; returns how many."""
    with transaction() as session:
        return clearing.join_branches(session, now=now)


def resume_proposals(_place: Place, now: datetime) -> int:
    """Send messages between branches again that were not answered, one unit of work each; returns how many got further.

    Orders behind which nothing was reserved in the end are ended, too. One that fails does not stop the others;
    ProposalsFailed is raised after the last.
    """
    got_further, failed = 0, 0
    for proposal_id in clearing_queries.list_unanswered(db.session(), at_most=BATCH):
        try:
            with transaction() as session:
                answer = clearing.resume_proposal(session, proposal_id, now=now)
            got_further += answer in _FURTHER
        except Exception as error:
            db.session.rollback()
            failed += 1
            log.error("proposal_failed", proposal=proposal_id, kind=type(error).__name__)
    in_batches(lambda session, at_most: len(exchange.cancel_unbacked(session, now=now, at_most=at_most)))
    if failed:
        raise ProposalsFailed(failed=failed, done=got_further)
    return got_further


def renew_pair_keys(_place: Place, now: datetime) -> int:
    """Change the keys that branches have signed with for a year, forget used nonces; returns how many keys."""
    with transaction() as session:
        return clearing.renew_old_keys(session, now=now)


def remind_of_promises(_place: Place, now: datetime) -> int:
    """Tell both sides of agreements what falls due within a month or is overdue; returns how many promises wait so.

    A branch where it fails does not stop the others; BranchesFailed is raised after the last.
    """
    promises, failed = each_branch("promises_failed", lambda branch_id, code: _promises_at(branch_id, code, now))
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
