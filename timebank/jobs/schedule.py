"""When each job runs. APScheduler keeps the time; what is missed while nothing runs is made up for at the start."""

from __future__ import annotations

from collections.abc import Callable

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from timebank.core.clock import ZONE
from timebank.jobs.leader import Leadership

_HOUR = 3600


def build(run: Callable[[str], object], leader: Leadership) -> BlockingScheduler:
    """The schedule; ``run`` is called with a job's name. It stops by itself when the lock is lost."""
    # Two jobs at most: month closes are long, and orders should expire meanwhile.
    scheduler = BlockingScheduler(
        timezone=ZONE,
        executors={"default": {"type": "threadpool", "max_workers": 2}},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": _HOUR},
    )

    def add(job_id: str, name: str, trigger: object) -> None:
        scheduler.add_job(run, trigger, args=[name], id=job_id)

    add("month_end", "close_months", CronTrigger(day=1, hour=0, minute=30, timezone=ZONE))
    # Also on the hour: a month that was refused closes soon after its reason is gone.
    add("catch_up", "close_months", CronTrigger(minute=5, timezone=ZONE))
    add("expire_orders", "expire_orders", IntervalTrigger(minutes=5))
    add("settle_lines", "settle_lines", IntervalTrigger(minutes=3))
    add("settle_requests", "settle_requests", IntervalTrigger(minutes=3))
    add("remind_people", "remind_people", IntervalTrigger(minutes=5))
    # Before the books are checked, and after months close: what expires on the first belongs to the new month.
    add("expire_coins", "expire_coins", CronTrigger(hour=2, minute=30, timezone=ZONE))
    # Before the books are checked, so that a difference is one pair's case first.
    add("reconcile_pairs", "reconcile_pairs", CronTrigger(hour=3, minute=0, timezone=ZONE))
    add("join_branches", "join_branches", CronTrigger(minute=20, timezone=ZONE))
    add("resume_proposals", "resume_proposals", IntervalTrigger(minutes=10))
    add("audit_books", "audit_books", CronTrigger(hour=3, minute=15, timezone=ZONE))
    # After the books were checked; what does not fit into the night is read the next one.
    add("recheck_packages", "recheck_packages", CronTrigger(hour=4, minute=0, timezone=ZONE))
    add("propose_disposals", "propose_disposals", CronTrigger(hour=5, minute=30, timezone=ZONE))
    add("remind_of_offers", "remind_of_offers", CronTrigger(hour=8, minute=0, timezone=ZONE))
    add("remind_of_requests", "remind_of_requests", CronTrigger(hour=8, minute=15, timezone=ZONE))
    add("remind_of_promises", "remind_of_promises", CronTrigger(hour=8, minute=10, timezone=ZONE))
    add("remind_due", "remind_due", CronTrigger(hour=7, minute=30, timezone=ZONE))  # by itself silent on days off
    add("remind_of_disputes", "remind_of_disputes", CronTrigger(hour=7, minute=45, timezone=ZONE))  # likewise
    for name in (
        "expire_orders",
        "settle_lines",
        "settle_requests",
        "remind_people",
        "join_branches",
        "resume_proposals",
        "close_months",
    ):
        scheduler.add_job(run, args=[name], id=f"start_{name}")

    def stop_when_lost() -> None:
        if not leader.holds():
            scheduler.shutdown(wait=False)

    scheduler.add_job(stop_when_lost, IntervalTrigger(minutes=1), id="leader")
    return scheduler
