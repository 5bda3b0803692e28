"""``flask jobs``: the schedule as a process of its own, or one job now."""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime
from pathlib import Path
from types import FrameType

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.db import db
from timebank.core.errors import Refusal
from timebank.jobs.leader import Leadership, leadership
from timebank.jobs.running import Lead, build, make_up, run_job
from timebank.jobs.schedule import next_due
from timebank.jobs.tasks import JOBS, Place
from timebank.watch import queries, words
from timebank.watch.models import JobRun
from timebank.web.filters import moment
from timebank.web.keyring import keys

_RETRY_SECONDS = 3

jobs_cli = AppGroup("jobs", help="定时任务：结账、过期、自检。")


def _place() -> Place:
    config = current_app.config
    return Place(keys=keys(), archives=Path(config["TIMEBANK_DATA"]) / "archives", site=config["TIMEBANK_URL"])


@jobs_cli.command("run")
@click.option("--no-wait", is_flag=True, help="已有进程在运行时立即退出，不等待接替。")
@click.option("--with-parent", is_flag=True, help="启动本进程的那个进程结束时，一起结束。")
def run(no_wait: bool, with_parent: bool) -> None:
    """运行定时任务，直到按 Ctrl+C。同一时间只有一个进程真正执行，其余的等待接替。"""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # threads need the app itself
    leader = leadership(db.engine, Path(app.config["TIMEBANK_DATA"]))
    lead, parent = Lead(app, _place()), os.getppid() if with_parent else None
    signal.signal(signal.SIGTERM, _stop)
    try:
        _become(leader, no_wait=no_wait, parent=parent)
        click.echo("定时任务已启动：结账、过期、提醒、自检。各项时间和经过见“监督 → 定时任务”，或 flask jobs status。")
        scheduler = build(lead, leader, parent=parent)
        make_up(scheduler, lead)
        scheduler.start()
        if not leader.holds():
            raise click.ClickException("与数据库的连接断了，本进程不再执行定时任务。请重新启动。")
        lead.leave()
    except (KeyboardInterrupt, SystemExit):
        if leader.holds():
            lead.leave()
        click.echo("定时任务已停止。")
    finally:
        leader.release()


def _become(leader: Leadership, *, no_wait: bool, parent: int | None) -> None:
    told = False
    while not leader.acquire():
        if parent is not None and os.getppid() != parent:
            raise SystemExit
        if no_wait:
            raise click.ClickException("另一个进程正在运行定时任务。")
        if not told:
            click.echo("另一个进程正在运行定时任务，本进程等待接替。")
            told = True
        time.sleep(_RETRY_SECONDS)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit


@jobs_cli.command("once")
@click.argument("name", type=click.Choice(sorted(JOBS)))
def once(name: str) -> None:
    """立即运行一个任务，例如 expire_orders、close_months、audit_books；名字见 --help。"""
    try:
        count = run_job(name, _place())
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"{words.title_of(name)}：{count}")
    if name == "audit_books" and count:
        raise SystemExit(1)


@jobs_cli.command("status")
def status() -> None:
    """谁在值守，每个任务上次和下次的时间与结果；有要处理的，逐条列出，退出码为 1。"""
    session, now = db.session(), clock.now()
    click.echo(_watch_words(session, now))
    latest = queries.list_latest(session)
    for name in JOBS:
        run = latest.get(name)
        due = next_due(name, last=run.started_at if run else None, now=now)
        click.echo("\t".join((name, _run_words(run), f"下次 {moment(due)}")))
    alarms = words.list_alarm_words(session, now=now)
    for alarm in alarms:
        click.echo(f"✗ {alarm.title}：{alarm.text}", err=True)
    if alarms:
        raise SystemExit(1)


@jobs_cli.command("history")
@click.option("--job", "name", type=click.Choice(sorted(JOBS)), help="只看一个任务。")
@click.option("--wrong", is_flag=True, help="只看出错和中断的。")
@click.option("--last", "size", type=click.IntRange(1, 1000), default=30, show_default=True, help="最近多少次。")
def history(name: str | None, wrong: bool, size: int) -> None:
    """列出最近的运行，新的在前：开始、任务、起因、结果、用时、做了多少。"""
    for run in queries.page_runs(db.session(), job=name, wrong=wrong, size=size).items:
        click.echo("\t".join((run.job, words.CAUSES[run.cause], _run_words(run), run.process)))


def _watch_words(session: Session, now: datetime) -> str:
    watch = queries.find_watch(session)
    if watch is None:
        return "没有进程在值守。"
    if not queries.is_led(watch, now=now):
        return f"没有进程在值守，最后一次是 {watch.process}，到 {moment(watch.left_at or watch.seen_at)}。"
    return f"{watch.process} 在值守，从 {moment(watch.since)} 起。"


def _run_words(run: JobRun | None) -> str:
    if run is None:
        return "还没有运行过"
    parts = (moment(run.started_at), words.RESULTS[run.result][0], words.duration(run), words.outcome(run))
    return " ".join(part for part in parts if part)
