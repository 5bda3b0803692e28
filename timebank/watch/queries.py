"""Reads of runs, of who leads, and of what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.core.clock import local
from timebank.core.paging import Page, read_page
from timebank.watch.models import WENT_WRONG, JobRun, JobWatch
from timebank.watch.rules import ALARM_ATTEMPTS, STUCK_AFTER, is_silent

_FRESH = {"populate_existing": True}


def find_latest(session: Session, job: str) -> JobRun | None:
    """The newest run of a job."""
    newest = select(JobRun).where(JobRun.job == job).order_by(JobRun.id.desc()).limit(1)
    return session.scalars(newest.execution_options(**_FRESH)).one_or_none()


def list_latest(session: Session) -> dict[str, JobRun]:
    """The newest run of each job that ever ran."""
    newest = select(func.max(JobRun.id)).group_by(JobRun.job)
    chosen = select(JobRun).where(JobRun.id.in_(newest)).execution_options(**_FRESH)
    return {run.job: run for run in session.scalars(chosen)}


def list_due(session: Session, *, now: datetime) -> list[JobRun]:
    """What went wrong and is due again, the longest due first."""
    wrong = [run for run in list_latest(session).values() if run.retry_at is not None and run.retry_at <= now]
    return sorted(wrong, key=lambda run: run.retry_at or now)


def waits_until(session: Session, job: str, *, now: datetime) -> datetime | None:
    """Until when a job that went wrong is left alone; None where it may run."""
    run = find_latest(session, job)
    return run.retry_at if run is not None and run.retry_at is not None and run.retry_at > now else None


def page_runs(
    session: Session, *, job: str | None = None, wrong: bool = False, number: int = 1, size: int = 30
) -> Page[JobRun]:
    """Runs, newest first: of one job or of all, all of them or only those that went wrong."""
    chosen = select(JobRun).order_by(JobRun.id.desc())
    if job is not None:
        chosen = chosen.where(JobRun.job == job)
    if wrong:
        chosen = chosen.where(JobRun.result.in_(WENT_WRONG))
    return read_page(session, chosen, number=number, size=size)


def find_watch(session: Session) -> JobWatch | None:
    """Who leads, or led last; None before the first."""
    return session.get(JobWatch, 1, populate_existing=True)


def is_led(watch: JobWatch | None, *, now: datetime) -> bool:
    """Whether somebody leads the schedule now."""
    return watch is not None and watch.left_at is None and not is_silent(watch.seen_at, now)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """What is wrong with the schedule: a stable code, since when, and the job it is about, if it is one.

    ``words`` say why (no names of people).
    """

    code: str
    since: datetime | None
    job: str = ""
    words: str = ""


def list_alarms(session: Session, *, now: datetime) -> list[Alarm]:
    """What needs somebody: nobody leads, a job goes wrong again and again, or one does not come to its end."""
    watch = find_watch(session)
    if watch is None:
        return [Alarm(code="never_led", since=None)]
    alarms = []
    if not is_led(watch, now=now):
        alarms.append(Alarm(code="not_led", since=watch.left_at or watch.seen_at))
    for run in list_latest(session).values():
        if run.result in WENT_WRONG and run.attempt >= ALARM_ATTEMPTS:
            alarms.append(Alarm(code="goes_wrong", since=run.started_at, job=run.job, words=_why(run)))
        elif run.result == "running" and now - run.started_at > STUCK_AFTER:
            alarms.append(Alarm(code="stuck", since=run.started_at, job=run.job))
    return alarms


def _why(run: JobRun) -> str:
    again = f"{local(run.retry_at):%m-%d %H:%M} 再试" if run.retry_at else ""
    return f"连续 {run.attempt} 次没有办成：{run.words or '进程中断'}（{again}）"
