"""A grid worker orders for a woman of 82 who never signs in: dispatched, taken, served, approved, paid, rated.

In a real browser, by five people on phones and desks of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.exchange.scene import give
from tests.stories.test_main_job import decoded, sign_in, visitor
from tests.world import PASSWORD, actor_of, make_branch, make_member
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.giving import service as giving
from timebank.giving.queries import fund_account
from timebank.jobs.tasks import JOBS, Place
from timebank.ledger import queries as ledger
from timebank.ledger.verification import verify
from timebank.members.models import Member
from timebank.members.service import hash_password, set_password
from timebank.requests.models import HelpRequest

TITLE = "陪老人去医院复查"
PLACE = "向阳路 12 弄 3 幢 402"
WIDE = {"viewport": {"width": 1280, "height": 900}}


@pytest.fixture(autouse=True)
def clock_put_right() -> Iterator[None]:
    """Stories move the app's own clock; nobody else should notice."""
    yield
    clock.put_right()


@pytest.fixture
def town(live_app: Flask) -> dict[str, str]:
    """A branch with a fund, those who work there, a volunteer with a skill, and the old lady, who has no sign-in."""
    nine = clock.local(clock.now()).replace(day=15, hour=9, minute=0, second=0, microsecond=0)
    clock.move(nine - clock.local(clock.now()))
    people = {
        "grid": ("孙网格", ("grid_worker",), {}),
        "organiser": ("周组织", ("organiser",), {}),
        "manager": ("钱站长", ("manager",), {}),
        "second": ("贺站长", ("manager",), {}),
        "volunteer": ("王陪护", (), {"skills": "陪护、理发"}),
    }
    with live_app.app_context(), transaction() as session:
        now = clock.now()
        branch = make_branch(session, "BL", "大碶红领之家", now=now)
        numbers = {}
        for key, (name, roles, more) in people.items():
            member = make_member(session, branch, name, roles=roles, now=now, **more)
            set_password(session, member.id, hash_password(PASSWORD), now=now)
            numbers[key] = member.number
        numbers["lady"] = make_member(session, branch, "陈秀兰", born_on=date(1944, 3, 2), now=now).number
        giver = make_member(session, branch, "李秀英", now=now)
        give(session, giver, 300, now=now)
        donation = giving.Donation(purse="coin", minutes=300, words="", form_key="fund")
        giving.donate(session, donation, actor=actor_of(session, giver), now=now)
    return numbers


def test_ordered_by_a_grid_worker_paid_by_the_fund(
    browser: Browser, live_app: Flask, live_server: str, town: dict[str, str]
) -> None:
    with (
        visitor(browser, live_server) as grid,
        visitor(browser, live_server, **WIDE) as manager,
        visitor(browser, live_server, **WIDE) as organiser,
        visitor(browser, live_server, **WIDE) as second,
        visitor(browser, live_server) as volunteer,
    ):
        for page, who in ((grid, "grid"), (manager, "manager"), (organiser, "organiser"), (second, "second")):
            sign_in(page, town[who])
        sign_in(volunteer, town["volunteer"])
        order_for_her(grid, town["lady"])
        dispatch(manager)
        accept(volunteer)
        look_at_whom(volunteer)
        serve(volunteer, organiser)
        approve(second)
        expect_paid(live_app, volunteer)
        rate(grid)
        see_the_fund(grid)
    check_books(live_app)


def order_for_her(page: Page, number: str) -> None:
    page.goto("/requests")
    page.get_by_role("link", name="我要点单").click()
    page.get_by_label("服务对象的会员号").fill(number)
    page.get_by_label("服务对象的姓名").fill("陈秀兰")
    page.get_by_label("做什么").select_option(label="陪护照料")
    page.get_by_label("一句话说清楚").fill(TITLE)
    page.get_by_label("具体说明").fill("上午挂好号了，要有人扶着走。")
    page.get_by_label("地点").fill(PLACE)
    day = clock.today(clock.now())
    page.get_by_label("最早哪天").fill(day.isoformat())
    page.get_by_label("最晚哪天").fill((day + timedelta(days=5)).isoformat())
    page.get_by_label("上午").check()
    page.get_by_label("最多要多久：小时").fill("1")
    page.get_by_label("最多要多久：分钟").fill("30")
    page.get_by_label("由爱心基金出").check()
    page.get_by_role("button", name="点单", exact=True).click()
    expect(page.get_by_text("等网点受理。有消息会通知您。")).to_be_visible()
    expect(page.get_by_text(PLACE)).to_have_count(0)


