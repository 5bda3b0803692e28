"""Redeeming at another branch as people live it: two managers connect, a neighbour gets a haircut, both books agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.exchange.scene import give
from tests.stories.test_main_job import decoded, sign_in, visitor
from tests.world import PASSWORD, make_branch, make_member
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.ledger.verification import verify
from timebank.members.service import hash_password, set_password

HERE, THERE = "大碶红领之家", "新碶向阳站"


@pytest.fixture(autouse=True)
def clock_put_right() -> Iterator[None]:
    """Stories move the app's own clock; nobody else should notice."""
    yield
    clock.put_right()


@dataclass
class Town:
    """Two branches, the member numbers of their managers, of who has coins here, and of the barber there."""

    branches: list[int]
    managers: list[str]
    member: str
    barber: str


@pytest.fixture
def town(live_app: Flask) -> Town:
    """Two branches that do not know each other yet, in the middle of a month."""
    nine = clock.local(clock.now()).replace(day=15, hour=9, minute=0, second=0, microsecond=0)
    clock.move(nine - clock.now())
    with live_app.app_context(), transaction() as session:
        now = clock.now()
        branches = [make_branch(session, code, name, now=now) for code, name in (("DQ", HERE), ("XQ", THERE))]
        managers = [
            make_member(session, branch, name, roles=("manager",), now=now)
            for branch, name in zip(branches, ("周管理", "顾管理"), strict=True)
        ]
        member = make_member(session, branches[0], "胡菊芬", now=now)
        barber = make_member(session, branches[1], "徐剪刀", now=now)
        give(session, member, 180, now=now)
        for one in (*managers, member, barber):
            set_password(session, one.id, hash_password(PASSWORD), now=now)
        return Town([one.id for one in branches], [one.number for one in managers], member.number, barber.number)


def test_two_branches_connect_and_a_neighbour_has_her_hair_cut_there(
    browser: Browser, live_app: Flask, live_server: str, town: Town
) -> None:
    wide = {"viewport": {"width": 1280, "height": 900}}
    with ExitStack() as stack:
        here, there = (stack.enter_context(visitor(browser, live_server, **wide)) for _ in range(2))
        member, barber = (stack.enter_context(visitor(browser, live_server)) for _ in range(2))
        logins = (town.managers[0], town.managers[1], town.member, town.barber)
        for page, login in zip((here, there, member, barber), logins, strict=True):
            sign_in(page, login)

        offer_to_all(barber)
        expect_not_connected(member)
        ask(here)
        agree(there)
        order(member)
        accept(barber)
        fulfil(member, barber)
        expect_opposite_figures(here, there)

        month = clock.month_of(clock.now())
        clock.move(clock.month_range(month)[1] + timedelta(hours=1) - clock.now())
        for page in (here, there):
            close_month(page)
        hashes = [sealed_hash(page, month) for page in (here, there)]
    assert hashes[0] == hashes[1]
    with live_app.app_context():
        assert all(not check.findings for one in town.branches for check in verify(db.session(), one))


def offer_to_all(page: Page) -> None:
    page.goto("/me/offers/new")
    page.get_by_label("叫什么").fill("上门理发")
    page.get_by_label("类别").select_option(label="理发")
    page.locator("[name=price_hours]").fill("1")
    page.get_by_label("所有网点").check()
    page.get_by_role("button", name="发布", exact=True).click()
    expect(page.get_by_text("上门理发").first).to_be_visible()


def open_offer(page: Page) -> None:
    page.goto("/offers")
    page.get_by_role("link", name="上门理发").first.click()


def expect_not_connected(page: Page) -> None:
    open_offer(page)
    expect(page.get_by_text(f"您的网点还没有和“{THERE}”互通")).to_be_visible()
    expect(page.get_by_role("button", name="兑换", exact=True)).to_have_count(0)


def ask(page: Page) -> None:
    page.goto("/branch")
    page.get_by_role("link", name="网点互通").click()
    page.get_by_label("哪个网点").select_option(label=THERE)
    page.locator("[name=amount_hours]").fill("10")
    page.get_by_label("附言").fill("两个街道挨着")
    page.get_by_role("button", name="提出", exact=True).click()
    expect(page.get_by_text(f"已经问{THERE}，等对方管理员同意")).to_be_visible()


def agree(page: Page) -> None:
    page.goto("/branch")
    page.locator(".link-list").get_by_role("link", name="网点互通").click()
    page.get_by_role("link", name=f"{HERE}想互通").click()
    page.locator("[name=amount_hours]").fill("5")
    page.get_by_role("button", name="同意互通").click()
    expect(page.get_by_text("已互通，两边的会员现在可以互相兑换了")).to_be_visible()


def order(page: Page) -> None:
    open_offer(page)
    expect(page.get_by_text(f"这一项在“{THERE}”，和您的网点互通")).to_be_visible()
    page.get_by_role("button", name="兑换", exact=True).click()
    expect(page.get_by_text(f"{THERE}（和您的网点互通）")).to_be_visible()
    page.goto("/me/orders")
    expect(page.get_by_text(f"在{THERE}")).to_be_visible()


def accept(page: Page) -> None:
    page.goto("/me/orders?side=given")
    page.get_by_role("link", name="上门理发").first.click()
    tomorrow = clock.local(clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT10:00")
    page.get_by_label("约在什么时候").fill(tomorrow)
    page.get_by_role("button", name="接单，约在这个时间").click()
    expect(page.get_by_text("已约好").first).to_be_visible()


def fulfil(member: Page, barber: Page) -> None:
    member.goto("/me/orders")
    member.get_by_role("link", name="上门理发").first.click()
    barber.goto(decoded(member.locator(".voucher-qr svg")))
    barber.get_by_role("button", name="服务已完成，核销").click()
    expect(barber.get_by_text("完成").first).to_be_visible()
    member.goto("/me/statement")
    expect(member.get_by_text("上门理发").first).to_be_visible()


def expect_opposite_figures(here: Page, there: Page) -> None:
    """One says that it owes what the other says that it is owed."""
    said = []
    for page, name in ((here, THERE), (there, HERE)):
        page.goto("/branch/clearing")
        page.get_by_role("link", name=name).click()
        said.append({label: gauge(page, label) for label in ("对方欠我们", "我们欠对方")})
    assert said[0]["我们欠对方"] == said[1]["对方欠我们"] == "欠 1 币 / 额度 5 币（20%）"
    assert said[0]["对方欠我们"] == said[1]["我们欠对方"] == "不欠 / 额度 10 币（0%）"


def gauge(page: Page, label: str) -> str:
    return page.locator(".gauge .line").filter(has_text=label).locator("span").inner_text()


def close_month(page: Page) -> None:
    page.goto("/branch/archives")
    page.get_by_role("link", name="去结账").first.click()
    page.get_by_role("button", name="结账并打包").click()
    expect(page.get_by_role("heading", name="封签")).to_be_visible()


def sealed_hash(page: Page, month: str) -> str:
    page.goto("/branch/clearing")
    page.locator(".grid").get_by_role("link").first.click()
    page.get_by_role("link", name=f"{int(month[:4])} 年 {int(month[5:])} 月").click()
    expect(page.get_by_text(f"{HERE}欠{THERE} 1 币")).to_be_visible()
    return re.findall(r"\b[0-9a-f]{64}\b", page.locator("main").inner_text())[0]
