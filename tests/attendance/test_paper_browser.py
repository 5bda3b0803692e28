"""Paper and the tablet in a real Chromium: typing with the keyboard alone, a scanner gun, a camera, a lost network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from tests.attendance.paper import a_picture, printed
from tests.attendance.scene import Scene, at, find_attendance, make_scene
from tests.attendance.test_browser import film, filmed, signed_in
from tests.world import KEYS
from timebank.attendance.models import Scan, SheetTyping
from timebank.attendance.rules import line_code
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import find_card, show_codes

__all__ = ["filmed"]  # a fixture


@pytest.fixture
def scene(live_app: Flask) -> Iterator[Scene]:
    with live_app.app_context(), transaction() as session:
        made = make_scene(session)
        session.expunge_all()
    clock.move(at("09:02") - clock.now())
    yield made
    clock.put_right()


def codes_of(app: Flask, scene: Scene, number: int = 0) -> tuple[str, str]:
    """A card's code to type, and the one in its QR."""
    with app.app_context():
        card = find_card(db.session(), scene.volunteer_actors[number].member_id or 0)
        assert card is not None
        shown = show_codes(db.session(), KEYS, card)
        return shown.typed, shown.scanned


def scan_count(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Scan)) or 0


def test_a_page_is_typed_with_the_keyboard_alone(
    live_app: Flask, live_server: str, page: Page, scene: Scene, tmp_path: Path
) -> None:
    clock.move(at("11:10") - clock.now())
    with live_app.app_context(), transaction() as session:
        number = printed(session, scene, photo=False).number
    shot = tmp_path / "page.jpg"
    shot.write_bytes(a_picture((1500, 2000)))
    signed_in(page, live_app, live_server, scene.organiser.id)
    page.goto(f"{live_server}/organise/sheets/{number}/pages/1")
    page.get_by_label("第 1 页的照片").set_input_files(str(shot))
    page.get_by_role("button", name="上传照片").click()
    with live_app.app_context():
        code = line_code(number, 5)
    other = code[:-1] + ("A" if code[-1] != "A" else "B")  # as on another sheet
    page.locator("#f-jump").fill(code.replace("-", "").lower())
    page.locator("#f-jump").press("Enter")
    expect(page.locator("#f-lines-4-who")).to_be_focused()
    assert other != code
    page.locator("#f-jump").fill(other)
    page.locator("#f-jump").press("Enter")
    expect(page.locator("[data-jump-said]")).to_contain_text("没有这个行码")
    page.locator("#f-lines-0-in_at").click()
    for typed in ("0900", "1100", "9:10", "10:40"):  # Enter goes on, and sends nothing
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    expect(page.locator("#f-lines-2-in_at")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#f-lines-1-in_at")).to_be_focused()
    page.locator("#f-lines-13-out_at").press("Enter")
    expect(page.locator("#f-people")).to_be_focused()
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    expect(page.locator("#mistakes")).to_contain_text("纸上写的是 3 人，录入了 2 人，少 1 人。")
    expect(page.locator("#f-lines-1-out_at")).to_have_value("10:40")
    page.locator("#f-people").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator(".flashes")).to_contain_text("已登记 2 人")
    with live_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SheetTyping)) == 1
    assert scan_count(live_app) == 4


def put_up(page: Page, app: Flask, server: str, scene: Scene) -> None:
    """The organiser makes this browser a kiosk."""
    signed_in(page, app, server, scene.organiser.id)
    page.goto(f"{server}/organise/shifts/{scene.shift_id}/kiosk")
    page.get_by_role("button", name="在这台设备上打开").click()
    expect(page.get_by_role("heading", name="自助签到")).to_be_visible()
    expect(page.locator("[data-keys]")).to_be_visible()  # its program has begun


