"""A ticket at the partner's desk, in a real browser: the manager opens the desk and the theatre's tablet becomes it; a
member redeems a ticket, the tablet reads the voucher from its pixels and learns that it counts; the slip is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.exchange.scene import give
from tests.stories.test_main_job import decoded, sign_in, visitor
from tests.world import KEYS, PASSWORD, actor_of, make_branch, make_member
from timebank.core import clock
from timebank.core.db import transaction
from timebank.members.service import OrganisationDraft, hash_password, register_organisation, set_password

MEMBER, NICKNAME = "李秀英", "李大妈"


@pytest.fixture(autouse=True)
def clock_put_right() -> Iterator[None]:
    """A ticket is sold at nine, in the middle of a month."""
    now = clock.local(clock.now())
    clock.move(now.replace(day=15, hour=9, minute=0, second=0, microsecond=0) - now)
    yield
    clock.put_right()


@pytest.fixture
def town(live_app: Flask) -> dict[str, str]:
    """A manager, a member with three coins, and a theatre that is with the branch."""
    now = clock.now()
    with live_app.app_context(), transaction() as session:
        branch = make_branch(session, "BL", "大碶红领之家", now=now)
        manager = make_member(session, branch, "周管理", roles=("manager",), now=now)
        member = make_member(session, branch, MEMBER, alias=NICKNAME, now=now)
        give(session, member, 180, now=now)
        for person in (manager, member):
            set_password(session, person.id, hash_password(PASSWORD), now=now)
        theatre = OrganisationDraft(name="北仑大剧院", kind="company", branch_id=branch.id, form_key="theatre")
        register_organisation(session, theatre, actor=actor_of(session, manager), keys=KEYS, now=now)
        return {"manager": manager.number, "member": member.number}


def test_a_ticket_is_taken_at_the_theatre(
    browser: Browser, live_server: str, town: dict[str, str], tmp_path: Path
) -> None:
    wide = {"viewport": {"width": 1280, "height": 900}}
    with (
        visitor(browser, live_server, **wide) as manager,
        visitor(browser, live_server) as member,
        visitor(browser, live_server, viewport={"width": 820, "height": 1180}) as tablet,
    ):
        sign_in(manager, town["manager"])
        put_tickets_on_the_shelf(manager)
        become_the_desk(tablet, open_desk(manager))

        sign_in(member, town["member"])
        voucher = redeem_ticket(member, tmp_path / "voucher.png")
        take(tablet, tmp_path / "voucher.png", voucher)
        refuse_the_second_time(tablet, voucher)
        expect_coins_gone(member)

        expect_the_slip(manager, voucher)
        close_desk(manager)
        tablet.goto("/desk")
        expect(tablet.get_by_role("heading", name="核销台已停用")).to_be_visible()


def put_tickets_on_the_shelf(page: Page) -> None:
    page.goto("/branch/offers/new")
    page.get_by_label("叫什么").fill("话剧《茶馆》门票")
    page.get_by_label("类别").select_option(label="演出门票")
    page.get_by_label("谁提供").select_option(label="北仑大剧院")
    page.get_by_label("小时").first.fill("1")
    page.get_by_label("一共几份").fill("5")
    page.get_by_role("button", name="上架", exact=True).click()
    expect(page.get_by_text("已上架，共 5 份")).to_be_visible()


def open_desk(page: Page) -> str:
    """The link that a phone's camera reads from the manager's screen."""
    page.goto("/branch/desks")
    page.get_by_label("哪家单位").select_option(label="北仑大剧院")
    page.get_by_label("放在哪里").fill("售票处")
    page.get_by_role("button", name="开通").click()
    return decoded(page.locator(".voucher-qr svg"))


def become_the_desk(page: Page, link: str) -> None:
    page.goto(link)
    expect(page.get_by_text("北仑大剧院 售票处").first).to_be_visible()
    page.get_by_role("button", name="在这台设备上使用").click()
    expect(page.get_by_role("heading", name="核销兑换券")).to_be_visible()


def redeem_ticket(page: Page, picture: Path) -> str:
    page.goto("/offers")
    page.get_by_role("link", name="话剧《茶馆》门票").click()
    page.get_by_role("button", name="兑换", exact=True).click()
    qr = page.locator(".voucher-qr svg")
    expect(qr).to_be_visible()
    qr.evaluate("picture => picture.scrollIntoView({block: 'center'})")
    qr.screenshot(path=picture)
    return page.locator(".voucher-code").inner_text().replace(" ", "").replace("-", "")


def take(page: Page, picture: Path, voucher: str) -> None:
    """The tablet reads the picture as its camera would, in the browser."""
    page.set_input_files("[data-photo-file]", picture)
    expect(page.get_by_role("heading", name="有效")).to_be_visible()
    expect(page.get_by_text("话剧《茶馆》门票 × 1")).to_be_visible()
    assert voucher in page.url
    text = page.locator("body").inner_text()
    assert MEMBER not in text
    assert NICKNAME not in text
    page.get_by_role("button", name="核销", exact=True).click()
    expect(page.get_by_text("核销好了，请把东西交给会员")).to_be_visible()


def refuse_the_second_time(page: Page, voucher: str) -> None:
    page.get_by_role("link", name="下一张").click()
    page.get_by_label("券上的码").fill(voucher.lower())
    page.get_by_role("button", name="查一查").click()
    expect(page.get_by_role("heading", name="已经用过")).to_be_visible()
    expect(page.get_by_role("button", name="核销", exact=True)).to_have_count(0)


def expect_coins_gone(page: Page) -> None:
    page.reload()
    expect(page.get_by_text("北仑大剧院 售票处核销台")).to_be_visible()
    page.goto("/offers")
    expect(page.get_by_text("您现在可用 2 币")).to_be_visible()


def expect_the_slip(page: Page, voucher: str) -> None:
    page.goto("/branch/slips")
    expect(page.get_by_text("合计 = 账本“已兑物品”本月变动")).to_be_visible()
    page.get_by_role("link", name="北仑大剧院").click()
    expect(page.get_by_role("cell", name=voucher[-4:])).to_be_visible()
    text = page.locator("main").inner_text()
    assert MEMBER not in text
    with page.expect_download() as download:
        page.get_by_role("link", name="打印（PDF）").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")


def close_desk(page: Page) -> None:
    page.goto("/branch/desks")
    page.get_by_role("button", name="关闭", exact=True).click()
    expect(page.get_by_text("那台设备不能再核销")).to_be_visible()
