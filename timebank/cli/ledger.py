"""``flask ledger``: prove the books, hand them to strangers."""

from __future__ import annotations

import sys
from typing import TextIO

import click
from flask.cli import AppGroup

from timebank.branches.queries import find_branch_by_code, list_branches
from timebank.core.clock import is_month
from timebank.core.db import db
from timebank.ledger.export import Style, write_journal
from timebank.ledger.verification import verify

ledger_cli = AppGroup("ledger", help="账本：自查、导出。")


def check_month(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse anything but YYYY-MM."""
    if value is not None and not is_month(value):
        raise click.BadParameter("月份要写成 YYYY-MM，例如 2026-10。")
    return value


def chosen_branch_id(code: str) -> int:
    """The branch with a code, or an end with a sentence that names the choices."""
    branch = find_branch_by_code(db.session(), code)
    if branch is None:
        known = "、".join(found.code for found in list_branches(db.session(), closed=True)) or "还没有网点"
        raise click.ClickException(f"没有代码为 {code} 的网点。现有：{known}。")
    return branch.id


@ledger_cli.command("verify")
@click.option("--branch", "code", help="只查一个网点；不写就查全部。")
def verify_command(code: str | None) -> None:
    """自查账本；有问题时逐条列出，退出码为 1。"""
    session = db.session()
    branches = list_branches(session, closed=True)  # a closed branch keeps its books
    wanted = [chosen_branch_id(code)] if code else [branch.id for branch in branches]
    names = {branch.id: f"{branch.code} {branch.name}" for branch in branches}
    found = 0
    for branch_id in wanted:
        click.echo(names[branch_id])
        for check in verify(session, branch_id):
            click.echo(f"  {'✓' if not check.findings else '✗'} {check.title}")
            for finding in check.findings:
                found += 1
                click.echo(f"      {finding.row}: {finding.text}")
    click.echo("账本没有问题。" if not found else f"发现 {found} 个问题。")
    sys.exit(1 if found else 0)


@ledger_cli.command("export")
@click.option("--branch", "code", required=True, help="网点代码。")
@click.option("--month", callback=check_month, help="YYYY-MM；不写就导出全部。")
@click.option("--format", "style", type=click.Choice(["hledger", "beancount"]), default="hledger", show_default=True)
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="文件；不写就输出到屏幕。")
def export_command(code: str, month: str | None, style: Style, output: TextIO) -> None:
    """导出纯文本账本，可用 hledger check 或 bean-check 核对。"""
    write_journal(db.session(), output, book_id=chosen_branch_id(code), month=month, style=style)
