"""A haircut next door, in a real browser: a time that does not suit, a voucher read from the screen, two ratings.

And the one that went wrong: half a haircut, both sides' words, a decision by somebody without a part.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.exchange.scene import Scene, coins_of
from tests.stories.test_main_job import decoded, sign_in, visitor
from tests.world import PASSWORD, make_member
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.ledger.verification import verify
from timebank.members.models import Member
from timebank.members.service import hash_password, set_password

WIDE = {"viewport": {"width": 1280, "height": 900}}


@pytest.fixture(autouse=True)
def clock_put_right() -> Iterator[None]:
    """Stories move the app's own clock; nobody else should notice."""
    yield
    clock.put_right()


@pytest.fixture
def people(live_app: Flask) -> dict[str, Any]:
    """Li with three coins, Wang who cuts hair next door, two managers; nine on a Monday in the middle of a month."""
    now = clock.local(clock.now())
    nine = now.replace(day=15, hour=9, minute=0, second=0, microsecond=0)
    clock.move(nine - timedelta(days=nine.weekday()) - now)
    with live_app.app_context(), transaction() as session:
        scene = Scene(session, now=clock.now())
        judge = make_member(session, scene.branch, "沈站长", alias="沈站长", roles=("manager",), now=clock.now())
        known = {"asker": scene.asker, "barber": scene.barber, "judge": judge}
        secret = hash_password(PASSWORD)
        for member in known.values():
            set_password(session, member.id, secret, now=clock.now())
        found = {name: member.number for name, member in known.items()}
        return found | {"ids": {name: member.id for name, member in known.items()}, "branch": scene.branch.id}


def test_a_haircut_next_door(browser: Browser, live_app: Flask, live_server: str, people: dict[str, Any]) -> None:
    with visitor(browser, live_server) as asker, visitor(browser, live_server) as barber:
        sign_in(asker, people["asker"])
        sign_in(barber, people["barber"])
        ask_for_it(asker)
        accept(barber, in_days(1, "10:00"))
        want_another_time(asker, in_days(2, "15:00"))
        agree_to_it(barber)
        clock.move(timedelta(days=2, hours=7))
        show_and_scan(asker, barber)
        rate(asker, "5", "剪得好")
        rate(barber, "5", "很准时", side="given")
        asker.reload()
        expect(asker.get_by_text("很准时")).to_be_visible()
    assert standing(live_app, people) == ((120, 0), (60, 0))


def test_half_a_haircut(browser: Browser, live_app: Flask, live_server: str, people: dict[str, Any]) -> None:
    with (
        visitor(browser, live_server) as asker,
        visitor(browser, live_server) as barber,
        visitor(browser, live_server, **WIDE) as judge,
    ):
        sign_in(asker, people["asker"])
        sign_in(barber, people["barber"])
        sign_in(judge, people["judge"])
        ask_for_it(asker)
        accept(barber, in_days(1, "10:00"))
        clock.move(timedelta(days=1, hours=3))
        type_the_code(asker, barber)
        say_what_is_wrong(asker)
        answer(barber)
        decide_half(judge)
        asker.reload()
        expect(asker.get_by_text("结果：退回一部分")).to_be_visible()
        expect(asker.get_by_text("双方都说只剪了一半").first).to_be_visible()
        barber.goto("/me/statement")
        expect(barber.get_by_text("更正").first).to_be_visible()
    assert standing(live_app, people) == ((150, 0), (30, 0))


def in_days(days: int, clock_time: str) -> str:
    """A time as the box wants it."""
    return f"{clock.local(clock.now() + timedelta(days=days)):%Y-%m-%d}T{clock_time}"


def ask_for_it(page: Page) -> None:
    page.goto("/offers")
    page.get_by_role("link", name="上门理发").first.click()
    page.get_by_role("button", name="兑换", exact=True).click()
    expect(page.get_by_text("等待确认").first).to_be_visible()


