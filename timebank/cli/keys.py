"""``flask keys``: generations of the keys that codes are made with."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

import click
from flask.cli import AppGroup

from timebank.clearing.queries import list_all_keys
from timebank.clearing.service import renew_keys
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal
from timebank.rotation.models import PURPOSE_NAMES, PURPOSES
from timebank.rotation.queries import list_generations
from timebank.rotation.rules import Generation
from timebank.rotation.service import rotate_code_key
from timebank.web.filters import moment

keys_cli = AppGroup("keys", help="密钥换代：个人码、现场签到码、固定签到海报，网点之间的签名。")


class _Time(click.ParamType[timedelta]):
    """``90d`` or ``12h``."""

    name = "90d|12h"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        read = re.fullmatch(r"(\d{1,5})([dh])", value)
        if read is None:
            self.fail("要写成多少天或多少小时，例如 90d、12h；0d 就是旧码马上作废。", param, ctx)
        return timedelta(days=int(read[1])) if read[2] == "d" else timedelta(hours=int(read[1]))


@keys_cli.command("list")
def list_command() -> None:
    """列出每种码的各代：用途、第几代、开始、旧码用到。"""
    session, now = db.session(), clock.now()
    for purpose in PURPOSES:
        for one in list_generations(session, purpose):
            since = moment(one.from_at) if one.from_at else "从开始"
            state = "在用" if one.accepted_until is None else _until(one, one.is_accepted(now))
            click.echo(f"{purpose}\t{PURPOSE_NAMES[purpose]}\t第 {one.number} 代\t{since}\t{state}")


def _until(one: Generation, accepted: bool) -> str:
    assert one.accepted_until is not None  # noqa: S101 - the caller looked
    return f"旧码用到 {moment(one.accepted_until)}" if accepted else f"{moment(one.accepted_until)} 已作废"


@keys_cli.command("rotate")
@click.argument("purpose", type=click.Choice(PURPOSES))
@click.option("--overlap", type=_Time(), required=True, help="旧码再用多久，例如 90d；0d 就是马上作废。")
def rotate_command(purpose: str, overlap: timedelta) -> None:
    """换一代密钥：新码马上启用，旧码在 --overlap 以后不能再用。"""
    now = clock.now()
    try:
        with transaction() as session:
            made = rotate_code_key(
                session, purpose, overlap=overlap, form_key=f"cli-{secrets.token_hex(16)}", actor=SYSTEM, now=now
            ).generation
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"{PURPOSE_NAMES[purpose]}：第 {made} 代已启用，旧码用到 {moment(now + overlap)}。")


@keys_cli.command("pairs")
def pairs_command() -> None:
    """列出网点之间还算数的签名密钥：哪两个网点、谁的、第几代、指纹、开始、状态。"""
    session, now = db.session(), clock.now()
    for pair, branch, key in list_all_keys(session, at=now):
        state = "在用" if key.accepted_until is None else f"旧的，用到 {moment(key.accepted_until)}"
        between = f"{pair.low.code}-{pair.high.code}"
        told = (between, branch.code, f"第 {key.generation} 代", key.fingerprint, moment(key.from_at), state)
        click.echo("\t".join(told))


@keys_cli.command("renew-pairs")
@click.option("--overlap", "days", type=int, required=True, help="旧密钥再用几天；0 就是马上作废。")
@click.option("--why", default="统一换密钥", show_default=True, help="两边管理员在互通页上看到的原因。")
def renew_pairs_command(days: int, why: str) -> None:
    """把网点之间的签名密钥全部换一代；SECRET_KEY 换过以后要做一次。"""
    now = clock.now()
    try:
        with transaction() as session:
            count = renew_keys(session, used_since=now, days=days, why=why, now=now)
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"换了 {count} 把密钥，旧的再用 {days} 天。")
