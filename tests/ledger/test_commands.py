"""``flask ledger verify`` and ``flask ledger export`` as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.journal_parser import balances
from tests.ledger.bank import NOW, entry, transfer
from tests.tampering import tamper
from tests.world import make_branch, make_member
from timebank.core.db import db, transaction
from timebank.ledger import queries, service


@pytest.fixture
def branch_id(app: Flask) -> int:
    """A branch whose member earned two hours."""
    with app.app_context(), transaction() as session:
        branch = make_branch(session)
        member = make_member(session, branch)
        issuance = queries.find_house_account(session, branch.id, "issuance")
        service.post(session, entry(branch.id, transfer(issuance, member.coin_account_id, 120)), now=NOW)
        return branch.id


def run(app: Flask, *words: str) -> tuple[int, str]:
    answer = app.test_cli_runner().invoke(args=["ledger", *words])
    return answer.exit_code, answer.output


def test_verify_lists_every_check_of_every_branch(app: Flask, branch_id: int) -> None:
    code, output = run(app, "verify")
    assert code == 0
    assert output.startswith("BL BL 红领志愿服务站\n  ✓ 每一行都读得出来\n")
    assert output.endswith("  ✓ 封签、签名与链条完好\n账本没有问题。\n")
    assert run(app, "verify", "--branch", "BL") == (code, output)


def test_verify_says_what_is_wrong_and_fails(app: Flask, branch_id: int) -> None:
    with app.app_context():
        tamper(db.session(), "UPDATE account SET posted_in = posted_in + 1 WHERE posted_in = 120")
        db.session.commit()
    code, output = run(app, "verify")
    assert code == 1
    assert "  ✗ 账户余额等于逐笔重算\n      account member:" in output
    assert output.endswith("发现 1 个问题。\n")


def test_a_closed_branch_keeps_its_books(app: Flask, branch_id: int) -> None:
    with app.app_context():
        db.session.execute(sa.text("UPDATE branch SET closed_on = '2026-09-30'"))
        db.session.commit()
    assert run(app, "verify") == run(app, "verify", "--branch", "BL")
    assert "封签" in run(app, "verify")[1]


def test_export_writes_a_journal_to_the_screen_or_a_file(app: Flask, branch_id: int, tmp_path: Path) -> None:
    code, output = run(app, "export", "--branch", "BL")
    assert code == 0
    assert balances(output)["Expenses:Issuance"] == {"MIN": 120}
    path = tmp_path / "BL.journal"
    assert run(app, "export", "--branch", "BL", "--month", "2026-09", "-o", str(path)) == (0, "")
    assert balances(path.read_text(encoding="utf-8")) == balances(output)
    early = run(app, "export", "--branch", "BL", "--to", "2026-09-14")[1]
    assert balances(early) == {}
    late = run(app, "export", "--branch", "BL", "--from", "2026-09-16", "--to", "2026-09-16")[1]
    assert "opening balances" in late
    assert balances(late)["Expenses:Issuance"] == {"MIN": 120}
    assert "open Expenses:Issuance" in run(app, "export", "--branch", "BL", "--format", "beancount")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "--branch", "北仑"), "没有代码为 北仑 的网点。现有：BL。"),
        (("export", "--branch", ""), "没有代码为  的网点。现有：BL。"),
        (("export", "--branch", "BL", "--month", "2026-13"), "月份要写成 YYYY-MM"),
        (("export", "--branch", "BL", "--month", "２０２６-09"), "月份要写成 YYYY-MM"),
        (("export",), "--branch"),
        (("export", "--branch", "BL", "--from", "2026-02-30"), "日期要写成 YYYY-MM-DD"),
        (("export", "--branch", "BL", "--to", "昨天"), "日期要写成 YYYY-MM-DD"),
        (("export", "--branch", "BL", "--from", "2026-09-02", "--to", "2026-09-01"), "--to 不能早于 --from"),
        (("export", "--branch", "BL", "--month", "2026-09", "--to", "2026-09-01"), "只能用一种"),
    ],
)
def test_a_wrong_word_is_answered_with_what_is_right(
    app: Flask, branch_id: int, words: tuple[str, ...], said: str
) -> None:
    code, output = run(app, *words)
    assert code != 0
    assert said in output
    assert "Traceback" not in output
