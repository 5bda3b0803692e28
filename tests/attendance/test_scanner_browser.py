"""The scanner as it is used at a gate: a camera, a network that comes and goes, tabs that die, people who change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from tests.attendance.scene import Scene, at, find_attendance, make_scene
from tests.attendance.test_browser import film, filmed, signed_in
from tests.world import KEYS, make_member
from timebank.attendance.models import Scan, ScanCase, ScanEvidence
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import find_card
from timebank.members.rules import personal_code, personal_pass
from timebank.members.service import reissue_card

assert filmed  # a fixture of the neighbour


@pytest.fixture
def scene(live_app: Flask) -> Iterator[Scene]:
    with live_app.app_context(), transaction() as session:
        made = make_scene(session)
        session.expunge_all()
    clock.move(at("09:02") - clock.now())
    yield made
    clock.put_right()


def code_of(app: Flask, member_id: int | None, make: Any = personal_code) -> str:
    with app.app_context():
        card = find_card(db.session(), member_id or 0)
        assert card is not None
        return str(make(KEYS, card.serial))


def revoke(app: Flask, scene: Scene, number: int) -> None:
    actor = scene.volunteer_actors[number]
    with app.app_context(), transaction() as session:
        reissue_card(session, actor.member_id or 0, reason="丢了", actor=actor, now=at("08:00"))


def came(app: Flask, scene: Scene, number: int) -> bool:
    with app.app_context():
        found = find_attendance(db.session(), scene.shift_id, scene.volunteer_actors[number].member_id or 0)
        return found is not None and found.in_at is not None


def count(app: Flask, table: Any) -> int:
    with app.app_context():
        return db.session().scalar(select(func.count()).select_from(table)) or 0


def open_scanner(page: Page, server: str, scene: Scene) -> None:
    """The scanner's page, and all that it keeps for later."""
    page.goto(f"{server}/organise/shifts/{scene.shift_id}/scan")
    expect(page.locator("[data-scanner]")).to_have_attribute("data-kept", "1", timeout=30_000)
    page.wait_for_function("navigator.serviceWorker.controller !== null")


def type_code(page: Page, code: str) -> None:
    page.get_by_label("或者输入个人码").fill(code)
    page.get_by_role("button", name="签到 / 签退").click()


def waiting(page: Page, number: int) -> None:
    if number:
        expect(page.locator("[data-waiting]")).to_have_text(f"等待上传 {number} 条", timeout=15_000)
    else:
        kept(page, "scans", 0)
        expect(page.locator("[data-waiting]")).to_be_hidden()


COUNT_KEPT = """store => new Promise(done => {
  const opening = indexedDB.open('timebank-scanner');
  opening.onupgradeneeded = () => opening.transaction.abort();
  opening.onerror = () => done(-1);
  opening.onsuccess = () => {
    const counting = opening.result.transaction(store).objectStore(store).count();
    counting.onsuccess = () => { opening.result.close(); done(counting.result); };
  };
})"""


def kept(page: Page, store: str, number: int) -> None:
    """Wait until the phone keeps so many rosters or scans."""
    for _ in range(120):
        if page.evaluate(COUNT_KEPT, store) == number:
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{store}: {page.evaluate(COUNT_KEPT, store)}, not {number}")


LET_EXPIRE = """shift => idb.openDB('timebank-scanner').then(async base => {
  const roster = await base.get('rosters', shift);
  roster.expires = new Date(Date.now() + roster.offset * 1000 - 1000).toISOString();
  await base.put('rosters', roster);
})"""


def check_sent(app: Flask, scene: Scene) -> None:
    """Two came, the lost card waits for a person, and it is known whose roster the phone held."""
    assert [came(app, scene, number) for number in range(3)] == [True, True, False]
    with app.app_context():
        kinds = db.session().scalars(select(ScanCase.kind)).all()
        held = db.session().scalars(select(ScanEvidence.roster_by_id)).all()
    assert kinds == ["revoked"]
    assert held == [scene.organiser.id] * 3


