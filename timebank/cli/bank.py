"""``flask bank open``: the first day of a bank with real people: areas, one branch, and its administrator."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from timebank.branches.models import Area, Branch
from timebank.branches.service import AreaDraft, BranchDraft, add_area, open_branch
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import transaction
from timebank.core.errors import Refusal
from timebank.members.models import Member
from timebank.members.rules import EVERYWHERE, PERSONAL_DATA
from timebank.members.service import NewMember, grant_role, new_pin, register_by_staff, set_pin
from timebank.web.keyring import keys

bank_cli = AppGroup("bank", help="开业：第一个网点和第一位系统管理员。")


class _Named(click.ParamType[tuple[str, str]]):
    """``CODE:名称`` as a pair."""

    name = "CODE:名称"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        code, _, name = value.partition(":")
        if not code.strip() or not name.strip():
            self.fail("要写成 代码:名称，例如 330206:北仑区。", param, ctx)
        return code.strip(), name.strip()


@bank_cli.command("open")
@click.option("--area", "areas", type=_Named(), multiple=True, required=True, help="从市开始逐级写，可写多次。")
@click.option("--branch", type=_Named(), required=True, help="网点代码和名称，挂在最后一级区域下面。")
@click.option("--administrator", required=True, help="系统管理员的姓名（已同意告知书）。")
@click.option("--phone", required=True, help="系统管理员的手机号，用来登录。")
def open_command(areas: tuple[tuple[str, str], ...], branch: tuple[str, str], administrator: str, phone: str) -> None:
    """开业：建区域、第一个网点和系统管理员，并显示一次性密码。重复运行不会多建。"""
    pin = new_pin()
    try:
        with transaction() as session:
            opened = _open_branch(session, areas, branch)
            member = _register(session, opened, administrator, phone)
            set_pin(session, member.id, pin, actor=SYSTEM, now=clock.now())
            number = member.number
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"{branch[0]}\t{branch[1]} 已开业。")
    click.echo(f"{administrator}：会员号 {number}，一次性密码 {pin.text}（24 小时内有效，首次登录要改）。")


def _open_branch(session: Session, areas: tuple[tuple[str, str], ...], named: tuple[str, str]) -> Branch:
    now = clock.now()
    parent: Area | None = None
    for code, name in areas:
        draft = AreaDraft(code=code, name=name, parent_id=parent.id if parent else None)
        parent = add_area(session, draft, actor=SYSTEM, now=now)
    if parent is None:
        raise click.UsageError("至少要写一级区域。")
    return open_branch(session, BranchDraft(code=named[0], name=named[1], area_id=parent.id), actor=SYSTEM, now=now)


def _register(session: Session, branch: Branch, name: str, phone: str) -> Member:
    person = NewMember(name=name, branch_id=branch.id, phone=phone, consents=frozenset({PERSONAL_DATA}))
    now = clock.now()
    member = register_by_staff(session, person, form_key=f"bank-open-{branch.code}", actor=SYSTEM, keys=keys(), now=now)
    grant_role(session, member.id, "administrator", EVERYWHERE, actor=SYSTEM, now=now)
    return member
