"""Jobs on what is stored: packages are read again, what is past its term is proposed, what goes by itself goes."""

from __future__ import annotations

from datetime import datetime

from timebank.branches.queries import get_branch
from timebank.core.clock import month_of
from timebank.core.db import transaction
from timebank.jobs.tasks.base import BranchesFailed, Place, each_branch, log
from timebank.members.queries import list_staff
from timebank.members.roster.service import forget_previews
from timebank.members.service import forget_attempts
from timebank.notices.service import NoticeDraft, tell_all
from timebank.retention import queries, rechecking, service


def recheck_packages(place: Place, now: datetime) -> int:
    """Read stored packages again, the longest unread first, for two hours; returns how many are not sound."""
    done = rechecking.run(rechecking.Recheck(folder=place.archives, now=now))
    (log.error if done.bad else log.info)("packages_rechecked", read=done.read, bad=done.bad)
    return done.bad


def propose_disposals(_place: Place, now: datetime) -> int:
    """Propose what is past its term, branch by branch, and let go what has no list; returns how many items wait.

    A branch where it fails does not stop the others; BranchesFailed is raised after the last.
    """
    with transaction() as session:
        attempts, previews = forget_attempts(session, now=now), forget_previews(session, now=now)
    log.info("forgotten", attempts=attempts, previews=previews)
    items, failed = each_branch("disposal_failed", lambda branch_id, code: _propose_at(branch_id, code, now))
    if failed:
        others = f"其余网点有 {items} 件过了期限"
        raise BranchesFailed(branches=failed, what="保管期限检查", others=others, where="运行日志")
    return items


def _propose_at(branch_id: int, code: str, now: datetime) -> int:
    with transaction() as session:
        disposal = service.propose_disposal(session, get_branch(session, branch_id), now=now)
        if disposal is None:
            return 0
        items = len(queries.read_items(session, disposal.id))
        draft = NoticeDraft(
            kind="disposal.proposed",
            facts={"count": items},
            link=f"/branch/disposals?branch={branch_id}",
            key=f"disposal:{branch_id}:{month_of(now)}",  # once a month is enough
        )
        tell_all(session, [one.id for one in list_staff(session, branch_id, {"manager"})], draft, now=now)
    log.info("disposal_proposed", branch=code, items=items)
    return items
