"""A position in a real Chromium: asked for when a person presses, said once for always, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.attendance.scene import Scene, at, make_scene
from tests.attendance.test_browser import signed_in
from tests.world import KEYS
from timebank.attendance.models import Scan
from timebank.attendance.rules import venue_code
from timebank.core import clock
from timebank.core.db import db, transaction

HERE = {"latitude": 29.9013, "longitude": 121.8434, "accuracy": 15}
SHANGHAI = {"latitude": 31.2304, "longitude": 121.4737, "accuracy": 15}


@pytest.fixture
def scene(live_app: Flask) -> Iterator[Scene]:
    with live_app.app_context(), transaction() as session:
        made = make_scene(session, spot_latitude=29_901_234, spot_longitude=121_843_321)
        session.expunge_all()
    clock.move(at("09:02") - clock.now())
    yield made
    clock.put_right()


def stand(page: Page, where: dict[str, float] | None) -> None:
    """Where the browser will say that it is; None: the person does not allow it."""
    page.context.clear_permissions()
    if where is not None:
        page.context.grant_permissions(["geolocation"])
        page.context.set_geolocation(where)  # type: ignore[arg-type]


def point_at_the_screen(page: Page, app: Flask, server: str, scene: Scene, number: int) -> list[str]:
    """A volunteer points the phone at the screen; returns what goes wrong in the page's scripts."""
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    page.context.clear_cookies()
    signed_in(page, app, server, scene.volunteers[number].id)
    page.goto(f"{server}/c/{venue_code(KEYS, scene.shift_id, clock.now())}")
    return mistakes


def words_kept(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Scan.place_fit).order_by(Scan.id)))


def check_in(page: Page) -> None:
    page.get_by_role("button", name="签到", exact=True).click()
    expect(page.get_by_role("heading", name="已签到")).to_be_visible()


def test_a_position_goes_along_when_the_member_presses_for_it(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    stand(page, HERE)
    mistakes = point_at_the_screen(page, live_app, live_server, scene, 0)
    check_in(page)  # the browser would tell, but nobody asked it
    point_at_the_screen(page, live_app, live_server, scene, 1)
    page.get_by_role("button", name="附上位置").click()
    expect(page.locator("[data-attach-said]")).to_contain_text("已附上")
    check_in(page)
    assert words_kept(live_app) == ["", "inside"]
    assert mistakes == []


def test_said_once_for_always_it_is_attached_by_itself_until_taken_back(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    stand(page, SHANGHAI)
    point_at_the_screen(page, live_app, live_server, scene, 0)
    page.get_by_label("以后在这部手机上自动附上").check()
    page.reload()
    expect(page.locator("[data-attach-said]")).to_contain_text("已附上")
    check_in(page)
    point_at_the_screen(page, live_app, live_server, scene, 1)
    page.get_by_label("以后在这部手机上自动附上").uncheck()
    page.reload()
    check_in(page)
    assert words_kept(live_app) == ["far", ""]


def test_who_does_not_allow_it_checks_in_all_the_same(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    stand(page, None)
    mistakes = point_at_the_screen(page, live_app, live_server, scene, 0)
    page.get_by_role("button", name="附上位置").click()
    expect(page.locator("[data-attach-said]")).to_contain_text("不附也能签到")
    check_in(page)
    assert words_kept(live_app) == [""]
    assert mistakes == []


def test_the_organiser_writes_down_the_spot_and_tries_the_policy_beside_the_form(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    stand(page, HERE)
    signed_in(page, live_app, live_server, scene.organiser.id)
    page.goto(f"{live_server}/organise/activities/new")
    page.get_by_role("button", name="用我现在的位置").click()
    expect(page.get_by_label("现场位置")).to_have_value("29.901300, 121.843400")
    page.get_by_label("活动名称").fill("滨河清洁")
    page.get_by_label("在场达到整班的 80% 就算整班").check()
    page.get_by_label("开始").fill("09:00")
    page.get_by_label("结束", exact=True).fill("11:00")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="试算").click()
    trial = opened.value
    expect(trial.get_by_role("heading", name="这样计时长：整班")).to_be_visible()
    trial.locator("#f-came").fill("09:08")
    trial.locator("#f-left").fill("10:50")
    trial.get_by_role("button", name="试算").click()
    expect(trial.get_by_text("在场达到 80%，算整班 2 小时")).to_be_visible()
    expect(page.get_by_label("活动名称")).to_have_value("滨河清洁")
    expect(page.get_by_role("button", name="试算")).to_be_enabled()
