"""A certificate as people use it, in a real browser: issued on the phone, its code read from the pixels by a stranger,
withdrawn by the correction of a record it lists, and issued anew with one press.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.corrections.town import LATER, make_town
from tests.stories.test_main_job import decoded, sign_in, visitor
from tests.world import PASSWORD
from timebank.core import clock
from timebank.core.db import transaction
from timebank.members.models import Member
from timebank.members.service import hash_password, set_password


@pytest.fixture(autouse=True)
def clock_put_right() -> Iterator[None]:
    """The morning is over and its records are booked."""
    clock.move(LATER - clock.now())
    yield
    clock.put_right()


@pytest.fixture
def town(live_app: Flask) -> dict[str, str]:
    """A volunteer with two booked hours, and the manager who sets a record right."""
    with live_app.app_context(), transaction() as session:
        made = make_town(session, 1)
        manager = session.get_one(Member, made.manager.member_id)
        for person in (made.member(0), manager):
            set_password(session, person.id, hash_password(PASSWORD), now=LATER)
        return {
            "member": made.member(0).number,
            "name": made.member(0).name,
            "manager": manager.number,
            "entry": str(made.entry(0)),
        }


def test_a_stranger_checks_a_certificate_before_and_after_the_correction(
    browser: Browser, live_server: str, town: dict[str, str], tmp_path: Path
) -> None:
    with (
        visitor(browser, live_server) as member,
        visitor(browser, live_server) as stranger,
        visitor(browser, live_server, viewport={"width": 1280, "height": 900}) as manager,
    ):
        sign_in(member, town["member"])
        address = issue(member, tmp_path)
        check(stranger, address, town["name"])
        sign_in(manager, town["manager"])
        set_right(manager, town["entry"])
        stranger.reload()
        expect(stranger.get_by_text("已撤回").first).to_be_visible()
        expect(stranger.get_by_text("签退忘了")).to_have_count(0)
        renewed = replace(member)
        assert renewed != address
        stranger.goto(renewed)
        expect(stranger.get_by_text("这份证明是本平台开出的，现在有效。")).to_be_visible()
        expect(stranger.get_by_text("1 小时", exact=True)).to_be_visible()


def issue(page: Page, folder: Path) -> str:
    """From 我的 to the sheet; returns the address that a phone reads from the code on the screen."""
    page.goto("/me")
    page.get_by_role("link", name="服务证明").click()
    page.get_by_role("link", name="开一份证明").first.click()
    page.get_by_role("button", name="开具证明（免费）").click()
    expect(page.get_by_text("证明开好了，不收费。")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="下载、打印（PDF）").click()
    sheet = folder / "certificate.pdf"
    saved.value.save_as(sheet)
    assert sheet.read_bytes().startswith(b"%PDF-")
    return decoded(page.get_by_role("img", name="查验码"))


def check(page: Page, address: str, name: str) -> None:
    """What somebody with the paper in hand sees, without signing in."""
    with page.expect_response(lambda answer: answer.url.endswith("/looks")) as counted:
        page.goto(address)
    assert counted.value.ok
    expect(page.get_by_text("这份证明是本平台开出的，现在有效。")).to_be_visible()
    expect(page.get_by_text("2 小时", exact=True)).to_be_visible()
    expect(page.get_by_text(name)).to_have_count(0)


def set_right(page: Page, entry: str) -> None:
    """The manager corrects the record to one hour."""
    page.goto(f"/inspect/entries/{entry}/correct?kind=amount&minutes_hours=1")
    page.get_by_label("原因").fill("签退忘了")
    page.get_by_role("button", name="确认更正").click()
    expect(page.get_by_text("更正好了")).to_be_visible()


def replace(page: Page) -> str:
    """The notice leads to the certificate, one press gives the new one; returns its public address."""
    page.goto("/me")
    page.get_by_role("link", name="的服务证明已撤回").first.click()
    told = page.get_by_role("listitem").filter(has_text="服务证明已撤回")
    told.get_by_role("button", name="去看看").click()
    page.get_by_role("button", name="换开新的证明").click()
    expect(page.get_by_text("换开好了，这一份有效。")).to_be_visible()
    return decoded(page.get_by_role("img", name="查验码"))
