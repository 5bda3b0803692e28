"""Last chapter: the two past months are closed on time and packed, the books check themselves, notices are read."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from timebank.archives import service as archives
from timebank.archives.package import Packing
from timebank.branches.queries import get_branch
from timebank.core.actor import SYSTEM
from timebank.core.clock import instant, month_range, today
from timebank.demo.calendar import closed_months
from timebank.demo.story import Story
from timebank.exchange.service import expire_orders
from timebank.notices.service import mark_read
from timebank.watch import service as watch

_MINUTE: Final = timedelta(minutes=1)
_CLOSING: Final = timedelta(minutes=30)  # after midnight of the first, like the schedule


def file_months(story: Story) -> None:
    """Note the closes, last night's self-check, and the last time when everybody read their notices."""
    for month in closed_months(story.now):
        due = min(month_range(month)[1] + _CLOSING, story.now)
        for code in story.branch_ids:
            story.note(due, _close, code, month)
        story.note(due + _MINUTE, _ran, "close_months", len(story.branch_ids))
    last_night = instant(today(story.now - timedelta(hours=4)), time(3, 30))
    story.note(min(last_night, story.now), _audit)
    for nights in range(5, -1, -1):
        at = min(last_night - timedelta(days=nights), story.now)
        if nights == 3:
            story.note(at - _MINUTE, _failed, "audit_books", "OperationalError")
        story.note(at + _MINUTE, _ran, "audit_books", 0)
        story.note(at - timedelta(minutes=45), _ran, "expire_coins", 0)
    story.note(story.now - timedelta(days=3), _read)


def _close(story: Story, code: str, month: str, at: datetime) -> None:
    session, branch = story.session, get_branch(story.session, story.branch_ids[code])
    expire_orders(session, now=at)
    archives.close_month(session, branch=branch, month=month, actor=SYSTEM, keys=story.keys, now=at)
    packing = Packing(folder=story.folder, keys=story.keys)
    package = archives.make_package(session, branch=branch, month=month, packing=packing)
    archives.keep_package(session, branch=branch, month=month, package=package, actor=SYSTEM, now=at)
    attempt = archives.Attempt(
        branch_id=branch.id, month=month, by_name=SYSTEM.name, started_at=at, ended_at=at, result="closed"
    )
    archives.record_attempt(session, attempt)


def _audit(story: Story, at: datetime) -> None:
    for branch_id in story.branch_ids.values():
        archives.audit(story.session, branch_id=branch_id, now=at)


def _ran(story: Story, job: str, count: int, at: datetime) -> None:
    """What the schedule would have written down of what was done here at this hour."""
    run = watch.begin_run(story.session, _draft(job, at), now=at)
    watch.end_run(story.session, run, count=count, now=at + timedelta(seconds=2))


def _failed(story: Story, job: str, words: str, at: datetime) -> None:
    watch.fail_run(story.session, watch.begin_run(story.session, _draft(job, at), now=at), words=words, now=at)


def _draft(job: str, at: datetime) -> watch.RunDraft:
    return watch.RunDraft(job=job, cause="schedule", planned_at=at, process="demo:1")


def _read(story: Story, at: datetime) -> None:
    for resident in story.residents.values():
        if resident.person.phone:
            mark_read(story.session, resident.member_id, now=at)
