"""The screen and the camera in a real Chromium: what a phone would read from the pixels, and what a camera sees."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.attendance.scene import Scene, at, find_attendance, make_scene
from tests.chromium import find_chromium
from tests.world import KEYS, sign_in
from timebank.attendance.queries import SeenCode, read_code
from timebank.attendance.rules import read_venue_code
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import find_card
from timebank.members.rules import personal_code, personal_pass, read_personal_pass
from timebank.web.qr import matrix


@pytest.fixture
def scene(live_app: Flask) -> Iterator[Scene]:
    with live_app.app_context(), transaction() as session:
        made = make_scene(session)
        session.expunge_all()
    clock.move(at("09:02") - clock.now())
    yield made
    clock.put_right()


def signed_in(page: Page, app: Flask, server: str, member_id: int) -> None:
    """Give the browser the cookie of a member."""
    client = app.test_client()
    sign_in(client, member_id)
    cookie = client.get_cookie("session")
    assert cookie is not None
    page.context.add_cookies([{"name": "session", "value": cookie.value, "url": server}])


def read_screen(page: Page) -> list[str]:
    """Every QR code that a camera would find on the page."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    return [found.text for found in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_code_on_the_screen_can_be_read_from_its_pixels(
    live_app: Flask, live_server: str, page: Page, scene: Scene, scheme: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    signed_in(page, live_app, live_server, scene.organiser.id)
    page.goto(f"{live_server}/organise/shifts/{scene.shift_id}/door")
    [url] = read_screen(page)
    assert url.startswith(f"{live_server}/c/V1")
    assert read_venue_code(KEYS, url, clock.now()) == scene.shift_id
    size = page.locator(".door-picture").bounding_box()
    assert size is not None
    assert size["width"] >= 500