def dispatch(page: Page) -> None:
    page.goto("/branch")
    page.get_by_role("link", name="等受理的点单").click()
    page.get_by_role("row", name=TITLE).get_by_role("link", name="看").click()
    page.get_by_role("button", name="查看服务对象").click()
    expect(page.get_by_text("陈秀兰")).to_be_visible()
    page.get_by_label("本网点的会员都可以接").uncheck()
    page.get_by_role("button", name="派单", exact=True).click()
    expect(page.get_by_text("已派单，请选志愿者来接。")).to_be_visible()
    page.get_by_label("会：陪护、理发").check()
    page.get_by_role("button", name="请他们来").click()
    expect(page.get_by_text("已经请了 1 位")).to_be_visible()


def accept(page: Page) -> None:
    page.goto("/me")
    page.get_by_role("link", name=f"网点想请您帮忙：{TITLE}").first.click()
    expect(page.get_by_text("由爱心基金出：派单时先冻结 1 币 30 分")).to_be_visible()
    start = clock.local(clock.now()) + timedelta(minutes=20)
    page.get_by_label("什么时候去").fill(start.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="我来接单").click()
    expect(page.get_by_text("接好了，已经告诉对方。")).to_be_visible()
    expect(page.get_by_text("陈秀兰")).to_have_count(0)


def look_at_whom(page: Page) -> None:
    page.get_by_role("button", name="查看服务对象").click()
    expect(page.get_by_text("陈秀兰")).to_be_visible()
    expect(page.get_by_text(PLACE)).to_be_visible()


def serve(volunteer: Page, organiser: Page) -> None:
    """The organiser has the code of this service on a screen; the volunteer scans it, coming and going."""
    organiser.goto("/branch/requests?part=running")
    organiser.get_by_role("row", name=TITLE).get_by_role("link", name="看").click()
    organiser.get_by_role("link", name="签到码").click()
    clock.move(timedelta(minutes=20))
    organiser.reload()
    volunteer.goto(decoded(organiser.locator("[data-picture] svg")))
    volunteer.get_by_role("button", name="签到", exact=True).click()
    expect(volunteer.get_by_role("heading", name="已签到")).to_be_visible()
    clock.move(timedelta(minutes=60))
    organiser.reload()
    volunteer.goto(decoded(organiser.locator("[data-picture] svg")))
    volunteer.get_by_role("button", name="签退", exact=True).click()
    expect(volunteer.get_by_text("这次记 1 小时")).to_be_visible()
    clock.move(timedelta(minutes=40))
    organiser.get_by_role("link", name="核对").click()
    organiser.get_by_role("button", name="提交审核").click()


def approve(page: Page) -> None:
    page.goto("/organise/approvals")
    page.get_by_role("link", name=TITLE).first.click()
    page.get_by_role("button", name="审核通过").click()


def expect_paid(app: Flask, page: Page) -> None:
    with app.app_context():
        place = Place(keys=app.extensions["timebank_keys"], archives=app.instance_path)  # type: ignore[arg-type]
        JOBS["settle_requests"](place, clock.now())
    page.goto("/me/statement")
    page.get_by_role("link", name=f"存入 1 小时 · 参加“{TITLE}”", exact=True).click()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()


def rate(page: Page) -> None:
    page.goto("/me")
    page.get_by_role("link", name="点单完成了，说一句评价").click()
    page.get_by_role("link", name=TITLE).click()
    page.get_by_label("5 分 很满意").check()
    page.get_by_label("说两句").fill("老人说很耐心")
    page.get_by_role("button", name="提交评价").click()
    expect(page.get_by_text("谢谢您的评价。")).to_be_visible()
    expect(page.get_by_text("老人说很耐心")).to_be_visible()


def see_the_fund(page: Page) -> None:
    page.goto("/fund")
    expect(page.get_by_text("点单服务：帮一位邻居")).to_be_visible()


def check_books(app: Flask) -> None:
    """The fund paid the hour that was served, the rest of what was set aside is free, and everything adds up."""
    with app.app_context():
        session = db.session()
        request = session.scalars(sa.select(HelpRequest)).one()
        fund = ledger.get_account(session, fund_account(session, request.branch_id))
        assert (request.status, fund.balance, fund.held) == ("done", 240, 0)
        volunteer = session.scalars(sa.select(Member).where(Member.name == "王陪护")).one()
        assert ledger.get_account(session, volunteer.coin_account_id).balance == 60
        assert [found for check in verify(session, request.branch_id) for found in check.findings] == []
