"""A school signs an agreement, in real browsers with real form tokens: by two managers; a neighbour reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.world import PASSWORD, make_branch, make_member
from timebank.core import clock
from timebank.core.db import transaction
from timebank.members.service import hash_password, set_password

NAMES = {"first": ("周管理", "manager"), "second": ("吴管理", "manager"), "organiser": ("钱组织", "organiser")}


@pytest.fixture
def numbers(live_app: Flask) -> dict[str, str]:
    """The member numbers of two managers and an organiser."""
    found = {}
    with live_app.app_context(), transaction() as session:
        branch = make_branch(session, "BL", "大碶红领之家", now=clock.now())
        for key, (name, role) in NAMES.items():
            member = make_member(session, branch, name, roles=(role,), now=clock.now())
            set_password(session, member.id, hash_password(PASSWORD), now=clock.now())
            found[key] = member.number
    return found


@contextmanager
def visitor(browser: Browser, address: str, number: str = "") -> Iterator[Page]:
    """Somebody with a phone of their own, signed in or not."""
    context = browser.new_context(base_url=address, locale="zh-CN", viewport={"width": 390, "height": 844})
    context.set_default_timeout(15_000)
    page = context.new_page()
    if number:
        page.goto("/sign-in")
        page.get_by_label("电话或会员号").fill(number)
        page.get_by_label("密码", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="登录", exact=True).click()
    yield page
    context.close()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def promise(page: Page, side: str, words: str) -> None:
    page.get_by_role("link", name="写一条承诺").click()
    page.get_by_label(side).check()
    page.get_by_label("类别").select_option(label="志愿服务")
    page.get_by_label("承诺做什么").fill(words)
    page.get_by_label("数量").fill("2")
    page.get_by_label("单位", exact=True).fill("场次")
    press(page, "写进协议")


def test_a_school_signs_an_agreement_and_keeps_it(browser: Browser, live_server: str, numbers: dict[str, str]) -> None:
    with (
        visitor(browser, live_server, numbers["first"]) as first,
        visitor(browser, live_server, numbers["second"]) as second,
        visitor(browser, live_server, numbers["organiser"]) as organiser,
        visitor(browser, live_server) as neighbour,
    ):
        first.goto("/branch/organisations")
        first.get_by_role("link", name="登记单位").first.click()
        first.get_by_label("单位全称").fill("灵岩小学")
        first.get_by_label("类型").select_option(label="学校")
        press(first, "保存")
        first.get_by_text("起草一份协议").click()
        press(first, "起草")
        promise(first, "网点承诺", "请老党员讲故事")
        promise(first, "单位承诺", "周末开放操场")
        first.get_by_role("link", name="双方已签字，提交确认").click()
        first.get_by_label("网点签字人").fill("周管理")
        first.get_by_label("单位签字人").fill("沈老师")
        press(first, "提交，等第二人确认")
        expect(first.get_by_text("要由另一位管理员对照纸质协议确认")).to_be_visible()

        second.goto("/branch")
        second.get_by_role("link", name="共建协议等第二人：灵岩小学").click()
        press(second, "确认签订")
        expect(second.get_by_text("已签订", exact=True)).to_be_visible()

        organiser.goto("/organise")
        organiser.get_by_role("link", name="统筹").click()
        organiser.goto(second.url)
        organiser.get_by_role("link", name="记一笔").last.click()
        organiser.get_by_label("做了什么，凭什么").fill("两个周末，门卫有登记")
        press(organiser, "记下")
        expect(organiser.get_by_text("2 / 2 场次")).to_be_visible()

        neighbour.goto("/")
        neighbour.get_by_role("link", name="和我们共建的单位").click()
        neighbour.get_by_role("link", name="灵岩小学").click()
        expect(neighbour.get_by_text("已兑现")).to_be_visible()