def test_the_screen_changes_its_code_and_counts_by_itself(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    signed_in(page, live_app, live_server, scene.organiser.id)
    page.goto(f"{live_server}/organise/shifts/{scene.shift_id}/door")
    first = page.locator("[data-code]").inner_text()
    expect(page.locator("[data-here]")).to_have_text("0")
    with live_app.app_context(), transaction() as session:
        scene.scan(session, 0, "09:02")
    clock.move(at("09:03") - clock.now())
    expect(page.locator("[data-here]")).to_have_text("1", timeout=15_000)
    expect(page.locator("[data-code]")).not_to_have_text(first, timeout=15_000)
    expect(page.locator("[data-latest]")).to_contain_text(scene.volunteers[0].alias)


def test_a_screen_without_a_network_shows_no_code_that_is_over(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    signed_in(page, live_app, live_server, scene.organiser.id)
    page.clock.install()
    page.goto(f"{live_server}/organise/shifts/{scene.shift_id}/door")
    page.route("**/code", lambda route: route.abort())
    page.clock.run_for(45_000)
    expect(page.locator("[data-stopped]")).to_be_visible()
    assert read_screen(page) == []


def test_the_pass_on_a_phone_and_on_paper_can_be_read_from_its_pixels(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    """As a staff phone sees it: 41 modules and the quiet zone, at the size of the card, in the dark and in print."""
    member_id = scene.volunteer_actors[0].member_id or 0
    with live_app.app_context():
        card = find_card(db.session(), member_id)
        assert card is not None
        serial = card.serial
    signed_in(page, live_app, live_server, member_id)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.goto(f"{live_server}/me/card")
        [url] = read_screen(page)
        assert url == f"{live_server.upper()}/P/{personal_pass(KEYS, serial)}"
        assert read_personal_pass(KEYS, url) == serial
    signed_in(page, live_app, live_server, scene.manager.id)
    page.goto(f"{live_server}/branch/members/{member_id}/card")
    page.emulate_media(media="print")
    [url] = read_screen(page)
    assert read_personal_pass(KEYS, url) == serial
    size = page.locator(".paper-card .qr").bounding_box()
    assert size is not None
    assert size["width"] / 96 * 25.4 / 49 >= 0.7  # millimetres a module: what a phone reads from a hand's breadth


def test_the_poster_on_its_page_can_be_read_from_its_pixels(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    signed_in(page, live_app, live_server, scene.organiser.id)
    page.goto(f"{live_server}/organise/shifts/{scene.shift_id}/poster")
    page.get_by_role("button", name="做一张海报").click()
    [url] = read_screen(page)
    with live_app.app_context():
        assert read_code(db.session(), KEYS, url, now=clock.now()) == SeenCode(shift_id=scene.shift_id, source="poster")


# --- the camera ------------------------------------------------------------------------------------------------------


def film(text: str, path: Path) -> Path:
    """A video of a card held before the camera: grey Y4M, as Chromium's fake camera reads it."""
    rows = matrix(text)
    code = Image.new("L", (len(rows), len(rows)), 255)
    code.putdata([0 if dark else 255 for row in rows for dark in row])
    frame = Image.new("L", (1280, 720), 150)
    frame.paste(code.resize((460, 460), Image.Resampling.NEAREST), (410, 130))
    plane = frame.point(lambda value: 16 + value * 219 // 255).tobytes()
    chroma = bytes([128]) * (640 * 360)
    with path.open("wb") as out:
        out.write(b"YUV4MPEG2 W1280 H720 F10:1 Ip A1:1 C420jpeg\n")
        for _ in range(10):
            out.write(b"FRAME\n" + plane + chroma + chroma)
    return path


@pytest.fixture
def filmed(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A phone's page whose camera sees what ``film`` puts into ``card.y4m``; its file is opened when the camera is."""
    launch = find_chromium().launch
    fake = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={tmp_path / 'card.y4m'}",
    ]
    opened = browser.browser_type.launch(**(launch | {"args": [*launch["args"], *fake]}))
    phone = {"width": 390, "height": 844}
    yield opened.new_context(locale="zh-CN", viewport=phone, permissions=["camera"]).new_page()  # type: ignore[arg-type]
    opened.close()


def test_the_camera_reads_a_personal_code_once_and_checks_the_person_in(
    live_app: Flask, live_server: str, scene: Scene, filmed: Page, tmp_path: Path
) -> None:
    member_id = scene.volunteer_actors[0].member_id or 0
    with live_app.app_context():
        card = find_card(db.session(), member_id)
        assert card is not None
        code = f"HTTPS://BANK.EXAMPLE.ORG/P/{personal_pass(KEYS, card.serial)}"
    film(code, tmp_path / "card.y4m")
    page = filmed
    mistakes: list[str] = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    signed_in(page, live_app, live_server, scene.organiser.id)
    page.goto(f"{live_server}/organise/shifts/{scene.shift_id}/scan")
    page.get_by_role("button", name="打开摄像头").click()
    expect(page.locator("[data-told-word]")).to_have_text("已签到", timeout=30_000)
    expect(page.locator("[data-told]")).to_have_class("scan-told ok")
    expect(page.locator("[data-told-name]")).to_have_text(scene.volunteers[0].name)
    expect(page.locator("[data-counts] [data-here]")).to_have_text("1")
    page.wait_for_timeout(1500)  # the card stays in view: still one scan
    expect(page.locator("[data-told]")).to_have_class("scan-told ok")
    with live_app.app_context():
        kept = find_attendance(db.session(), scene.shift_id, member_id)
        assert kept is not None
        assert (kept.in_at is not None, kept.out_at) == (True, None)
    page.get_by_role("button", name="关闭摄像头").click()
    expect(page.locator("[data-camera]")).to_be_hidden()
    assert mistakes == []


def test_without_a_camera_the_page_says_what_to_do_and_typing_works(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    member_id = scene.volunteer_actors[1].member_id or 0
    with live_app.app_context():
        card = find_card(db.session(), member_id)
        assert card is not None
        code = personal_code(KEYS, card.serial)
    signed_in(page, live_app, live_server, scene.organiser.id)
    page.goto(f"{live_server}/organise/shifts/{scene.shift_id}/scan")
    page.get_by_role("button", name="打开摄像头").click()
    expect(page.locator("[data-camera-note]")).to_contain_text("摄像头没有打开")
    page.get_by_label("或者输入个人码").fill(code.lower())
    page.get_by_role("button", name="签到 / 签退").click()
    expect(page.locator("[data-told-word]")).to_have_text("已签到")
    page.get_by_label("或者输入个人码").fill("P1错的")
    page.get_by_role("button", name="签到 / 签退").click()
    expect(page.locator("[data-told]")).to_have_class("scan-told bad")
