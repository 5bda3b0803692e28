"""When each job runs, in words and for APScheduler; what was missed while nothing ran is made up for at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from timebank.core.clock import ZONE


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When a job runs. ``at_start``: also whenever a process begins to lead, whether it was missed or not."""

    job: str
    words: str
    trigger: BaseTrigger
    id: str = ""
    at_start: bool = False

    def first_after(self, instant: datetime) -> datetime:
        """When it is due next, counted from a run or another instant."""
        if isinstance(self.trigger, IntervalTrigger):
            every: timedelta = self.trigger.interval
            return instant + every
        due: datetime = self.trigger.get_next_fire_time(None, instant + timedelta(seconds=1))
        return due


def _daily(job: str, hour: int, minute: int, *, working: bool = False) -> Plan:
    days = "工作日" if working else "每天"  # the job itself is silent on days off
    trigger = CronTrigger(hour=hour, minute=minute, timezone=ZONE)
    return Plan(job=job, words=f"{days} {hour}:{minute:02d}", trigger=trigger)


def _every(job: str, minutes: int) -> Plan:
    return Plan(job=job, words=f"每 {minutes} 分钟", trigger=IntervalTrigger(minutes=minutes), at_start=True)


def _hourly(job: str, minute: int, job_id: str = "") -> Plan:
    trigger = CronTrigger(minute=minute, timezone=ZONE)
    return Plan(job=job, words=f"每小时第 {minute} 分", trigger=trigger, id=job_id, at_start=True)


PLANS: Final = (
    Plan(
        job="close_months",
        words="每月 1 日 0:30",
        trigger=CronTrigger(day=1, hour=0, minute=30, timezone=ZONE),
        id="month_end",
    ),
    # Also on the hour: a month that was refused closes soon after its reason is gone.
    _hourly("close_months", 5, "catch_up"),
    _every("expire_orders", 5),
    _every("settle_lines", 3),
    _every("make_cards", 1),
    _every("settle_requests", 3),
    _every("remind_people", 5),
    # Before the books are checked, and after months close: what expires on the first belongs to the new month.
    _daily("expire_coins", 2, 30),
    # Before the books are checked, so that a difference is one pair's case first.
    _daily("reconcile_pairs", 3, 0),
    _hourly("join_branches", 20),
    _every("resume_proposals", 10),
    _daily("audit_books", 3, 15),
    _daily("renew_pair_keys", 4, 10),
    _daily("forget_runs", 4, 20),
    _daily("remove_cards", 4, 30),
    _daily("remind_of_offers", 8, 0),
    _daily("tell_statements", 8, 20),  # after the night's close, when people look at their phones
    _daily("remind_of_requests", 8, 15),
    _daily("remind_of_promises", 8, 10),
    _daily("remind_due", 7, 30, working=True),
    _daily("remind_of_disputes", 7, 45, working=True),
)


def plans_of(job: str) -> list[Plan]:
    """When a job runs; some have several times."""
    return [plan for plan in PLANS if plan.job == job]


def words_of(job: str) -> str:
    """When a job runs, in words."""
    return "，".join(plan.words for plan in plans_of(job))


def next_due(job: str, *, last: datetime | None, now: datetime) -> datetime:
    """When a job is due next: after its last start, or from now where that is past or it never ran."""
    dues = [plan.first_after(last or now) for plan in plans_of(job)]
    coming = [due if due > now else plan.first_after(now) for due, plan in zip(dues, plans_of(job), strict=True)]
    return min(coming)


def list_missed(last: Mapping[str, datetime], *, now: datetime) -> dict[str, datetime]:
    """Jobs for a new leader to do at once, and since when each is due: the frequent ones, and what was missed.

    What never ran was not missed; it waits for its hour.
    """
    missed: dict[str, datetime] = {}
    for plan in PLANS:
        due = plan.first_after(last[plan.job]) if plan.job in last else now
        if plan.at_start or (plan.job in last and due <= now):
            missed[plan.job] = min(due, now, missed.get(plan.job, now))
    return missed
