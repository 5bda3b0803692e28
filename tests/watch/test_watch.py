"""Runs of jobs are written down; what went wrong is due again later and later; silence is an alarm."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.world import NOW
from timebank.jobs.tasks import JOBS
from timebank.watch import queries, rules, service, words
from timebank.watch.models import CAUSES, RESULTS, JobRun

MINUTE = timedelta(minutes=1)


def begin(
    session: Session, job: str = "close_months", *, at: timedelta = MINUTE, process: str = "a:1", **more: str
) -> int:
    draft = service.RunDraft(**{"job": job, "cause": "schedule", "planned_at": NOW, "process": process} | more)
    return service.begin_run(session, draft, now=NOW + at)


def fail(session: Session, job: str = "close_months", *, at: timedelta = MINUTE) -> JobRun:
    run_id = begin(session, job, at=at)
    service.fail_run(session, run_id, words="BL 的结账出错", now=NOW + at)
    return session.get_one(JobRun, run_id)


def test_every_job_has_words() -> None:
    assert set(words.JOBS) == set(JOBS)
    assert set(words.CAUSES) == set(CAUSES)
    assert set(words.RESULTS) == set(RESULTS)


def test_a_run_is_seen_while_it_lasts_and_says_what_came_of_it(session: Session) -> None:
    run_id = begin(session)
    latest = queries.list_latest(session)["close_months"]
    assert (latest.id, latest.result, latest.ended_at, words.outcome(latest)) == (run_id, "running", None, "")
    service.end_run(session, run_id, count=3, now=NOW + 4 * MINUTE)
    latest = queries.list_latest(session)["close_months"]
    assert (latest.result, latest.count, words.duration(latest)) == ("done", 3, "3 分 0 秒")
    assert words.outcome(latest) == "3 个归档包"


@pytest.mark.parametrize(("attempt", "minutes"), [(1, 1), (2, 5), (3, 30), (4, 60), (5, 60), (99, 60)])
def test_what_goes_wrong_waits_longer_each_time(attempt: int, minutes: int) -> None:
    assert rules.retry_after(attempt) == minutes * MINUTE


def test_attempts_count_until_one_is_done(session: Session) -> None:
    at, waited = timedelta(), []
    for _ in range(5):
        run = fail(session, at=at)
        assert run.retry_at is not None
        assert [one.id for one in queries.list_due(session, now=run.retry_at)] == [run.id]
        assert queries.list_due(session, now=run.retry_at - timedelta(seconds=1)) == []
        assert queries.waits_until(session, run.job, now=NOW + at) == run.retry_at
        assert queries.waits_until(session, run.job, now=run.retry_at) is None
        waited.append((run.attempt, run.retry_at - NOW - at))
        at = run.retry_at - NOW
    assert waited == [(1, MINUTE), (2, 5 * MINUTE), (3, 30 * MINUTE), (4, 60 * MINUTE), (5, 60 * MINUTE)]
    service.end_run(session, begin(session, at=at), count=1, now=NOW + at)
    assert queries.list_due(session, now=NOW + timedelta(days=9)) == []
    assert fail(session, at=at + MINUTE).attempt == 1


def test_a_new_leader_finds_what_the_last_one_left_running_and_has_it_tried_again(session: Session) -> None:
    service.take_watch(session, "a:1", now=NOW)
    left = begin(session, process="a:1")
    by_hand = begin(session, "audit_books", process="c:3", cause="hand")
    service.take_watch(session, "b:2", now=NOW + 2 * MINUTE)
    watch = queries.find_watch(session)
    assert watch is not None
    assert (watch.process, watch.since) == ("b:2", NOW + 2 * MINUTE)
    assert session.get_one(JobRun, left).result == "interrupted"
    assert session.get_one(JobRun, by_hand).result == "running"
    [due] = queries.list_due(session, now=NOW + 3 * MINUTE)
    assert due.id == left
    assert "中途停了" in words.outcome(due)
    service.end_run(session, left, count=0, now=NOW + 4 * MINUTE)  # it did live on, and came to its end
    assert queries.list_due(session, now=NOW + 9 * MINUTE) == []


def test_a_run_that_its_own_process_never_ended_is_over_when_it_begins_the_job_again(session: Session) -> None:
    first = begin(session)
    second = begin(session, at=5 * MINUTE)
    assert session.get_one(JobRun, first).result == "interrupted"
    assert session.get_one(JobRun, second).attempt == 2


def test_only_the_leader_s_own_word_counts(session: Session) -> None:
    service.take_watch(session, "a:1", now=NOW)
    service.take_watch(session, "b:2", now=NOW)
    service.keep_watch(session, "a:1", now=NOW + 9 * MINUTE)
    service.leave_watch(session, "a:1", now=NOW + 9 * MINUTE)
    session.expire_all()
    watch = queries.find_watch(session)
    assert watch is not None
    assert (watch.seen_at, watch.left_at) == (NOW, None)


def alarms(session: Session, after: timedelta) -> list[tuple[str, str]]:
    return [(one.code, one.job) for one in queries.list_alarms(session, now=NOW + after)]


def test_nobody_s_watch_is_an_alarm(session: Session) -> None:
    assert alarms(session, MINUTE) == [("never_led", "")]
    service.take_watch(session, "a:1", now=NOW)
    assert alarms(session, 5 * MINUTE) == []
    assert alarms(session, 6 * MINUTE) == [("not_led", "")]
    service.keep_watch(session, "a:1", now=NOW + 6 * MINUTE)
    assert alarms(session, 7 * MINUTE) == []
    service.leave_watch(session, "a:1", now=NOW + 7 * MINUTE)
    assert alarms(session, 8 * MINUTE) == [("not_led", "")]
    [told] = words.list_alarm_words(session, now=NOW + 8 * MINUTE)
    assert "没有人值守" in told.title


def test_what_goes_wrong_again_and_again_or_never_ends_is_an_alarm(session: Session) -> None:
    service.take_watch(session, "a:1", now=NOW)
    begin(session, "audit_books")
    fail(session)
    fail(session)
    assert alarms(session, 2 * MINUTE) == []
    fail(session)
    assert alarms(session, 2 * MINUTE) == [("goes_wrong", "close_months")]
    [told] = words.list_alarm_words(session, now=NOW + 2 * MINUTE)
    assert "连续 3 次没有办成：BL 的结账出错" in told.text
    service.keep_watch(session, "a:1", now=NOW + timedelta(hours=7))
    assert sorted(alarms(session, timedelta(hours=7))) == [("goes_wrong", "close_months"), ("stuck", "audit_books")]


def test_old_runs_are_forgotten_the_idle_ones_sooner_the_newest_never(session: Session) -> None:
    for job, count in (("expire_orders", 0), ("expire_orders", 0), ("expire_orders", 2), ("audit_books", 0)):
        service.end_run(session, begin(session, job), count=count, now=NOW + 2 * MINUTE)
    failed = fail(session)
    fail(session)
    assert service.forget_runs(session, now=NOW + timedelta(days=1)) == 0
    assert service.forget_runs(session, now=NOW + timedelta(days=3)) == 2
    assert service.forget_runs(session, now=NOW + timedelta(days=91)) == 1
    assert session.scalar(sa.select(JobRun.id).where(JobRun.id == failed.id)) is None
    assert set(queries.list_latest(session)) == {"expire_orders", "audit_books", "close_months"}


def test_runs_are_listed_newest_first_all_or_what_went_wrong(session: Session) -> None:
    service.end_run(session, begin(session, "audit_books"), count=0, now=NOW)
    wrong = fail(session)
    assert [run.job for run in queries.page_runs(session).items] == ["close_months", "audit_books"]
    assert [run.id for run in queries.page_runs(session, wrong=True).items] == [wrong.id]
    assert [run.job for run in queries.page_runs(session, job="audit_books").items] == ["audit_books"]


@pytest.mark.parametrize(
    "change",
    ["result = 'done'", "result = 'failed', ended_at = started_at", "cause = 'luck'", "result = 'fine'", "attempt = 0"],
)
def test_the_database_keeps_runs_in_order(session: Session, change: str) -> None:
    run_id = begin(session)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(sa.text(f"UPDATE job_run SET {change} WHERE id = :id"), {"id": run_id})


def test_one_row_says_who_leads(session: Session) -> None:
    service.take_watch(session, "a:1", now=NOW)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            sa.text(
                "INSERT INTO job_watch (id, process, since, seen_at) SELECT 2, process, since, seen_at FROM job_watch"
            )
        )
