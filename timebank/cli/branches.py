"""``flask branches``: see the branches, and set up the first ones on a fresh installation."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from timebank.branches.queries import area_path, find_area_by_code, list_branches
from timebank.branches.service import AreaDraft, BranchDraft, add_area, open_branch
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal

branches_cli = AppGroup("branches", help="区域和网点：查看、添加区域、开通网点。")


@branches_cli.command("list")
def list_command() -> None:
    """列出网点，每行先是代码。"""
    session, today = db.session(), clock.today(clock.now())
    found = list_branches(session, closed=True)
    for branch in found:
        state = f"  （{branch.closed_on} 停用）" if branch.closed_on else ""
        click.echo(f"{branch.code}  {branch.name}  {area_path(session, branch.area_id, today)}{state}")
    if not found:
        click.echo("还没有网点。先用 flask branches add-area 添加区域，再用 flask branches open 开通网点。", err=True)


@branches_cli.command("add-area")
@click.argument("code")
@click.argument("name")
@click.option("--parent", "parent_code", help="上级区域的代码；市不用写。")
def add_area_command(code: str, name: str, parent_code: str | None) -> None:
    """在区域树里添加一个区域，例如 330206 北仑区 --parent 330200。"""
    try:
        with transaction() as session:
            parent = find_area_by_code(session, parent_code) if parent_code else None
            if parent_code and parent is None:
                raise click.ClickException(f"没有代码为 {parent_code} 的区域。")
            draft = AreaDraft(code=code, name=name, parent_id=parent.id if parent else None)
            added = add_area(session, draft, actor=SYSTEM, now=clock.now()).code
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"{added}  {name}")


@branches_cli.command("open")
@click.argument("code")
@click.argument("name")
@click.option("--area", "area_code", required=True, help="所在区域的代码，例如社区的 12 位代码。")
@click.option("--address", default="", help="地址。")
@click.option("--phone", default="", help="电话。")
def open_command(code: str, name: str, area_code: str, address: str, phone: str) -> None:
    """开通一个网点，同时开好它的账本。"""
    try:
        with transaction() as session:
            area = find_area_by_code(session, area_code)
            if area is None:
                raise click.ClickException(f"没有代码为 {area_code} 的区域。先用 flask branches add-area 添加。")
            draft = BranchDraft(code=code, name=name, area_id=area.id, address=address, phone=phone)
            opened = open_branch(session, draft, actor=SYSTEM, now=clock.now()).code
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"{opened}  {name}")
