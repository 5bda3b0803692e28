"""``flask jobs``: the schedule as a process of its own, or one job now."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from types import FrameType

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from timebank.core.db import db
from timebank.core.errors import Refusal
from timebank.jobs.leader import Leadership, leadership
from timebank.jobs.schedule import build
from timebank.jobs.tasks import JOBS, Place, run_job
from timebank.web.keyring import keys

_RETRY_SECONDS = 10

jobs_cli = AppGroup("jobs", help="定时任务：结账、过期、自检。")


def _place() -> Place:
    config = current_app.config
    return Place(keys=keys(), archives=Path(config["TIMEBANK_DATA"]) / "archives", site=config["TIMEBANK_URL"])


@jobs_cli.command("run")
@click.option("--no-wait", is_flag=True, help="已有进程在运行时立即退出，不等待接替。")
def run(no_wait: bool) -> None:
    """运行定时任务，直到按 Ctrl+C。同一时间只有一个进程真正执行，其余的等待接替。"""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # threads need the app itself
    leader = leadership(db.engine, Path(app.config["TIMEBANK_DATA"]))
    signal.signal(signal.SIGTERM, _stop)
    try:
        _become(leader, no_wait=no_wait)
        click.echo(
            "定时任务已启动：每月 1 日 0:30 结账，每小时补结，每 5 分钟处理过期的兑换单，"
            "每天 2:30 处理过期的爱心币，3:15 自检，工作日 7:30 提醒到期的服务记录。"
        )
        place = _place()

        def run_in_app(name: str) -> None:
            with app.app_context():
                run_job(name, place)

        build(run_in_app, leader).start()
        if not leader.holds():
            raise click.ClickException("与数据库的连接断了，本进程不再执行定时任务。请重新启动。")
    except (KeyboardInterrupt, SystemExit):
        click.echo("定时任务已停止。")
    finally:
        leader.release()


def _become(leader: Leadership, *, no_wait: bool) -> None:
    told = False
    while not leader.acquire():
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
    click.echo(f"{JOBS[name].title}：{count}")
    if name == "audit_books" and count:
        raise SystemExit(1)
