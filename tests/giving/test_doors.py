"""Pages of giving: said once more before it goes, one good and one refused request per door, no name on the fund."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.exchange.scene import give
from tests.world import actor_of, make_branch, make_member, sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.giving import service
from timebank.giving.models import FundGrant, Gift
from timebank.members.rules import member_number


@dataclass
class Ids:
    """The people of these tests."""

    branch: int
    giver: int
    friend: int
    first: int
    second: int
    stranger: int


@pytest.fixture
def ids(app: Flask) -> Ids:
    """A giver with three coins, one of which went to the fund."""
    with app.app_context(), transaction() as session:
        now = clock.now()
        branch = make_branch(session)
        giver, friend = make_member(session, branch, "李秀英"), make_member(session, branch, "王建国")
        give(session, giver, 180, now=now)
        donation = service.Donation(purse="coin", minutes=60, words="给李家的老人", form_key="fund")
        service.donate(session, donation, actor=actor_of(session, giver), now=now)
        managers = [make_member(session, branch, name, roles=("manager",)).id for name in ("钱站长", "贺站长")]
        stranger = make_member(session, make_branch(session, "XQ"), "孙站长", roles=("manager",))
        return Ids(branch.id, giver.id, friend.id, managers[0], managers[1], stranger.id)


As = Callable[[int], FlaskClient]


@pytest.fixture
def as_member(app: Flask) -> As:
    """The browser of a member."""

    def opened(member_id: int) -> FlaskClient:
        client = app.test_client()
        sign_in(client, member_id)
        return client

    return opened


def kept(app: Flask, model: type[Gift | FundGrant]) -> list[Gift | FundGrant]:
    with app.app_context():
        return list(db.session.scalars(select(model)))


def gift_form(ids: Ids, **more: str) -> dict[str, str]:
    known = {"purse": "coin", "amount_minutes": "40", "number": member_number(ids.friend), "name": "王建国"}
    return known | {"form_key": "gift-1", "words": "去理个发吧"} | more


def test_a_gift_is_looked_at_once_more_and_given_once(app: Flask, as_member: As, ids: Ids) -> None:
    giver = as_member(ids.giver)
    look = giver.post("/me/gifts", data=gift_form(ids)).text
    assert "请再看一遍" in look
    assert "1 币 20 分" in look  # left
    assert kept(app, Gift) == []
    for _ in range(2):
        done = giver.post("/me/gifts", data=gift_form(ids, then="give"), follow_redirects=True)
        assert "已经送给" in done.text
    assert len(kept(app, Gift)) == 1
    assert "去理个发吧" in as_member(ids.friend).get("/me/gifts").text
    changed = giver.post("/me/gifts", data=gift_form(ids, then="change"))
    assert 'value="王建国"' in changed.text


def test_a_wrong_name_is_said_at_its_field_and_gives_nothing(app: Flask, as_member: As, ids: Ids) -> None:
    wrong = as_member(ids.giver).post("/me/gifts", data=gift_form(ids, name="王小国", then="give"))
    assert wrong.status_code == 422
    assert "会员号和姓名对不上" in wrong.text
    assert kept(app, Gift) == []


def test_the_fund_is_read_by_everybody_without_names_or_words(as_member: As, ids: Ids) -> None:
    page = as_member(ids.friend).get("/fund").text
    assert "有人捐赠" in page
    assert "李" not in page.split("<main", 1)[1]


def test_a_grant_goes_through_two_pairs_of_hands(app: Flask, as_member: As, ids: Ids) -> None:
    first, second = as_member(ids.first), as_member(ids.second)
    form = {"number": member_number(ids.friend), "amount_minutes": "30", "reason": "住院", "form_key": "a"}
    wrong = first.post(f"/branch/fund?branch={ids.branch}", data=form | {"reason": ""})
    assert wrong.status_code == 422
    short = first.post(f"/branch/fund?branch={ids.branch}", data=form | {"amount_hours": "9"})
    assert "爱心基金不够" in short.text
    assert "等另一位管理员同意" in first.post("/branch/fund", data=form, follow_redirects=True).text
    [grant] = kept(app, FundGrant)
    where = f"/branch/fund/grants/{grant.id}"
    assert first.post(f"{where}/agree").status_code == 403
    assert as_member(ids.stranger).post(f"{where}/agree").status_code == 403
    assert "等第二人同意的帮扶" in second.get("/branch").text
    assert "请写一句原因" in second.post(f"{where}/decline", follow_redirects=True).text
    assert "已经存给会员" in second.post(f"{where}/agree", follow_redirects=True).text
    assert "这笔帮扶已经有了结果" in second.post(f"{where}/decline", data={"note": "x"}, follow_redirects=True).text
    assert "帮扶一位会员" in as_member(ids.giver).get("/fund").text
    assert "爱心基金帮扶" in as_member(ids.friend).get("/me/statement").text


def test_who_asked_takes_a_grant_back(app: Flask, as_member: As, ids: Ids) -> None:
    first = as_member(ids.first)
    form = {"number": member_number(ids.friend), "amount_minutes": "30", "reason": "住院", "form_key": "a"}
    first.post("/branch/fund", data=form)
    [grant] = kept(app, FundGrant)
    assert "已撤回" in first.post(f"/branch/fund/grants/{grant.id}/withdraw", follow_redirects=True).text
    assert as_member(ids.second).get("/branch/fund/grants/99/withdraw").status_code == 405
    assert as_member(ids.second).post("/branch/fund/grants/99/withdraw").status_code == 404
