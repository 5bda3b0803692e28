"""The story of a wrong record in a real browser: asked about, corrected, decided by two, read by the member."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.corrections.town import LATER, make_town
from tests.world import sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.ledger import queries as ledger


@dataclass(frozen=True, kw_only=True)
class Story:
    """Who and what it is about, by id."""

    manager: int
    deputy: int
    kept: int
    spent: int
    kept_entry: int
    spent_entry: int
    branch: int


@pytest.fixture
def story(live_app: Flask) -> Iterator[Story]:
    with live_app.app_context(), transaction() as session:
        town = make_town(session)
        town.spend(1, 100)
        made = Story(
            manager=town.manager.member_id or 0,
            deputy=town.deputy.member_id or 0,
            kept=town.member(0).id,
            spent=town.member(1).id,
            kept_entry=town.entry(0),
            spent_entry=town.entry(1),
            branch=town.scene.branch.id,
        )
    clock.move(LATER - clock.now())
    yield made
    clock.put_right()


def signed_in(page: Page, app: Flask, server: str, member_id: int) -> None:
    client = app.test_client()
    sign_in(client, member_id)
    cookie = client.get_cookie("session")
    assert cookie is not None
    page.context.add_cookies([{"name": "session", "value": cookie.value, "url": server}])


def test_a_wrong_record_is_set_right(live_app: Flask, live_server: str, page: Page, story: Story) -> None:
    signed_in(page, live_app, live_server, story.kept)
    page.goto(f"{live_server}/me/statement")
    page.get_by_role("link", name="申请核对").first.click()
    page.get_by_label("哪里不对").fill("我 10 点半就走了，多记了半小时")
    page.get_by_role("button", name="请网点核对").click()
    expect(page.get_by_text("已经转给网点管理员").first).to_be_visible()

    signed_in(page, live_app, live_server, story.manager)
    page.goto(f"{live_server}/branch/corrections?branch={story.branch}")
    page.get_by_role("link", name="查看，去更正").click()
    expect(page.get_by_text("我 10 点半就走了")).to_be_visible()
    page.get_by_label("更正数量").check()
    page.get_by_label("：小时").fill("1")
    page.get_by_label("：分钟").fill("30")
    page.get_by_role("button", name="看看会怎样").click()
    expect(page.get_by_text("−30 分").first).to_be_visible()
    page.get_by_label("原因").fill("本人说 10:30 离开")
    page.get_by_role("button", name="确认更正").click()
    expect(page.get_by_text("更正好了")).to_be_visible()

    page.goto(f"{live_server}/inspect/entries/{story.spent_entry}/correct?kind=whole")
    expect(page.get_by_text("要第二个人决定").first).to_be_visible()
    page.get_by_label("原因").fill("签到表上没有这个人")
    page.get_by_role("button", name="提交，请第二人决定").click()
    expect(page.get_by_text("等第二人决定").first).to_be_visible()

    signed_in(page, live_app, live_server, story.deputy)
    page.goto(f"{live_server}/branch")
    page.get_by_role("link", name="等第二人决定的更正").click()
    page.get_by_role("button", name="同意，马上办理").click()
    expect(page.get_by_text("已同意，更正办好了")).to_be_visible()

    signed_in(page, live_app, live_server, story.kept)
    page.goto(f"{live_server}/me/record")
    expect(page.get_by_text("1 小时 30 分钟").first).to_be_visible()
    page.goto(f"{live_server}/me/statement")
    expect(page.get_by_text("这一笔后来更正了：本人说 10:30 离开")).to_be_visible()
    with live_app.app_context():
        assert ledger.get_entry(db.session(), story.spent_entry).reversed_by_id is not None
        assert ledger.get_entry(db.session(), story.kept_entry).replaced_by_id is not None
