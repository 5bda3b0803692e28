"""The whole main job as people live it: from an office's spreadsheet to a sealed month, in a real browser."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
import zxingcpp
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests import journal_parser
from tests.office_file import OFFICE_PEOPLE, write_office_xlsx
from tests.world import PASSWORD, make_branch, make_member
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.ledger.queries import list_accounts
from timebank.ledger.verification import verify
from timebank.members.service import hash_password, set_password

VOLUNTEER, BARBER = OFFICE_PEOPLE[0], OFFICE_PEOPLE[1]
NEW_PASSWORD = "大碶的桂花又开了"


@pytest.fixture(autouse=True)
def clock_put_right() -> Iterator[None]:
    """Stories move the app's own clock; nobody else should notice."""
    yield
    clock.put_right()


@pytest.fixture
def town(live_app: Flask) -> dict[str, str]:
    """One branch with a manager, an organiser and an inspector; everybody else comes with the spreadsheet."""
    _start_at_nine_in_the_middle_of_a_month()
    with live_app.app_context(), transaction() as session:
        branch = make_branch(session, "BL", "大碶红领之家", now=clock.now())
        numbers = {}
        for role, name in (("manager", "周管理"), ("organiser", "钱组织"), ("inspector", "孙监督")):
            member = make_member(session, branch, name, roles=(role,), now=clock.now())
            set_password(session, member.id, hash_password(PASSWORD), now=clock.now())
            numbers[role] = member.number
    return numbers


def _start_at_nine_in_the_middle_of_a_month() -> None:
    now = clock.local(clock.now())
    nine = now.replace(day=15, hour=9, minute=0, second=0, microsecond=0)
    clock.move(nine - now)


