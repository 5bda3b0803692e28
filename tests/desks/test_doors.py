"""Start pages: everybody sees theirs, nobody another's, and GETs only read."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from tests.archives.months import AUGUST, OCTOBER, SEPTEMBER, earn, small_town
from tests.journal_parser import balances
from tests.meanwhile import booked_between
from tests.tampering import tamper
from tests.world import make_branch, make_member, sign_in
from timebank.app import create_app
from timebank.archives.service import audit
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.desks.views import account
from timebank.desks.views.books import holders_of, months_of
from timebank.ledger import queries as ledger
from timebank.ledger.service import Reversal, reverse
from timebank.ledger.verification import CHECKS
from timebank.rulebook.service import giveaway_accounts
from timebank.web.limits import limiter


class Town(NamedTuple):
    branch: int
    anna: int
    manager: int
    inspector: int
    organiser: int
    stranger: int
    administrator: int
    wrong_entry: int
    account: int


@pytest.fixture
def town(app: Flask) -> Town:
    with app.app_context(), transaction() as session:
        branch, anna, _ = small_town(session)
        other = make_branch(session, "CX", now=AUGUST)
        wrong = earn(session, branch, anna, 60, at=SEPTEMBER)
        reverse(session, wrong, Reversal(key="undo", reason="记错了人", actor_id=None), now=OCTOBER)
        people = {
            role: make_member(session, branch, roles=(role,), now=AUGUST).id
            for role in ("manager", "inspector", "organiser", "administrator")
        }
        stranger = make_member(session, other, roles=("manager", "inspector"), now=AUGUST).id
        return Town(
            branch=branch.id,
            anna=anna.id,
            stranger=stranger,
            wrong_entry=wrong,
            account=anna.coin_account_id or 0,
            **people,
        )


BOOKS = (
    "/inspect",
    "/inspect?month=2026-10",
    "/inspect/entries",
    "/inspect/accounts",
    "/inspect/seals",
    "/inspect/verify",
)


def test_visitors_see_what_this_is_and_the_way_in(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "登记成为会员" in page
    assert 'href="/register"' in page


@pytest.mark.parametrize("page", ["/me", "/branch", *BOOKS])
def test_visitors_are_asked_to_sign_in(client: FlaskClient, page: str) -> None:
    assert client.get(page).headers["Location"].startswith("/sign-in")


def test_everybody_has_a_start_page_and_a_page_of_their_own(client: FlaskClient, town: Town) -> None:
    for who in (town.anna, town.organiser, town.manager, town.inspector, town.stranger, town.administrator):
        sign_in(client, who)
        assert client.get("/").status_code == 200
        assert client.get("/me").status_code == 200


def test_my_page_shows_what_i_may_spend(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.anna)
    page = client.get("/me").text
    assert "可用爱心币" in page
    assert "<b>2</b> <small>币</small>" in page.replace("</b><small>", "</b> <small>")
    assert "说一句评价：上门理发" in page


def test_the_branch_desk_lists_months_to_close_for_managers_only(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    assert "可以结账的月份" in client.get("/branch").text
    sign_in(client, town.inspector)
    assert "可以结账的月份" not in client.get("/branch").text
    for who in (town.anna, town.organiser):
        sign_in(client, who)
        assert client.get("/branch").status_code == 403


@pytest.mark.parametrize("page", BOOKS)
def test_inspectors_and_managers_read_the_books_others_do_not(client: FlaskClient, town: Town, page: str) -> None:
    for who, status in ((town.inspector, 200), (town.manager, 200), (town.anna, 403), (town.organiser, 403)):
        sign_in(client, who)
        assert client.get(page).status_code == status


def test_the_books_of_another_branch_stay_closed(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.stranger)
    for page in (f"/inspect?branch={town.branch}", f"/branch?branch={town.branch}"):
        assert client.get(page).status_code == 403
    assert client.get(f"/inspect/entries/{town.wrong_entry}").status_code == 403
    assert client.get(f"/inspect/accounts/{town.account}").status_code == 403
    sign_in(client, town.administrator)
    assert client.get(f"/inspect/entries/{town.wrong_entry}").status_code == 200


def test_the_trial_balance_visibly_sums_to_zero(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    for page in ("/inspect", "/inspect?month=2026-09"):
        shown = client.get(page).text
        assert "爱心币：借方合计 − 贷方合计 = 0" in shown
        assert "积分：借方合计 − 贷方合计 = 0" in shown


def test_an_entry_shows_its_document_and_leads_to_its_reverse_and_back(
    client: FlaskClient, app: Flask, town: Town
) -> None:
    sign_in(client, town.inspector)
    page = client.get(f"/inspect/entries/{town.wrong_entry}").text
    with app.app_context():
        undone = ledger.get_entry(db.session(), town.wrong_entry).reversed_by_id
        haircut = next(e for e in ledger.list_entries(db.session(), town.branch)[0] if e.kind == "redeem")
    assert "已经冲正" in page
    assert f"/inspect/entries/{undone}" in page
    back = client.get(f"/inspect/entries/{undone}").text
    assert "记错了人" in back
    assert f"/inspect/entries/{town.wrong_entry}" in back
    document = client.get(f"/inspect/entries/{haircut.id}").text
    assert "凭据：兑换单" in document
    assert "上门理发" in document
    assert "张小红" not in document


def test_an_account_reads_in_debit_and_credit(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    page = client.get(f"/inspect/accounts/{town.account}").text
    assert "贷 3 币" in page
    assert "贷 2 币" in page
    for asked in ("?month=2026-10", "?month=x", "?before=77"):
        assert client.get(f"/inspect/accounts/{town.account}{asked}").status_code == 200


def test_an_account_too_long_for_a_file_is_refused_with_what_to_do(
    client: FlaskClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "MOST_ROWS", 1)
    sign_in(client, town.inspector)
    refused = client.get(f"/inspect/accounts/{town.account}.csv")
    assert refused.status_code == 422
    assert "一个文件最多装 1 条" in refused.text
    assert client.get(f"/inspect/accounts/{town.account}.csv?month=2026-11").status_code == 200


def test_files_are_made_only_so_often(settings: dict[str, Any]) -> None:
    app = create_app(settings | {"RATE_LIMITS": True})
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with app.app_context(), transaction() as session:
        branch, anna, _ = small_town(session)
        inspector, one = make_member(session, branch, roles=("inspector",), now=AUGUST).id, anna.coin_account_id
    try:
        client = app.test_client()
        sign_in(client, inspector)
        for path in (f"accounts/{one}.csv", "journal", "trial-balance.csv", "liability.csv?part=ages"):
            statuses = [client.get(f"/inspect/{path}").status_code for _ in range(21)]
            assert (statuses[0], statuses[-1]) == (200, 429)
    finally:
        limiter.reset()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_an_accounts_statement_names_document_hand_and_rules(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    page = client.get(f"/inspect/accounts/{town.account}?from=2026-10-01&to=2026-10-31").text
    for words in ("期初余额", "本期借方", "兑换单", "rules/0", "，为 "):
        assert words in page


def test_an_account_as_a_file_runs_from_one_balance_to_the_next(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    sheet = client.get(f"/inspect/accounts/{town.account}.csv").data.decode("utf-8-sig")
    running = 0
    lines = list(csv.DictReader(io.StringIO(sheet)))
    for line in lines:
        running += int(line["贷方"] or 0) - int(line["借方"] or 0)
        assert int(line["余额"]) == running
    assert len(lines) >= 2
    assert client.get(f"/inspect/accounts/{town.account}.xlsx").data.startswith(b"PK")
    sign_in(client, town.stranger)
    assert client.get(f"/inspect/accounts/{town.account}.csv").status_code == 403


def test_the_figures_of_a_page_agree_though_somebody_books_meanwhile(
    client: FlaskClient, app: Flask, town: Town
) -> None:
    sign_in(client, town.inspector)
    with booked_between(app, town.branch, town.account, "AS issued") as booked:
        page = client.get("/inspect/liability").text
    assert booked
    assert "合计 = 发行账户同期变动" in page
    with booked_between(app, town.branch, town.account, "FROM closing") as booked:
        sheet = client.get(f"/inspect/accounts/{town.account}.csv").data.decode("utf-8-sig")
    assert booked
    lines = list(csv.DictReader(io.StringIO(sheet)))
    assert booked[0] not in {int(line["分录"]) for line in lines}
    assert int(lines[-1]["余额"]) == sum(int(line["贷方"] or 0) - int(line["借方"] or 0) for line in lines)


@pytest.mark.parametrize("page", ["/inspect/entries/999999", "/inspect/accounts/999999"])
def test_what_does_not_exist_is_not_found(client: FlaskClient, town: Town, page: str) -> None:
    sign_in(client, town.inspector)
    assert client.get(page).status_code == 404


def test_the_self_check_runs_when_asked_and_names_what_is_wrong(client: FlaskClient, app: Flask, town: Town) -> None:
    sign_in(client, town.inspector)
    assert "开始自检" in client.get("/inspect/verify").text
    assert "项通过" in client.get("/inspect/verify?now=1").text
    with app.app_context(), transaction() as session:
        tamper(session, "UPDATE account SET posted_in = posted_in + 1 WHERE id = :id", id=town.account)
    assert "1 项没有通过" in client.get("/inspect/verify?now=1").text


def test_a_month_at_the_end_of_time_is_as_if_none_was_asked(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    assert client.get(f"/inspect/accounts/{town.account}?month=9999-12").status_code == 200
    assert client.get("/inspect?month=0001-01").status_code == 200


def test_the_trial_balance_as_a_file_sums_to_zero(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    lines = client.get("/inspect/trial-balance.csv").data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("单位,账户,种类")
    assert sum(int(line.rsplit(",", 1)[1]) for line in lines[1:] if line.startswith("爱心币")) == 0
    assert client.get("/inspect/trial-balance.xlsx?month=2026-10").status_code == 200
    assert client.get("/inspect/trial-balance.pdf").status_code == 404
    assert "/inspect/trial-balance.xlsx" in client.get("/inspect").text
    sign_in(client, town.anna)
    assert client.get("/inspect/trial-balance.csv").status_code == 403


def test_entries_of_several_months_are_numbered_as_each_alone_and_accounts_are_found(
    client: FlaskClient, app: Flask, town: Town
) -> None:
    with app.app_context():
        session = db.session()
        listed, _ = ledger.list_entries(session, town.branch)
        assert [one.number for one in listed] == [ledger.get_entry(session, one.id).number for one in listed]
        assert len({one.month for one in listed}) > 1
        code = ledger.get_account(session, town.account).code
        found = ledger.page_accounts(session, town.branch, ledger.AccountFilter(unit="coin", text=code.lower()))
        assert [account.id for account in found.items] == [town.account]
        assert (
            ledger.page_accounts(session, town.branch, ledger.AccountFilter(), number=1, size=2).items[0].kind
            != "member"
        )


def test_accounts_to_give_from_stand_after_members_and_name_their_holder(
    client: FlaskClient, app: Flask, town: Town
) -> None:
    with app.app_context(), transaction() as session:
        given = giveaway_accounts(session, [town.anna])[town.anna]
    sign_in(client, town.inspector)
    with app.app_context():
        page = ledger.page_accounts(db.session(), town.branch, ledger.AccountFilter(unit="coin"))
        kinds = [account.kind for account in page.items]
        assert kinds.index("member") > kinds.index("issuance")
        assert kinds[-1] == "giveaway"
        own, give = (ledger.get_account(db.session(), one).code for one in (town.account, given))
        number, names = own.partition(":")[2], holders_of(db.session(), {own, give, "fund"})
    assert names == {own: "张**", give: "张**"}
    shown = client.get(f"/inspect/accounts/{given}").text
    assert f'张** <small class="soft num">{number}</small> <small class="soft">可赠币</small>' in shown


def test_the_inspector_sees_every_self_check_and_what_each_found(client: FlaskClient, app: Flask, town: Town) -> None:
    sign_in(client, town.inspector)
    assert "账本从来没有自检过" in client.get("/inspect/verify").text
    with app.app_context():
        with transaction() as session:
            clean = audit(session, branch_id=town.branch, now=clock.now()).id
        with transaction() as session:
            tamper(session, "UPDATE account SET posted_in = posted_in + 1 WHERE id = :id", id=town.account)
            broken = audit(session, branch_id=town.branch, now=clock.now()).id
    page = client.get("/inspect/verify").text
    assert "最近一次自检发现 1 处不对" in page
    assert f"/inspect/verify/{clean}" in page
    assert f"/inspect/verify/{broken}" in page
    assert "小时没有自检" not in page
    assert "全部通过" in client.get(f"/inspect/verify/{clean}").text
    assert "逐笔重算" in client.get(f"/inspect/verify/{broken}").text
    report = client.get(f"/inspect/verify/{broken}.json").json
    assert report is not None
    [wrong] = [check for check in report["branches"][0]["checks"] if not check["ok"]]
    assert (wrong["name"], wrong["count"]) == ("replay", 1)
    sign_in(client, town.stranger)
    for path in (f"/inspect/verify/{broken}", f"/inspect/verify/{broken}.json"):
        assert client.get(path).status_code == 403


def _without(name: str) -> list[dict[str, Any]]:
    return [check for check in _sound() if check["name"] != name]


def _sound() -> list[dict[str, Any]]:
    return [
        {"name": name, "title": title, "ok": True, "milliseconds": 1, "count": 0, "findings": []}
        for name, title, _ in CHECKS
    ]


NOT_TELLING = {
    "no checks, as the oldest runs": [],
    "a check that came later": _without("seals"),
    "a check without its count": [
        {name: told for name, told in check.items() if name != "count"} for check in _sound()
    ],
    "a count in words": [check | {"count": "0"} for check in _sound()],
    "a good word over a finding": [*_without("seals"), _sound()[-1] | {"count": 1}],
    "a further row of another shape": [*_sound(), "全部通过"],
    "no list": {"all": "通过"},
}


@pytest.mark.parametrize("kept", NOT_TELLING.values(), ids=NOT_TELLING)
def test_a_kept_self_check_that_does_not_tell_of_every_check_is_not_good(
    client: FlaskClient, app: Flask, town: Town, kept: Any
) -> None:
    with app.app_context(), transaction() as session:
        run = audit(session, branch_id=town.branch, now=clock.now())
        run.checks = kept
        session.flush()
        run_id = run.id
    sign_in(client, town.inspector)
    for page in ("/inspect/verify", f"/inspect/verify/{run_id}"):
        shown = client.get(page).text
        assert "全部通过" not in shown
        assert "不能当作通过" in shown
    assert "最近一次账本自检不完整" in client.get("/branch").text
    report = client.get(f"/inspect/verify/{run_id}.json").json
    assert report is not None
    assert (report["ok"], report["branches"][0]["ok"]) == (False, False)


def test_findings_of_a_run_that_kept_no_checks_are_still_told(client: FlaskClient, app: Flask, town: Town) -> None:
    with app.app_context(), transaction() as session:
        run = audit(session, branch_id=town.branch, now=clock.now())
        run.findings, run.text, run.checks = 2, "试算平衡 · unit coin：不为零", []
        session.flush()
        run_id = run.id
    sign_in(client, town.inspector)
    report = client.get(f"/inspect/verify/{run_id}.json").json
    assert report is not None
    assert (report["ok"], report["count"]) == (False, 2)
    assert report["branches"][0]["missing"] == [name for name, _, _ in CHECKS]
    assert "发现 2 处不对" in client.get(f"/inspect/verify/{run_id}").text


@pytest.mark.parametrize(("hours", "alarmed"), [(35, False), (37, True)])
def test_a_night_without_a_self_check_raises_the_alarm(
    client: FlaskClient, app: Flask, town: Town, hours: int, alarmed: bool
) -> None:
    with app.app_context(), transaction() as session:
        audit(session, branch_id=town.branch, now=clock.now() - timedelta(hours=hours, minutes=1))
    sign_in(client, town.inspector)
    page = client.get("/inspect/verify").text
    assert (f"已经 {hours} 小时没有自检" in page) is alarmed
    assert ("最近一次自检全部通过" in page) is not alarmed


@pytest.mark.parametrize(
    "page",
    ["/inspect", "/inspect/entries", "/inspect/accounts", "/inspect/liability", "/branch/orders", "/me/statement"],
)
def test_a_filter_bar_asks_for_nothing_so_that_all_can_be_chosen(client: FlaskClient, town: Town, page: str) -> None:
    sign_in(client, town.manager)
    bars = re.findall(r'<form class="filters".*?</form>', client.get(page).text, re.DOTALL)
    assert bars
    assert not any(" required" in bar for bar in bars)


def test_months_are_listed_without_a_look_at_the_entries(app: Flask, town: Town) -> None:
    asked: list[str] = []
    with app.app_context():
        session = db.session()
        event.listen(db.engine, "after_cursor_execute", lambda *given: asked.append(given[2]))
        assert [month for month, _ in months_of(session, town.branch)] == ["2026-10", "2026-09", "2026-08"]
    assert not any("entry" in statement for statement in asked)


def test_the_inspector_takes_the_journal_of_some_days_away(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    answer = client.get("/inspect/journal?from=2026-08-01&to=2026-08-31&style=hledger")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="BL-2026-08-01-2026-08-31.hledger"'
    assert balances(answer.text)["Expenses:Issuance"] == {"MIN": 180, "PT": 30}
    assert "open Expenses:Issuance" in client.get("/inspect/journal?style=beancount").text
    for asked in ("from=2026-02-30", "to=gestern", "from=2026-09-02&to=2026-09-01"):
        refused = client.get(f"/inspect/journal?{asked}")
        assert refused.status_code == 422
        assert "日期要写成" in refused.text
    sign_in(client, town.stranger)
    assert client.get(f"/inspect/journal?branch={town.branch}").status_code == 403
    sign_in(client, town.anna)
    assert client.get("/inspect/journal").status_code == 403
