"""``flask demo``: the small town for trying things out."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from timebank.core import clock
from timebank.core.db import transaction
from timebank.core.errors import Refusal
from timebank.demo.loading import load
from timebank.demo.town.sign_ins import SIGN_INS
from timebank.web.keyring import keys

demo_cli = AppGroup("demo", help="演示：一个虚构的小镇，用来试用。")


@demo_cli.command("load")
def load_command() -> None:
    """载入演示小镇（只载入一次），并列出每种身份的登录方式。"""
    if not current_app.config["TIMEBANK_DEMO"]:
        # Anybody knows these passwords, the administrator's too.
        raise click.ClickException("演示数据只在演示模式载入：请先设 TIMEBANK_DEMO=1，并且不要和真实数据放在一起。")
    folder = Path(current_app.config["TIMEBANK_DATA"]) / "archives"
    click.echo("演示小镇：正在载入三个月的活动、服务记录和兑换，大约十几秒。", err=True)
    try:
        with transaction() as session:
            loaded = load(session, keys=keys(), folder=folder, now=clock.now())
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    if loaded.repeated:
        click.echo("演示小镇已经载入，没有改动。")
    else:
        click.echo(f"演示小镇已载入：{loaded.people} 位会员，三个月里发生了 {loaded.happenings} 件事。")
    click.echo("登录方式（只在演示模式显示）：")
    for known in SIGN_INS:
        click.echo(f"  {known.role}\t{known.who}\t{known.login}\t{known.password}")