def test_a_scanner_gun_types_one_card_after_another(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    put_up(page, live_app, live_server, scene)
    told = page.locator("[data-told]")
    for number in (0, 1):
        _, scanned = codes_of(live_app, scene, number)
        page.keyboard.type(scanned)  # nobody clicks anywhere; the second card comes while the first answer stands
        page.keyboard.press("Enter")
        expect(page.locator("[data-told-word]")).to_have_text("已签到 09:02")
        expect(page.locator("[data-told-name]")).to_have_text(scene.volunteers[number].alias)
        expect(told).to_have_class("kiosk-told ok")
    expect(page.locator("[data-here]")).to_have_text("2")
    expect(told).to_be_hidden(timeout=8000)  # and the next person's turn comes by itself
    assert scene.volunteers[0].alias not in page.locator("[data-waiting]").inner_text()
    assert scan_count(live_app) == 2


def test_big_keys_type_a_code(live_app: Flask, live_server: str, page: Page, scene: Scene) -> None:
    put_up(page, live_app, live_server, scene)
    typed, _ = codes_of(live_app, scene)
    for letter in typed[:-1] + "00":
        page.locator("[data-keys]").get_by_role("button", name=letter, exact=True).click()
    page.get_by_role("button", name="删一个").click()
    page.get_by_role("button", name="删一个").click()
    page.locator("[data-keys]").get_by_role("button", name=typed[-1], exact=True).click()
    expect(page.locator("#f-code")).to_have_value(typed)
    page.get_by_role("button", name="签到 / 签退").click()
    expect(page.locator("[data-told-word]")).to_have_text("已签到 09:02")
    page.get_by_role("link", name="下一位").click()
    expect(page.locator("#f-code")).to_have_value("")


def test_a_lost_network_says_so_in_big_words_and_pretends_nothing(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    put_up(page, live_app, live_server, scene)
    typed, _ = codes_of(live_app, scene)
    page.context.set_offline(True)
    expect(page.locator("[data-cut]")).to_be_visible()
    expect(page.locator("[data-cut]")).to_contain_text("网络断了，现在签不上")
    page.locator("#f-code").fill(typed)
    page.keyboard.press("Enter")
    expect(page.locator("[data-told-word]")).to_have_text("没有签上", timeout=10_000)
    expect(page.locator("[data-told-detail]")).to_contain_text("这一次没有送到")
    assert scan_count(live_app) == 0
    page.context.set_offline(False)
    expect(page.locator("[data-cut]")).to_be_hidden(timeout=15_000)
    page.get_by_role("link", name="下一位").click()
    page.locator("#f-code").fill(typed)
    page.keyboard.press("Enter")
    expect(page.locator("[data-told-word]")).to_have_text("已签到 09:02")
    assert scan_count(live_app) == 1


def test_an_answer_lost_on_the_way_counts_once(live_app: Flask, live_server: str, page: Page, scene: Scene) -> None:
    put_up(page, live_app, live_server, scene)
    lost: list[str] = []

    def lose_the_first(route) -> None:  # type: ignore[no-untyped-def]
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().text())
            route.abort()
        else:
            route.continue_()

    page.route("**/kiosk", lose_the_first)
    page.locator("#f-code").fill(codes_of(live_app, scene)[0])
    page.keyboard.press("Enter")
    expect(page.locator("[data-told-word]")).to_have_text("已签到 09:02")
    assert len(lost) == scan_count(live_app) == 1


def test_a_closed_tablet_says_so_by_itself(live_app: Flask, live_server: str, page: Page, scene: Scene) -> None:
    page.clock.install()
    put_up(page, live_app, live_server, scene)
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)  # else the page may find out before anybody scans
    clock.move(at("12:01") - clock.now())
    page.locator("#f-code").fill(codes_of(live_app, scene)[0])
    page.keyboard.press("Enter")
    expect(page.locator("[data-told-word]")).to_have_text("已经结束")
    page.clock.run_for(10_000)
    expect(page.get_by_role("heading", name="自助签到已经结束")).to_be_visible()


def test_the_front_camera_checks_people_in(
    live_app: Flask, live_server: str, scene: Scene, filmed: Page, tmp_path: Path
) -> None:
    film(codes_of(live_app, scene)[1], tmp_path / "card.y4m")
    mistakes: list[str] = []
    filmed.on("pageerror", lambda error: mistakes.append(str(error)))
    put_up(filmed, live_app, live_server, scene)
    filmed.get_by_role("button", name="打开摄像头").click()
    expect(filmed.locator("[data-told-word]")).to_have_text("已签到 09:02", timeout=30_000)
    filmed.wait_for_timeout(5000)  # back to waiting, the card still in view: one scan
    expect(filmed.locator("[data-told]")).to_be_hidden()
    assert scan_count(live_app) == 1
    with live_app.app_context():
        kept = find_attendance(db.session(), scene.shift_id, scene.volunteer_actors[0].member_id or 0)
        assert kept is not None
        assert kept.out_at is None
    assert mistakes == []