def test_a_gate_without_a_network_loses_nobody(
    live_app: Flask, live_server: str, scene: Scene, filmed: Page, tmp_path: Path
) -> None:
    first, second, third = (actor.member_id for actor in scene.volunteer_actors)
    lost = code_of(live_app, third, personal_pass)
    revoke(live_app, scene, 2)
    film(code_of(live_app, first, personal_pass), tmp_path / "card.y4m")
    page, mistakes = filmed, []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    signed_in(page, live_app, live_server, scene.organiser.id)
    open_scanner(page, live_server, scene)
    expect(page.locator("[data-net]")).to_contain_text("已联网")

    page.context.set_offline(True)
    page.get_by_role("button", name="打开摄像头").click()
    expect(page.locator("[data-told-word]")).to_have_text("已签到", timeout=30_000)
    expect(page.locator("[data-told-name]")).to_contain_text("**" if len(scene.volunteers[0].name) > 2 else "*")
    expect(page.locator("[data-counts] [data-here]")).to_have_text("1")
    waiting(page, 1)
    page.get_by_role("button", name="关闭摄像头").click()
    assert count(live_app, Scan) == 0

    page.reload()  # from the phone alone
    expect(page.locator("[data-shift-title]")).to_have_text("楼道清洁")
    expect(page.locator("[data-net]")).to_contain_text("没有网络")
    waiting(page, 1)
    expect(page.locator("[data-counts] [data-here]")).to_have_text("1")
    assert scene.volunteers[1].name not in page.content()  # nobody's name is on it in full
    type_code(page, code_of(live_app, second).lower())
    expect(page.locator("[data-told-word]")).to_have_text("已签到")
    expect(page.locator("[data-counts] [data-missing]")).to_have_text("1")
    type_code(page, lost)
    expect(page.locator("[data-told-word]")).to_have_text("这张卡已作废")
    expect(page.locator("[data-told]")).to_have_class("scan-told bad")
    waiting(page, 3)

    page.context.set_offline(False)
    waiting(page, 0)
    check_sent(live_app, scene)
    assert mistakes == []


def test_two_tabs_and_a_killed_one_send_every_scan_once(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    signed_in(page, live_app, live_server, scene.organiser.id)
    open_scanner(page, live_server, scene)
    other = page.context.new_page()
    open_scanner(other, live_server, scene)
    page.context.set_offline(True)
    type_code(page, code_of(live_app, scene.volunteer_actors[0].member_id))
    waiting(page, 1)
    waiting(other, 1)
    type_code(other, code_of(live_app, scene.volunteer_actors[0].member_id))  # the same person at the other tab
    expect(other.locator("[data-told]")).to_have_class("scan-told calm")
    other.get_by_label("没带卡").fill(scene.volunteers[1].alias)
    other.get_by_role("button", name="找人").click()
    other.locator("[data-found]").get_by_role("button", name="签到：").click()
    waiting(page, 3)
    page.close()  # killed
    other.context.set_offline(False)
    waiting(other, 0)
    assert (came(live_app, scene, 0), came(live_app, scene, 1), came(live_app, scene, 2)) == (True, True, False)
    assert count(live_app, Scan) == 3
    with live_app.app_context():
        once = find_attendance(db.session(), scene.shift_id, scene.volunteer_actors[0].member_id or 0)
        assert once is not None
        assert once.out_at is None
    expect(other.locator("[data-counts] [data-here]")).to_have_text("2")


def sign_out(page: Page, server: str) -> None:
    page.goto(f"{server}/organise")
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url(f"{server}/")


def test_a_roster_goes_when_it_expires_and_at_sign_out_but_scans_stay(
    live_app: Flask, live_server: str, page: Page, scene: Scene
) -> None:
    with live_app.app_context(), transaction() as session:
        relief = make_member(session, scene.branch, "陈队长", roles=("organiser",)).id
    signed_in(page, live_app, live_server, scene.organiser.id)
    open_scanner(page, live_server, scene)
    page.context.set_offline(True)
    type_code(page, code_of(live_app, scene.volunteer_actors[0].member_id))
    waiting(page, 1)
    page.evaluate(LET_EXPIRE, scene.shift_id)
    page.reload()
    expect(page.locator("[data-shift-when]")).to_contain_text("已经过期删除")
    kept(page, "rosters", 0)
    waiting(page, 1)
    type_code(page, code_of(live_app, scene.volunteer_actors[1].member_id))
    expect(page.locator("[data-told-word]")).to_have_text("已留下")
    waiting(page, 2)

    page.route("**/scans", lambda route: route.abort())  # the network is back, the upload is not
    page.context.set_offline(False)
    page.goto(f"{live_server}/organise/shifts/{scene.shift_id}/scan")
    kept(page, "rosters", 1)
    sign_out(page, live_server)
    page.wait_for_function("localStorage.getItem('timebank-scanner') === null")
    kept(page, "rosters", 0)
    assert page.evaluate("caches.keys()") == []

    page.unroute("**/scans")
    signed_in(page, live_app, live_server, relief)
    page.goto(f"{live_server}/organise/shifts/{scene.shift_id}/scan")
    waiting(page, 0)
    assert came(live_app, scene, 0)
    assert came(live_app, scene, 1)
    with live_app.app_context():
        by = db.session().scalars(select(Scan.actor_id)).all()
        held = db.session().scalars(select(ScanEvidence.roster_by_id).order_by(ScanEvidence.scan_id)).all()
    assert by == [relief, relief]
    assert sorted(held, key=str) == sorted([scene.organiser.id, None], key=str)
