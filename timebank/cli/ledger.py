"""``flask ledger``: prove the books, hand them to strangers."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date
from typing import TextIO

import click
from flask.cli import AppGroup

from timebank import __version__
from timebank.branches.queries import find_branch_by_code, list_branches
from timebank.core import clock
from timebank.core.clock import is_month
from timebank.core.db import db, snapshot
from timebank.ledger.export import Days, Style, month_days, write_journal
from timebank.ledger.verification import Check, as_plain, read_kept, report, report_of_branch, verify

ledger_cli = AppGroup("ledger", help="账本：自查、导出。")


def check_month(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse anything but YYYY-MM."""
    if value is not None and not is_month(value):
        raise click.BadParameter("月份要写成 YYYY-MM，例如 2026-10。")
    return value


def check_day(_context: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    """Refuse anything but YYYY-MM-DD in a year that books can have."""
    if value is None:
        return None
    day = clock.read_day(value)
    if day is None:
        raise click.BadParameter("日期要写成 YYYY-MM-DD，例如 2026-10-01。")
    return day


def chosen_branch_id(code: str) -> int:
    """The branch with a code, or an end with a sentence that names the choices."""
    branch = find_branch_by_code(db.session(), code)
    if branch is None:
        known = "、".join(found.code for found in list_branches(db.session(), closed=True)) or "还没有网点"
        raise click.ClickException(f"没有代码为 {code} 的网点。现有：{known}。")
    return branch.id


@ledger_cli.command("verify")
@click.option("--branch", "code", help="只查一个网点；不写就查全部。")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON（格式见 docs/operations.md），给程序读。")
def verify_command(code: str | None, as_json: bool) -> None:
    """自查账本；有问题时逐条列出，退出码为 1。"""
    wanted = {chosen_branch_id(code)} if code else None
    with snapshot() as session:
        branches = list_branches(session, closed=True)  # a closed branch keeps its books
        looked = [
            (branch.code, branch.name, verify(session, branch.id))
            for branch in branches
            if wanted is None or branch.id in wanted
        ]
    found = sum(len(check.findings) for _, _, checks in looked for check in checks)
    if as_json:
        parts = [
            report_of_branch(code=code, name=name, kept=read_kept(as_plain(checks))) for code, name, checks in looked
        ]
        whole = report(parts, at=clock.now(), program=__version__)
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
    else:
        _say(looked)
        click.echo("账本没有问题。" if not found else f"发现 {found} 个问题。")
    sys.exit(1 if found else 0)


def _say(looked: Sequence[tuple[str, str, Sequence[Check]]]) -> None:
    """The checks of each branch, for somebody at a screen."""
    for code, name, checks in looked:
        click.echo(f"{code} {name}")
        for check in checks:
            click.echo(f"  {'✓' if not check.findings else '✗'} {check.title}")
            for finding in check.findings:
                click.echo(f"      {finding.row}: {finding.text}")


@ledger_cli.command("export")
@click.option("--branch", "code", required=True, help="网点代码。")
@click.option("--month", callback=check_month, help="YYYY-MM；不写就导出全部。")
@click.option("--from", "first", callback=check_day, help="从这一天起（YYYY-MM-DD，含当天，北京时间）。")
@click.option("--to", "last", callback=check_day, help="到这一天止（YYYY-MM-DD，含当天，北京时间）。")
@click.option("--format", "style", type=click.Choice(["hledger", "beancount"]), default="hledger", show_default=True)
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="文件；不写就输出到屏幕。")
def export_command(
    code: str, month: str | None, first: date | None, last: date | None, style: Style, output: TextIO
) -> None:
    """导出纯文本账本，可用 hledger check 或 bean-check 核对。"""
    if month and (first or last):
        raise click.UsageError("--month 和 --from、--to 只能用一种。")
    if first and last and last < first:
        raise click.UsageError("--to 不能早于 --from。")
    days = month_days(month) if month else Days(first=first, last=last)
    book_id = chosen_branch_id(code)
    with snapshot() as session:
        write_journal(session, output, book_id=book_id, style=style, days=days)