@contextmanager
def visitor(browser: Browser, address: str, **how: object) -> Iterator[Page]:
    """Somebody with a browser of their own, on a phone unless said otherwise."""
    context = browser.new_context(
        base_url=address,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        **({"viewport": {"width": 390, "height": 844}} | how),
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors


def sign_in(page: Page, login: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in")
    fill_sign_in(page, login, password)


def fill_sign_in(page: Page, login: str, password: str) -> None:
    page.get_by_label("电话或会员号").fill(login)
    page.get_by_label("密码", exact=True).fill(password)
    page.get_by_role("button", name="登录", exact=True).click()


def decoded(picture: Locator) -> str:
    """What a phone reads from the pixels of a QR code on the screen."""
    picture.evaluate("picture => picture.scrollIntoView({block: 'center'})")  # a phone's tab bar covers the lower edge
    image = Image.open(io.BytesIO(picture.screenshot()))
    [found] = zxingcpp.read_barcodes(image)
    return str(found.text)


def test_from_an_office_spreadsheet_to_a_sealed_month(
    browser: Browser, live_app: Flask, live_server: str, town: dict[str, str], tmp_path: Path
) -> None:
    roster = tmp_path / "志愿者名册.xlsx"
    write_office_xlsx(roster, OFFICE_PEOPLE)
    wide = {"viewport": {"width": 1280, "height": 900}}
    with (
        visitor(browser, live_server, **wide) as manager,
        visitor(browser, live_server, **wide) as organiser,
        visitor(browser, live_server) as volunteer,
        visitor(browser, live_server) as barber,
    ):
        sign_in(manager, town["manager"])
        import_roster(manager, roster)
        pins = {person.name: one_time_pin(manager, person.name) for person in (VOLUNTEER, BARBER)}

        sign_in(organiser, town["organiser"])
        post_activity(organiser)
        open_door(organiser)

        check_in_signed_out(volunteer, organiser, pins[VOLUNTEER.name])
        clock.move(timedelta(hours=2, minutes=5))
        check_out(volunteer, organiser)
        submit_for_approval(organiser)
        approve(manager)
        expect_two_hours(volunteer)

        offer_haircut(barber, pins[BARBER.name])
        order_haircut(volunteer)
        accept_haircut(barber)
        fulfil_haircut(volunteer, barber)

        month = clock.month_of(clock.now())
        clock.move(clock.month_range(month)[1] + timedelta(hours=1) - clock.now())
        package = close_month(manager, month, tmp_path)
    check_package(live_app, package, month, tmp_path)


def import_roster(page: Page, roster: Path) -> None:
    page.goto("/branch/members/import")
    page.set_input_files("input[type=file]", roster)
    page.get_by_role("button", name="看预览").click()
    expect(page.get_by_role("heading", name="核对名单")).to_be_visible()
    page.get_by_label("已征得名单上各位的同意").check()
    page.get_by_role("button", name=f"导入 {len(OFFICE_PEOPLE)} 人").click()
    expect(page.get_by_text(f"导入好了：{len(OFFICE_PEOPLE)} 人")).to_be_visible()


def one_time_pin(page: Page, name: str) -> str:
    page.goto("/branch/members")
    page.get_by_role("link", name=name).first.click()
    page.get_by_text("设一次性密码").first.click()
    page.get_by_role("button", name="设一次性密码").click()
    return page.locator("section.pin output").inner_text().strip()


def post_activity(page: Page) -> None:
    page.goto("/organise/activities/new")
    page.get_by_label("活动名称").fill("滨河公园清扫")
    page.get_by_label("类别").select_option(label="环境清洁")
    page.get_by_label("具体做什么").fill("沿河步道捡垃圾，清理宣传栏。手套和夹子由网点准备。")
    page.get_by_label("地点", exact=True).first.fill("滨河公园东门")
    now = clock.local(clock.now())
    page.get_by_label("日期").fill(now.date().isoformat())
    page.get_by_label("开始", exact=True).fill("09:10")
    page.get_by_label("结束", exact=True).fill("11:10")
    page.get_by_label("名额（人）").fill("20")
    page.get_by_label("联系人").fill("钱组织")
    page.get_by_label("联系电话").fill("0574-86780000")
    page.get_by_label("低").check()
    page.get_by_role("button", name="发布", exact=True).click()
    expect(page.get_by_role("heading", name="滨河公园清扫").first).to_be_visible()


def open_door(page: Page) -> None:
    page.get_by_role("link", name="打开现场签到").click()
    expect(page.locator("[data-picture] svg")).to_be_visible()


def check_in_signed_out(page: Page, door: Page, pin: str) -> None:
    clock.move(timedelta(minutes=10))
    door.reload()
    page.goto(decoded(door.locator("[data-picture] svg")))
    fill_sign_in(page, VOLUNTEER.phone, pin)
    page.get_by_label("新密码").fill(NEW_PASSWORD)
    page.get_by_label("再输一次").fill(NEW_PASSWORD)
    page.get_by_role("button", name="设好并登录").click()
    page.get_by_role("button", name="签到", exact=True).click()
    expect(page.get_by_role("heading", name="已签到")).to_be_visible()


def check_out(page: Page, door: Page) -> None:
    door.reload()
    page.goto(decoded(door.locator("[data-picture] svg")))
    page.get_by_role("button", name="签退", exact=True).click()
    expect(page.get_by_role("heading", name="已签退")).to_be_visible()
    expect(page.get_by_text("这次记 2 小时")).to_be_visible()


def submit_for_approval(page: Page) -> None:
    page.get_by_role("link", name="核对").click()
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_text("已提交，等待审核")).to_be_visible()


def approve(page: Page) -> None:
    page.goto("/organise/approvals")
    page.get_by_role("link", name="滨河公园清扫").click()
    page.get_by_role("button", name="审核通过").click()
    expect(page.get_by_text("已审核入账").first).to_be_visible()


def expect_two_hours(page: Page) -> None:
    page.goto("/me")
    expect(page.get_by_text("2 币").first).to_be_visible()
    expect(page.get_by_text("20 分").first).to_be_visible()


def offer_haircut(page: Page, pin: str) -> None:
    page.goto("/me/offers/new")
    fill_sign_in(page, BARBER.phone, pin)
    page.get_by_label("新密码").fill(NEW_PASSWORD)
    page.get_by_label("再输一次").fill(NEW_PASSWORD)
    page.get_by_role("button", name="设好并登录").click()
    page.get_by_label("叫什么").fill("上门理发")
    page.get_by_label("类别").select_option(label="理发")
    page.locator("[name=price_hours]").fill("1")
    page.get_by_role("button", name="发布", exact=True).click()
    expect(page.get_by_text("上门理发").first).to_be_visible()


def order_haircut(page: Page) -> None:
    page.goto("/offers")
    page.get_by_role("link", name="上门理发").first.click()
    page.get_by_role("button", name="兑换", exact=True).click()
    expect(page.get_by_text("等待确认").first).to_be_visible()
    page.goto("/me")
    expect(page.get_by_text("冻结").first).to_be_visible()


def accept_haircut(page: Page) -> None:
    page.goto("/me/orders?side=given")
    page.get_by_role("link", name="上门理发").first.click()
    tomorrow = clock.local(clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT10:00")
    page.get_by_label("约在什么时候").fill(tomorrow)
    page.get_by_role("button", name="接单，约在这个时间").click()
    expect(page.get_by_text("已约好").first).to_be_visible()


def fulfil_haircut(volunteer: Page, barber: Page) -> None:
    volunteer.goto("/me/orders")
    volunteer.get_by_role("link", name="上门理发").first.click()
    barber.goto(decoded(volunteer.locator(".voucher-qr svg")))
    barber.get_by_role("button", name="服务已完成，核销").click()
    volunteer.goto("/me/statement")
    expect(volunteer.get_by_text("上门理发").first).to_be_visible()
    expect(volunteer.get_by_text("滨河公园清扫").first).to_be_visible()


def close_month(page: Page, month: str, folder: Path) -> Path:
    page.goto("/branch/archives")
    page.get_by_role("link", name="去结账").first.click()
    page.get_by_role("button", name="结账并打包").click()
    expect(page.get_by_role("heading", name="封签")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="下载归档包").click()
    package = folder / "package.zip"
    download.value.save_as(package)
    return package


def check_package(app: Flask, package: Path, month: str, folder: Path) -> None:
    with zipfile.ZipFile(package) as zipped:
        zipped.extractall(folder / "package")
    [data] = (folder / "package").glob("*/data")
    journal = data / "journal.hledger"
    if shutil.which("hledger"):
        subprocess.run(["hledger", "-f", journal, "check", "--strict"], check=True)
    with app.app_context():
        session = db.session()
        branch_id = 1
        assert all(not check.findings for check in verify(session, branch_id))
        ledger = {(a.code, a.unit): a.balance for a in list_accounts(session, branch_id, kinds=["member"])}
    assert sum(balance for (_, unit), balance in ledger.items() if unit == "coin") == 120
    check_journal(journal, ledger)
    check_workbook(data / "summary.xlsx", ledger)
    manifest = json.loads((data / "manifest.json").read_text("utf-8"))
    assert manifest["month"] == month


def check_journal(journal: Path, ledger: dict[tuple[str, str], int]) -> None:
    read = journal_parser.balances(journal.read_text("utf-8"))
    owed = {name: -amounts.get("MIN", 0) for name, amounts in read.items() if ":Member:" in name}
    assert {amount for amount in owed.values() if amount} == {60}
    assert sum(owed.values()) == sum(amount for (_, unit), amount in ledger.items() if unit == "coin")
    for commodity in ("MIN", "PT"):
        assert sum(amounts.get(commodity, 0) for amounts in read.values()) == 0


def check_workbook(workbook: Path, ledger: dict[tuple[str, str], int]) -> None:
    sheet = openpyxl.load_workbook(workbook)["会员"]
    rows = list(sheet.iter_rows(values_only=True))
    head = rows[0]
    closing, number = head.index("期末（分钟）"), head.index("会员编号")
    stated = {
        str(row[number]): int(row[closing]) for row in rows[1:] if row[number] and str(row[number]).startswith("HL")
    }
    coins = {code.removeprefix("member:"): balance for (code, unit), balance in ledger.items() if unit == "coin"}
    assert coins == {number: stated[number] for number in coins}
