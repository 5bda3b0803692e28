"""Runs jobs and writes down each run; leads the schedule: keeps its times, makes up, tries again."""

from __future__ import annotations

import os
import socket
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.interval import IntervalTrigger
from flask import Flask

from timebank.core import clock
from timebank.core.clock import ZONE
from timebank.core.db import db, transaction
from timebank.core.errors import PROGRAM_FAILED
from timebank.jobs.leader import Leadership
from timebank.jobs.schedule import PLANS, list_missed
from timebank.jobs.tasks import JOBS, JobFailed, Place, log
from timebank.watch import queries, service

_THREADS: Final = 3  # month closes are long, and orders should expire meanwhile


def process_name() -> str:
    """What this process is called in what it writes down: machine and number."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


def run_job(name: str, place: Place, *, cause: str = "hand", planned_at: datetime | None = None) -> int:
    """Run one job now and write the run down; what it raises is kept and logged by its kind, and raised again."""
    now = clock.now()
    draft = service.RunDraft(job=name, cause=cause, planned_at=planned_at or now, process=process_name())
    log.info("job_started", job=name, cause=cause)
    try:
        with transaction() as session:
            run_id = service.begin_run(session, draft, now=now)
        try:
            count = JOBS[name](place, now)
        except Exception as error:
            log.error("job_failed", job=name, kind=type(error).__name__)
            with transaction() as session:
                service.fail_run(session, run_id, words=_words(error), now=clock.now())
            raise
        with transaction() as session:
            service.end_run(session, run_id, count=count, now=clock.now())
    finally:
        db.session.remove()
    log.info("job_done", job=name, count=count)
    return count


def _words(error: Exception) -> str:
    """A job's own sentence names branches and counts; another error's text might quote a person's row: see the log."""
    return error.message if isinstance(error, JobFailed) else PROGRAM_FAILED


@dataclass
class Lead:
    """What the leading process does, in threads that open their own contexts of the application."""

    app: Flask
    place: Place
    _running: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def begin(self) -> dict[str, datetime]:
        """Write down that this process leads; returns what to do at once, and since when each is due."""
        now = clock.now()
        with self.app.app_context():
            with transaction() as session:
                service.take_watch(session, process_name(), now=now)
            last = {job: run.started_at for job, run in queries.list_latest(db.session()).items() if job in JOBS}
            return list_missed(last, now=now)

    def run(self, name: str, cause: str = "schedule", planned_at: datetime | None = None) -> None:
        """Run a job, unless it runs already or, having gone wrong, waits for its next attempt."""
        if not self._running[name].acquire(blocking=False):
            return
        try:
            with self.app.app_context(), suppress(Exception):  # it is written down and logged
                if cause != "schedule" or not self._waits(name):
                    run_job(name, self.place, cause=cause, planned_at=planned_at)
        finally:
            self._running[name].release()

    def _waits(self, name: str) -> bool:
        waits = queries.waits_until(db.session(), name, now=clock.now()) is not None
        db.session.remove()
        return waits

    def list_due(self) -> list[tuple[str, datetime]]:
        """Jobs that went wrong and are due again, and since when."""
        with self.app.app_context():
            due = queries.list_due(db.session(), now=clock.now())
            return [(run.job, run.retry_at) for run in due if run.retry_at is not None and run.job in JOBS]

    def beat(self) -> None:
        """Write down that the leader is there."""
        with self.app.app_context(), transaction() as session:
            service.keep_watch(session, process_name(), now=clock.now())

    def leave(self) -> None:
        """Write down that the leader stopped in good order."""
        with self.app.app_context(), transaction() as session:
            service.leave_watch(session, process_name(), now=clock.now())


def build(lead: Lead, leader: Leadership, *, parent: int | None = None) -> BlockingScheduler:
    """The schedule. It stops by itself when the lock is lost, or ``parent``, the process that started it, is gone."""
    scheduler = BlockingScheduler(
        timezone=ZONE,
        executors={
            "default": {"type": "threadpool", "max_workers": _THREADS},
            "watch": {"type": "threadpool", "max_workers": 1},  # long jobs must not look like nobody's watch
        },
        # However late: a machine that slept through the night does at once what it missed, each once.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for plan in PLANS:
        scheduler.add_job(lead.run, plan.trigger, args=[plan.job], id=plan.id or plan.job)

    def keep_watch() -> None:
        if leader.holds():
            lead.beat()
        else:
            scheduler.shutdown(wait=False)

    def end_with_parent() -> None:
        if os.getppid() != parent:
            scheduler.shutdown(wait=False)

    def try_again() -> None:
        for name, since in lead.list_due():
            scheduler.add_job(lead.run, args=[name, "retry", since], id=f"retry_{name}", replace_existing=True)

    scheduler.add_job(keep_watch, IntervalTrigger(minutes=1), id="watch", executor="watch")
    if parent is not None:
        scheduler.add_job(end_with_parent, IntervalTrigger(seconds=5), id="parent", executor="watch")
    scheduler.add_job(try_again, IntervalTrigger(seconds=30), id="try_again", executor="watch")
    return scheduler


def make_up(scheduler: BlockingScheduler, lead: Lead) -> None:
    """Let the schedule begin with what its last leader left undone."""
    for name, since in lead.begin().items():
        scheduler.add_job(lead.run, args=[name, "start", since], id=f"start_{name}")
