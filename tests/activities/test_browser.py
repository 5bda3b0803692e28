"""The organiser's page in a real browser: rows are added by script, and the form goes through."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask
from playwright.sync_api import Page, expect

from tests.activities.town import make_town
from tests.world import sign_in
from timebank.core import clock
from timebank.core.db import transaction


def enter(page: Page, live_app: Flask, live_server: str) -> None:
    """Sign the organiser of a new town in."""
    with live_app.app_context(), transaction() as session:
        lead = make_town(session).organiser.id
    client = live_app.test_client()
    sign_in(client, lead)
    cookie = client.get_cookie("session")
    assert cookie is not None
    page.context.add_cookies([{"name": "session", "value": cookie.value, "url": live_server}])


def test_a_series_of_shifts_is_written_with_few_strokes(page: Page, live_app: Flask, live_server: str) -> None:
    enter(page, live_app, live_server)
    page.goto(f"{live_server}/organise/activities/new")
    first: date = clock.today(clock.now()) + timedelta(days=3)
    page.get_by_label("活动名称").fill("滨河清洁")
    page.get_by_label("类别").select_option("environment")
    page.get_by_label("具体做什么").fill("捡拾河边垃圾。")
    page.locator("[name=place]").fill("滨河路东头")
    page.locator("[name=shifts-0-date]").fill(first.isoformat())
    page.locator("[name=shifts-0-start]").fill("09:00")
    page.locator("[name=shifts-0-end]").fill("11:00")
    page.locator("[name=shifts-0-capacity]").fill("20")
    page.get_by_role("button", name="再加一个班次").click()
    page.get_by_role("button", name="再加一个班次").click()
    expect(page.locator("[name=shifts-2-date]")).to_have_value((first + timedelta(days=14)).isoformat())
    expect(page.locator("[name=shifts-2-capacity]")).to_have_value("20")
    page.locator("[name=shifts-1-drop]").check()
    page.get_by_role("button", name="发布", exact=True).click()
    expect(page.get_by_text("活动已发布")).to_be_visible()
    expect(page.get_by_text("0 / 20 人")).to_have_count(2)
