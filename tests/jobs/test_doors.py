"""The pages and commands that say how the schedule stands, and the alarms on the manager's own pages."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.archives.months import AUGUST, small_town
from tests.world import make_member, sign_in
from timebank.archives import service as archives
from timebank.cli.jobs import jobs_cli
from timebank.core import clock
from timebank.core.db import transaction
from timebank.watch import service

MINUTE = timedelta(minutes=1)


class People(NamedTuple):
    manager: int
    inspector: int
    volunteer: int


@pytest.fixture
def people(app: Flask) -> People:
    """A branch whose August is not closed, whose schedule failed three times, and stopped an hour ago."""
    now = clock.now()
    with app.app_context(), transaction() as session:
        branch, anna, _ = small_town(session)
        service.take_watch(session, "host:1", now=now - timedelta(days=1))
        _run(session, "expire_orders", now - 90 * MINUTE, count=4)
        for at in (80, 79, 74):
            _run(session, "close_months", now - at * MINUTE, words="BL 的结账出错，没有完成")
        service.keep_watch(session, "host:1", now=now - 60 * MINUTE)
        attempt = archives.Attempt(
            branch_id=branch.id, month="2026-08", by_name="系统", started_at=now, ended_at=now,
            result="failed", message="磁盘满了。",
        )  # fmt: skip
        archives.record_attempt(session, attempt)
        return People(
            manager=make_member(session, branch, roles=("manager",), now=AUGUST).id,
            inspector=make_member(session, branch, roles=("inspector",), now=AUGUST).id,
            volunteer=anna.id,
        )


def _run(session, job, at, *, count=None, words=""):  # type: ignore[no-untyped-def]
    draft = service.RunDraft(job=job, cause="schedule", planned_at=at, process="host:1")
    run_id = service.begin_run(session, draft, now=at)
    if count is None:
        service.fail_run(session, run_id, words=words, now=at + MINUTE)
    else:
        service.end_run(session, run_id, count=count, now=at + MINUTE)


def test_the_page_says_who_leads_how_each_job_stands_and_what_went_wrong(client: FlaskClient, people: People) -> None:
    sign_in(client, people.inspector)
    page = client.get("/jobs").text
    for said in (
        "定时任务停了", "突然断了", "“结清已过完的月份并打包”一直没有办成", "连续 3 次没有办成",
        "BL 的结账出错，没有完成（第 3 次，", "4 张兑换单", "1 分 0 秒", "每月 1 日 0:30，每小时第 5 分",
    ):  # fmt: skip
        assert said in page
    runs = client.get("/jobs/expire_orders").text
    assert "4 张兑换单" in runs
    assert "BL 的结账出错" not in runs
    assert client.get("/jobs/nothing").status_code == 404
    sign_in(client, people.volunteer)
    assert client.get("/jobs").status_code == 403


@pytest.mark.parametrize("page", ["/branch", "/branch/archives"])
def test_a_manager_is_alarmed_where_a_month_is_late_and_nobody_leads(
    client: FlaskClient, people: People, page: str
) -> None:
    sign_in(client, people.manager)
    told = client.get(page).text
    for said in ("2026 年 8 月还没有结账", "磁盘满了。", "2026 年 9 月、2026 年 10 月也要等它先结", "定时任务停了"):
        assert said in told


def test_the_commands_say_the_same(app: Flask, people: People) -> None:
    run = app.test_cli_runner()
    status = run.invoke(jobs_cli, ["status"])
    assert status.exit_code == 1
    assert "没有进程在值守，最后一次是 host:1" in status.output
    assert "✗ 定时任务停了" in status.output
    history = run.invoke(jobs_cli, ["history", "--wrong", "--last", "2"]).output.splitlines()
    assert len(history) == 2
    assert all(line.startswith("close_months\t按时\t") for line in history)
    assert run.invoke(jobs_cli, ["once", "expire_orders"]).exit_code == 0
    [latest] = run.invoke(jobs_cli, ["history", "--last", "1"]).output.splitlines()
    assert latest.startswith("expire_orders\t手工\t")
    with app.app_context(), transaction() as session:
        service.take_watch(session, "host:2", now=clock.now())
        _run(session, "close_months", clock.now(), count=0)
    assert run.invoke(jobs_cli, ["status"]).exit_code == 0
