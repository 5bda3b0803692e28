"""``/jobs``: who leads the schedule, how each job stands, and every run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, render_template

from timebank.core import clock
from timebank.core.db import db
from timebank.core.paging import page_number
from timebank.jobs.schedule import next_due, words_of
from timebank.jobs.tasks import JOBS
from timebank.watch import queries, words
from timebank.watch.models import JobRun
from timebank.web.guards import guard
from timebank.web.query import Query

blueprint = Blueprint("jobs", __name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownJob:
    """One job as the page shows it."""

    name: str
    title: str
    planned: str
    latest: JobRun | None
    next_at: datetime


@blueprint.get("/jobs")
@guard("jobs.read")
def jobs() -> str:
    """Every job with its last run and the next, who leads, and what needs somebody."""
    session, now, query = db.session(), clock.now(), Query()
    latest, watch = queries.list_latest(session), queries.find_watch(session)
    return render_template(
        "jobs/jobs.html",
        watch=watch,
        led=queries.is_led(watch, now=now),
        alarms=words.list_alarm_words(session, now=now),
        jobs=[_shown(name, latest.get(name), now) for name in JOBS],
        page=queries.page_runs(session, wrong=True, number=page_number(query.value("page")), size=10),
        words=words,
    )


@blueprint.get("/jobs/<job>")
@guard("jobs.read")
def job_runs(job: str) -> str:
    """The runs of one job, newest first."""
    if job not in JOBS:
        abort(404)
    session, query = db.session(), Query()
    return render_template(
        "jobs/job.html",
        shown=_shown(job, queries.find_latest(session, job), clock.now()),
        page=queries.page_runs(session, job=job, number=page_number(query.value("page"))),
        words=words,
    )


def _shown(name: str, latest: JobRun | None, now: datetime) -> ShownJob:
    last = latest.started_at if latest else None
    due = latest.retry_at if latest and latest.retry_at and latest.retry_at > now else None
    return ShownJob(
        name=name,
        title=words.title_of(name),
        planned=words_of(name),
        latest=latest,
        next_at=due or next_due(name, last=last, now=now),
    )
