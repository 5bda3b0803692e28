"""``flask members``: people from the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from timebank.branches.queries import get_branch_by_code
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal
from timebank.growth.printing import TEMPLATE, lay_out, sheets
from timebank.growth.queries import list_people_in
from timebank.growth.service import FORMATS
from timebank.members.queries import list_teams
from timebank.members.roster.queries import Preview, look_at
from timebank.members.roster.service import RosterFile, import_roster, keep_file, read_file
from timebank.web import print as paper
from timebank.web.keyring import keys

members_cli = AppGroup("members", help="会员：从名册导入，打印成长卡。")


@members_cli.command("cards")
@click.option("--branch", "branch_code", required=True, help="网点代码，见 flask branches list。")
@click.option("--team", "team_name", default="", help="只做这支服务队的。")
@click.option(
    "--format", "form", type=click.Choice(sorted(FORMATS)), default="a6", help="a6、sheet（A4 一页四张）或 a4。"
)
@click.option("--address", default="", help="个人码指向的网址；不写就用 TIMEBANK_URL。")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="写到这个 PDF 文件。")
def cards_command(branch_code: str, team_name: str, form: str, address: str, out: Path) -> None:
    """把一个网点（或一支服务队）全部正式会员的成长卡做成一份 PDF。"""
    base = address or current_app.config["TIMEBANK_URL"]
    if not base:
        raise click.ClickException("不知道个人码该指向哪个网址：请设置 TIMEBANK_URL，或者写上 --address。")
    session, now = db.session(), clock.now()
    try:
        branch = get_branch_by_code(session, branch_code)
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    teams = {team.name: team.id for team in list_teams(session, branch.id)}
    if team_name and team_name not in teams:
        raise click.ClickException(f"没有服务队“{team_name}”。有：{'、'.join(teams) or '还没有服务队'}。")
    people = list_people_in(session, {branch.id}, team_id=teams.get(team_name))
    if not people:
        raise click.ClickException("没有正式会员，没有可以做的成长卡。")
    ids = [member.id for member in sorted(people, key=lambda member: (member.name, member.id))]
    cards: list[dict[str, object]] = []
    with click.progressbar(length=len(ids), label="排版", file=sys.stderr) as bar:
        for some in lay_out(session, ids, keys(), form=form, address=base, now=now):
            cards += some
            bar.update(len(some))
    content = paper.pdf(TEMPLATE, sheets(cards, form, title=team_name or branch.name, now=now))
    out.touch(mode=0o600)  # the codes of many people are in it
    out.write_bytes(content)
    click.echo(f"{len(cards)} 张成长卡，{len(content) // 1024} KB，写到了 {out}。")


@members_cli.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--branch", "branch_code", required=True, help="网点代码，见 flask branches list。")
@click.option("--dry-run", is_flag=True, help="只看预览，不导入。")
def import_command(file: Path, branch_code: str, dry_run: bool) -> None:
    """从 FILE（.xlsx、.xls、.ods 或 .csv）导入会员；全部成功才算数。

    导入即表示已征得名单上各位的同意。有错误时一个人都不导入，退出码为 1。
    """
    try:
        read = read_file(file.read_bytes(), name=file.name, keys=keys(), now=clock.now())
        branch_id = get_branch_by_code(db.session(), branch_code).id
        seen = look_at(db.session(), read.roster, branch_id=branch_id, keys=keys())
        _tell(seen)
        if seen.errors:
            raise click.ClickException(f"有 {len(seen.errors)} 处错误，一个人都没有导入。请在文件里改好，再来一次。")
        if dry_run:
            click.echo(f"只看预览：可以导入 {len(seen.people)} 人。")
        else:
            _import(read, branch_id)
    except Refusal as refusal:
        raise click.ClickException(next(iter(getattr(refusal, "fields", {}).values()), refusal.message)) from refusal


def _tell(seen: Preview) -> None:
    roster = seen.roster
    click.echo(f"工作表“{roster.sheet_name}”，表头在第 {roster.header_row} 行，共 {roster.row_count} 行。")
    for finding in seen.findings:
        place = f"第 {finding.row} 行" if finding.row else "整份文件"
        said = " ".join(filter(None, (finding.problem, finding.todo)))
        click.echo(f"{place} · {finding.field} · {finding.severity_name}：{said}")


def _import(file: RosterFile, branch_id: int) -> None:
    now = clock.now()
    with transaction() as session:
        kept = keep_file(session, file, branch_id=branch_id, actor=SYSTEM, keys=keys(), now=now)
        work = import_roster(session, kept.id, consented=True, actor=SYSTEM, keys=keys(), now=now)
        first = next(work, None)
        if first is not None:
            with click.progressbar(length=first[1], label="登记", file=sys.stderr) as bar:
                for done, _total in work:
                    bar.update(done - bar.pos)
    click.echo(f"导入了 {first[1]} 人。" if first else "这份文件以前导入过，没有重复登记任何人。")
