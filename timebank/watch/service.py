"""Writing down runs of jobs and who leads; each verb in a unit of work of its own: a run is seen while it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from timebank.core.db import insert_once
from timebank.watch import queries
from timebank.watch.models import WENT_WRONG, JobRun, JobWatch
from timebank.watch.rules import KEEP, KEEP_IDLE, retry_after

_WORDS = 400


@dataclass(frozen=True, kw_only=True)
class RunDraft:
    """A run about to begin: of which job, why, planned for when, in which process."""

    job: str
    cause: str
    planned_at: datetime
    process: str


def begin_run(session: Session, draft: RunDraft, *, now: datetime) -> int:
    """Write down that a run begins; returns its id. It is the next attempt where the run before went wrong.

    A run of the same job that its process never ended is over: no process runs a job twice at once.
    """
    _interrupt(session, now=now, job=draft.job, process=draft.process)
    before = queries.find_latest(session, draft.job)
    wrong = before is not None and before.result in WENT_WRONG
    run = JobRun(
        job=draft.job,
        cause=draft.cause,
        planned_at=draft.planned_at,
        started_at=now,
        attempt=before.attempt + 1 if before is not None and wrong else 1,
        process=draft.process,
    )
    session.add(run)
    session.flush()
    return run.id


def end_run(session: Session, run_id: int, *, count: int, now: datetime) -> None:
    """Write down that a run is done, and how much it did."""
    run = session.get_one(JobRun, run_id)
    run.result, run.ended_at, run.count, run.retry_at = "done", now, count, None


def fail_run(session: Session, run_id: int, *, words: str, now: datetime) -> None:
    """Write down that a run went wrong, and when it is due again. ``words`` name no people."""
    run = session.get_one(JobRun, run_id)
    run.result, run.ended_at, run.words = "failed", now, words[:_WORDS]
    run.retry_at = now + retry_after(run.attempt)


def take_watch(session: Session, process: str, *, now: datetime) -> None:
    """Write down who leads from now on. What another leader left running was interrupted and is due again."""
    session.execute(insert_once(session, JobWatch).values(id=1, process=process, since=now, seen_at=now, left_at=None))
    watch = session.get_one(JobWatch, 1, with_for_update=True, populate_existing=True)
    watch.process, watch.since, watch.seen_at, watch.left_at = process, now, now, None
    _interrupt(session, now=now)


def keep_watch(session: Session, process: str, *, now: datetime) -> None:
    """Write down that the leader is there."""
    mine = update(JobWatch).where(JobWatch.process == process)
    session.execute(mine.values(seen_at=now, left_at=None))


def leave_watch(session: Session, process: str, *, now: datetime) -> None:
    """Write down that the leader stopped in good order."""
    session.execute(update(JobWatch).where(JobWatch.process == process).values(seen_at=now, left_at=now))


def _interrupt(session: Session, *, now: datetime, job: str = "", process: str = "") -> None:
    open_runs = select(JobRun).where(JobRun.result == "running")
    if job:
        open_runs = open_runs.where(JobRun.job == job, JobRun.process == process)
    else:
        open_runs = open_runs.where(JobRun.cause != "hand")  # somebody's own, beside the leader's
    for run in session.scalars(open_runs).all():
        run.result, run.ended_at = "interrupted", now
        run.retry_at = now + retry_after(run.attempt)
    session.flush()


def forget_runs(session: Session, *, now: datetime) -> int:
    """Delete runs whose time is over, sooner those that found nothing to do; the newest of each job stays."""
    newest = select(func.max(JobRun.id)).group_by(JobRun.job)
    idle = (JobRun.result == "done") & (JobRun.count == 0) & (JobRun.started_at < now - KEEP_IDLE)
    over = idle | (JobRun.started_at < now - KEEP)
    gone = session.execute(
        delete(JobRun).where(over, JobRun.id.not_in(newest)), execution_options={"synchronize_session": False}
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
