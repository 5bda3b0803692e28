"""Pages of the rules: written, looked at, saved; read by those who may; and giving, asked once more."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from tests.exchange.scene import give
from tests.rulebook.saving import save_rule
from tests.world import PASSWORD, make_branch, make_member, sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.ledger import queries as ledger
from timebank.ledger.models import Entry
from timebank.members.models import Member
from timebank.members.service import hash_password, set_password
from timebank.rulebook.models import CoinRule
from timebank.rulebook.service import giveaway_accounts

DAY = timedelta(days=1)


class Town(NamedTuple):
    branch: int
    manager: int
    inspector: int
    member: int


def build(session: Any) -> Town:
    """A branch where 李秀英 served two hours last month; her four coins, one of them to give away."""
    now = clock.now()
    last = clock.month_range(clock.month_of(now))[0] - 2 * DAY
    branch = make_branch(session, now=last - 40 * DAY)
    people = {
        role: make_member(session, branch, name, roles=(role,), phone=phone, now=last - 40 * DAY).id
        for role, name, phone in (("manager", "陈站长", "13805740001"), ("inspector", "冯监督", "13805740002"))
    }
    member = make_member(session, branch, "李秀英", now=last - 40 * DAY)
    give(session, member, 180, now=last)
    _served(session, branch.id, member, last)
    return Town(branch=branch.id, member=member.id, **people)


def _served(session: Any, branch_id: int, member: Member, at: Any) -> None:
    """Two hours as an approval books them, one of them to give away."""
    issuance = ledger.find_house_account(session, branch_id, "issuance")
    account = giveaway_accounts(session, [member.id])[member.id]
    from timebank.ledger.service import EntryDraft, TransferDraft, post

    legs = ((member.coin_account_id or 0, 60), (account, 60))
    draft = EntryDraft(
        book_id=branch_id,
        kind="earn",
        key="served",
        transfers=tuple(
            TransferDraft(debit_id=issuance, credit_id=to, amount=amount, unit="coin") for to, amount in legs
        ),
        source_type="attendance",
        source_id=1,
        occurred_at=at,
        actor_id=None,
        for_member_id=member.id,
        facts={"title": "楼道清洁", "signed_minutes": 120, "manual_minutes": 0, "giveaway_minutes": 60},
    )
    post(session, draft, now=at)


@pytest.fixture
def town(app: Flask) -> Town:
    with app.app_context(), transaction() as session:
        return build(session)


def version(**more: str) -> dict[str, str]:
    tomorrow = clock.today(clock.now()) + DAY
    plain = {
        "form_key": "version-1",
        "valid_from": tomorrow.isoformat(),
        "points_per_hour": "12",
        "daily_cap_hours": "1",
        "gift_month_hours": "10",
        "reason": "第三次网点会议决定",
    }
    return plain | more


def saved(app: Flask) -> list[CoinRule]:
    with app.app_context():
        return list(db.session().scalars(sa.select(CoinRule)))


def entries(app: Flask) -> int:
    with app.app_context():
        return db.session().scalar(sa.select(sa.func.count()).select_from(Entry)) or 0


def text_of(page: str) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_before_any_change_the_built_in_rules_are_shown(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    page = text_of(client.get("/branch/rules").text)
    for words in ("得 10 个积分", "rules/0", "还没有改过规则", "改规则"):
        assert words in page
    assert "存币规则" in client.get("/branch").text


def test_a_version_is_looked_at_before_it_is_saved(app: Flask, client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    many = entries(app)
    page = client.post("/branch/rules/new", data=version())
    assert page.status_code == 200
    said = text_of(page.text)
    for words in (
        "如果",
        "1 位会员得到爱心币",
        "1 位会和原来不同",
        "同一天最多存入 1 币",
        "李**",
        "原因：第三次网点会议决定",
    ):
        assert words in said
    assert re.search(r"会员得到的爱心币 2 币 1 币 −1 币", said)
    assert re.search(r"积分 20 分 24 分 \+4 分", said)
    assert re.search(r"服务时长 2 小时 2 小时 不变", said)
    assert "李秀英" not in said
    assert saved(app) == []
    assert entries(app) == many


def test_saving_sends_the_same_form_and_sending_it_again_is_calm(app: Flask, client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    look = client.post("/branch/rules/new", data=version()).text
    fields = dict(re.findall(r'name="([\w-]+)" value="([^"]*)"', look.split("保存新规则")[0].split("<form")[-1]))
    assert fields["form_key"] == "version-1"
    assert fields["then"] == "save"
    for _time in range(2):
        answer = client.post("/branch/rules/new", data=fields, follow_redirects=True)
        assert "第 1 版规则已保存" in answer.text
    [rule] = saved(app)
    assert (rule.points_per_hour, rule.daily_cap_minutes, rule.reason) == (12, 60, "第三次网点会议决定")
    page = text_of(client.get("/branch/rules").text)
    for words in ("第 1 版", "还没有开始", "陈站长", "第三次网点会议决定", "rules/BL/1"):
        assert words in page
    back = client.post("/branch/rules/new", data=version())  # the form again, from the browser's history
    assert (back.status_code, len(saved(app))) == (302, 1)


def test_going_back_keeps_what_was_typed(app: Flask, client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    page = client.post("/branch/rules/new", data=version(then="change"))
    assert page.status_code == 200
    assert 'name="points_per_hour" type="text" value="12"' in page.text
    assert "第三次网点会议决定" in page.text
    assert saved(app) == []


@pytest.mark.parametrize("then", ["", "save"])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"valid_from": "2020-01-01"}, "最早从明天"),
        ({"valid_from": "昨天"}, "日期格式不对"),
        ({"points_per_hour": "0"}, "请输入 1 到 1000 之间的数"),
        ({"daily_cap_hours": "0"}, "请填大于 0 的时间"),
        ({"daily_cap_hours": "x"}, "请输入整数"),
        ({"holding_cap_minutes": "61"}, "请输入 0 到 59 之间的数"),
        ({"expiry_months": "500"}, "请输入 1 到 120 之间的数"),
        ({"reason": ""}, "此项必填"),
        ({"points_per_hour": "10", "daily_cap_hours": ""}, "本来就要执行的一样"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(
    app: Flask, client: FlaskClient, town: Town, wrong: dict[str, str], words: str, then: str
) -> None:
    sign_in(client, town.manager)
    page = client.post("/branch/rules/new", data=version(**wrong, then=then))
    assert page.status_code in {409, 422}
    assert words in page.text
    for target in re.findall(r'href="#(f-[\w-]+)"', page.text):
        assert f'id="{target}"' in page.text
    assert saved(app) == []


def test_an_inspector_reads_and_changes_nothing(app: Flask, client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    page = client.get("/branch/rules")
    assert page.status_code == 200
    assert "/branch/rules/new" not in page.text
    assert client.get("/branch/rules/new").status_code == 403
    assert client.post("/branch/rules/new", data=version(then="save")).status_code == 403
    assert saved(app) == []


def test_members_read_the_rules_beside_their_statement(app: Flask, client: FlaskClient, town: Town) -> None:
    with app.app_context(), transaction() as session:
        now = clock.now()
        save_rule(session, town.branch, now, now=now - DAY, holding_cap_minutes=6_000)
    sign_in(client, town.member)
    assert client.get("/branch/rules").status_code == 403
    assert "每人手里最多留 100 币" in client.get("/me/statement").text


# --- giving --------------------------------------------------------------------------------------------------------


def test_giving_is_asked_once_more_in_numbers(app: Flask, client: FlaskClient, town: Town) -> None:
    sign_in(client, town.member)
    page = text_of(client.get("/me/give").text)
    assert "基金现有 0 币" in page
    assert "我的可赠币 1 币" in page
    many = entries(app)
    form = {"form_key": "gift-1", "purse": "giveaway", "amount_minutes": "40", "words": "给需要的老人"}
    look = client.post("/me/give", data=form)
    assert "捐后还剩 20 分" in text_of(look.text)
    assert entries(app) == many
    for said in ("谢谢您！已捐出：40 分。", "这一笔之前已经捐过：40 分。"):
        assert said in client.post("/me/give", data=form | {"then": "give"}, follow_redirects=True).text
    assert entries(app) == many + 1
    assert "基金现有 40 分" in text_of(client.get("/me/give").text)
    statement = client.get("/me/statement?unit=giveaway").text
    assert "捐给爱心基金 40 分 · 给需要的老人" in statement
    assert client.get("/me/statement.csv?unit=giveaway").status_code == 200
    assert "可赠币" in client.get("/me").text
    assert "可赠币" in client.get("/me/card").text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"amount_minutes": ""}, "至少 1 分钟"),
        ({"amount_minutes": "x"}, "请输入整数"),
        ({"amount_hours": "2"}, "可赠币不够"),
        ({"purse": "point"}, "请从列出的选项里选一个"),
    ],
)
@pytest.mark.parametrize("then", ["", "give"])
def test_a_gift_that_cannot_be_given_says_why(
    app: Flask, client: FlaskClient, town: Town, wrong: dict[str, str], words: str, then: str
) -> None:
    sign_in(client, town.member)
    many = entries(app)
    form = {"form_key": "gift-1", "purse": "giveaway", "amount_minutes": "40", "then": then}
    page = client.post("/me/give", data=form | wrong)
    assert page.status_code in {409, 422}
    assert words in page.text
    assert entries(app) == many


def test_who_has_no_give_away_coins_sees_no_page_for_them(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    page = client.get("/me/statement?unit=giveaway")
    assert page.status_code == 200
    assert "可赠币" not in page.text
    assert "现在没有可以捐的" in client.get("/me/give").text


def test_me_says_what_expires_within_thirty_days(app: Flask, client: FlaskClient, town: Town) -> None:
    with app.app_context(), transaction() as session:
        now = clock.now()
        save_rule(session, town.branch, now - 80 * DAY, now=now - 81 * DAY, expiry_months=1)
    sign_in(client, town.member)
    assert "4 币快过期了" in client.get("/me").text


# --- a real browser ------------------------------------------------------------------------------------------------


def test_a_manager_tries_a_version_and_saves_it(live_app: Flask, live_server: str, page: Page) -> None:
    with live_app.app_context(), transaction() as session:
        town = build(session)
        set_password(session, town.manager, hash_password(PASSWORD), now=clock.now())
    page.goto(f"{live_server}/sign-in?next=/branch/rules")
    page.get_by_label("电话或会员号").fill("13805740001")
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.goto(f"{live_server}/branch/rules")
    page.get_by_role("link", name="改规则").click()
    page.get_by_label("服务 1 小时得几个积分").fill("15")
    page.get_by_label("同一天最多存入：小时").fill("1")
    page.get_by_label("为什么改").fill("鼓励大家常来")
    page.get_by_role("button", name="看看会有什么影响").click()
    expect(page.get_by_role("heading", name="先看影响，再保存")).to_be_visible()
    page.get_by_role("button", name="回去再改").click()
    expect(page.get_by_label("服务 1 小时得几个积分")).to_have_value("15")
    page.get_by_role("button", name="看看会有什么影响").click()
    page.get_by_role("button", name="保存新规则").click()
    expect(page.get_by_text("第 1 版规则已保存")).to_be_visible()
    expect(page.get_by_text("鼓励大家常来")).to_be_visible()