def accept(page: Page, at: str) -> None:
    page.goto("/me/orders?side=given")
    page.get_by_role("link", name="上门理发").first.click()
    page.get_by_label("约在什么时候").fill(at)
    page.get_by_role("button", name="接单，约在这个时间").click()
    expect(page.get_by_text("已约好").first).to_be_visible()


def want_another_time(page: Page, at: str) -> None:
    page.reload()
    expect(page.get_by_role("heading", name="兑换券")).to_be_visible()
    page.get_by_text("这个时间不行，换个时间").click()
    page.get_by_label("想约在什么时候").fill(at)
    page.get_by_label("留言").fill("明天要去医院")
    page.get_by_role("button", name="问问对方").click()
    expect(page.get_by_text("等 王师傅 答应新的时间")).to_be_visible()
    expect(page.get_by_role("heading", name="兑换券")).to_have_count(0)


def agree_to_it(page: Page) -> None:
    page.reload()
    expect(page.get_by_text("明天要去医院")).to_be_visible()
    page.get_by_role("button", name="可以，约在这个时间").click()
    expect(page.get_by_text("已约好").first).to_be_visible()


def show_and_scan(asker: Page, barber: Page) -> None:
    asker.reload()
    barber.goto(decoded(asker.locator(".voucher-qr svg")))
    expect(barber.get_by_text("李大妈").first).to_be_visible()
    barber.get_by_role("button", name="服务已完成，核销").click()
    expect(barber.get_by_text("核销好了")).to_be_visible()


def type_the_code(asker: Page, barber: Page) -> None:
    asker.reload()
    code = asker.locator(".voucher-code").inner_text()
    barber.goto("/vouchers")
    barber.get_by_label("券上的码").fill(code)
    barber.get_by_role("button", name="查看这一单").click()
    barber.get_by_role("button", name="服务已完成，核销").click()
    expect(barber.get_by_text("核销好了")).to_be_visible()


def rate(page: Page, score: str, words: str, *, side: str = "asked") -> None:
    page.goto(f"/me/orders?side={side}")
    page.get_by_role("link", name="上门理发").first.click()
    page.locator(f"input[name=score][value='{score}']").check()
    page.get_by_label("说两句").fill(words)
    page.get_by_role("button", name="提交评价").click()
    expect(page.get_by_text("谢谢您的评价")).to_be_visible()


def say_what_is_wrong(page: Page) -> None:
    page.reload()
    page.get_by_role("link", name="有不对的地方").click()
    page.get_by_label("退回一部分").check()
    page.get_by_label("怎么回事").fill("剪到一半接了电话就走了")
    page.get_by_role("button", name="提出", exact=True).click()
    expect(page.get_by_text("等网点决定")).to_be_visible()


def answer(page: Page) -> None:
    page.goto("/me/orders?side=given")
    page.get_by_role("link", name="上门理发").first.click()
    page.get_by_role("link", name="看争议的进展").click()
    expect(page.get_by_text("剪到一半接了电话就走了")).to_be_visible()
    page.get_by_label("说明").fill("家里有急事，是只剪了一半")
    page.get_by_role("button", name="说给大家听").click()
    expect(page.get_by_text("已经记下")).to_be_visible()


def decide_half(page: Page) -> None:
    page.goto("/branch/disputes")
    page.get_by_role("link", name="上门理发").first.click()
    expect(page.get_by_text("家里有急事")).to_be_visible()
    page.get_by_label("退回一部分").check()
    page.locator("[name=part_minutes]").fill("30")
    page.get_by_label("理由").fill("双方都说只剪了一半")
    page.get_by_role("button", name="看一看账会怎么动").click()
    expect(page.get_by_text("这一单最后算")).to_be_visible()
    page.get_by_role("button", name="就这样决定").click()
    expect(page.get_by_text("决定好了")).to_be_visible()


def standing(app: Flask, people: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    """Balance and what is set aside of both, after every check of the books."""
    with app.app_context():
        session = db.session()
        assert not [found for check in verify(session, people["branch"]) for found in check.findings]
        members = (session.get_one(Member, people["ids"][name]) for name in ("asker", "barber"))
        return tuple(coins_of(session, member) for member in members)
