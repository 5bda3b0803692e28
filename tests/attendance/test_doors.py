"""The pages: what a volunteer, an organiser and an approver see and send, without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.attendance.scene import AFTER, Scene, at, find_attendance, make_scene
from tests.world import KEYS, PASSWORD, make_branch, make_member, sign_in
from timebank.activities.models import Shift
from timebank.attendance.models import Attendance, Scan
from timebank.attendance.rules import venue_code
from timebank.attendance.service import ManualEntry, return_shift, set_manual, void
from timebank.attendance.views.base import instant_near
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import find_card
from timebank.members.rules import personal_code
from timebank.members.service import hash_password, set_password


@pytest.fixture
def scene(app: Flask) -> Iterator[Scene]:
    """The committed scene; the clock stands at 09:02 of its day until ``set_clock`` moves it."""
    with app.app_context(), transaction() as session:
        made = make_scene(session)
        session.expunge_all()  # its members are read after the commit
    set_clock("09:02")
    yield made
    clock.put_right()


def set_clock(when: str) -> None:
    clock.move(at(when) - clock.now())


def code_of(scene: Scene) -> str:
    return venue_code(KEYS, scene.shift_id, clock.now())


def volunteer(scene: Scene, number: int = 0) -> int:
    return scene.volunteer_actors[number].member_id or 0


def counted(app: Flask, table: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def record_of(app: Flask, scene: Scene, number: int = 0) -> Attendance | None:
    with app.app_context():
        return find_attendance(db.session(), scene.shift_id, volunteer(scene, number))


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def card_of(app: Flask, member_id: int) -> str:
    with app.app_context():
        card = find_card(db.session(), member_id)
        assert card is not None
        return personal_code(KEYS, card.serial)


# --- the volunteer ---------------------------------------------------------------------------------------------------


def test_scan_press_done_and_the_same_at_the_end(app: Flask, client: FlaskClient, scene: Scene) -> None:
    sign_in(client, volunteer(scene))
    seen = client.get(f"/c/{code_of(scene)}", follow_redirects=True).text
    assert "现在签到？" in seen
    assert "楼道清洁" in seen
    assert counted(app, Scan) == counted(app, Attendance) == 0  # looking changes nothing
    form = {"form_key": hidden(seen, "form_key"), "wanted": "in"}
    done = client.post("/check-in", data=form, follow_redirects=True).text
    assert re.search(r"已签到 .*09:02", done)
    assert "已签到" in client.post("/check-in", data=form, follow_redirects=True).text  # pressed twice
    assert counted(app, Scan) == 1
    set_clock("11:01")
    seen = client.get(f"/c/{code_of(scene)}", follow_redirects=True).text
    assert "现在签退？" in seen
    assert "1 小时 58 分钟" in seen
    form = {"form_key": hidden(seen, "form_key"), "wanted": "out"}
    assert re.search(r"已签退 .*11:01", client.post("/check-in", data=form, follow_redirects=True).text)
    kept = record_of(app, scene)
    assert kept is not None
    assert (kept.signed_minutes, kept.status) == (118, "ready")


def test_signing_in_may_take_minutes_after_the_code_was_seen(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        set_password(session, volunteer(scene), hash_password(PASSWORD), now=clock.now())
        number = session.get_one(type(scene.volunteers[0]), volunteer(scene)).number
    answer = client.get(f"/c/{code_of(scene)}")
    assert answer.headers["Location"] == "/sign-in?next=/check-in"
    set_clock("09:14")  # the code on the screen is long another one
    sent = {"login": number, "password": PASSWORD, "next": "/check-in"}
    page = client.post("/sign-in", data=sent, follow_redirects=True).text
    assert "现在签到？" in page
    client.post("/check-in", data={"form_key": hidden(page, "form_key"), "wanted": "in"})
    kept = record_of(app, scene)
    assert kept is not None
    assert kept.in_at is not None
    assert abs(kept.in_at - at("09:02")) < timedelta(seconds=30)


def test_a_claim_is_over_after_a_quarter_of_an_hour(app: Flask, client: FlaskClient, scene: Scene) -> None:
    sign_in(client, volunteer(scene))
    client.get(f"/c/{code_of(scene)}")
    set_clock("09:18")
    page = client.post("/check-in", data={"form_key": "k", "wanted": "in"}, follow_redirects=True).text
    assert "重新扫" in page
    assert counted(app, Scan) == 0


def test_a_claim_that_somebody_made_up_is_worth_nothing(app: Flask, client: FlaskClient, scene: Scene) -> None:
    sign_in(client, volunteer(scene))
    for claim in ("", "x", "1.2.3", "1.99999999999999999999.AAAA", "..", "\U00020bb7", "9" * 3000):
        client.set_cookie("claim", claim, path="/check-in")
        assert client.get("/check-in").status_code == 200, claim
        assert client.post("/check-in", data={"wanted": "in"}).status_code == 302, claim
    assert counted(app, Scan) == 0


def test_codes_that_are_none(client: FlaskClient, scene: Scene) -> None:
    for code, says in (
        ("V1ABC", "不是完整的签到码"),
        ("0" * 3000, "别的码"),
        ("%F0%A0%AE%B7", "不是完整的签到码"),
        ("😀", "不是完整的签到码"),
    ):
        answer = client.get(f"/c/{code}")
        assert (answer.status_code, says in answer.text) == (422, True), code


def test_stale_forged_and_foreign_codes(app: Flask, client: FlaskClient, scene: Scene) -> None:
    old = venue_code(KEYS, scene.shift_id, clock.now() - timedelta(seconds=41))
    answer = client.get(f"/c/{old}")
    assert (answer.status_code, "过期" in answer.text) == (409, True)
    answer = client.get(f"/c/{card_of(app, volunteer(scene))}")
    assert (answer.status_code, "别的码" in answer.text) == (422, True)
    assert client.get_cookie("claim", path="/check-in") is None


def test_typing_the_code_does_the_same(app: Flask, client: FlaskClient, scene: Scene) -> None:
    sign_in(client, volunteer(scene))
    assert "输入屏幕上的签到码" in client.get("/check-in").text
    typed = code_of(scene).lower()
    page = client.post("/check-in/code", data={"code": f" {typed[:4]} {typed[4:]} "}, follow_redirects=True).text
    assert "现在签到？" in page
    wrong = client.post("/check-in/code", data={"code": ""})
    assert (wrong.status_code, "此项必填" in wrong.text) == (422, True)
    wrong = client.post("/check-in/code", data={"code": typed[:-1] + ("A" if typed[-1] != "a" else "B")})
    assert (wrong.status_code, "不是完整的签到码" in wrong.text) == (422, True)


def test_a_refused_scan_says_why_and_is_kept(app: Flask, client: FlaskClient, scene: Scene) -> None:
    sign_in(client, volunteer(scene))
    set_clock("11:05")
    page = client.get(f"/c/{code_of(scene)}", follow_redirects=True)
    assert (page.status_code, "已经过了时间" in page.text) == (409, True)
    answer = client.post("/check-in", data={"form_key": "k", "wanted": "in"})
    assert (answer.status_code, "请告诉组织者" in answer.text) == (409, True)
    assert (counted(app, Scan), counted(app, Attendance)) == (1, 0)


def test_guessing_codes_is_slowed_down_but_right_codes_are_not(settings: dict[str, Any]) -> None:
    from timebank.app import create_app
    from timebank.web.limits import limiter

    app = create_app(settings | {"RATE_LIMITS": True})
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with app.app_context(), transaction() as session:
        scene = make_scene(session)
    try:
        set_clock("09:00")
        client = app.test_client()
        right = code_of(scene)
        assert {client.get(f"/c/{right}").status_code for _ in range(80)} == {302}
        statuses = [client.get("/c/V1WRONG").status_code for _ in range(80)]
        assert statuses[0] == 422
        assert statuses[-1] == 429
    finally:
        clock.put_right()
        limiter.reset()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_visitors_sign_in_first(client: FlaskClient, scene: Scene) -> None:
    for path in ("/check-in", "/check-in/code", f"/organise/shifts/{scene.shift_id}/door", "/organise/approvals"):
        assert client.get(path).status_code == 302


# --- the organiser at the door ---------------------------------------------------------------------------------------


def test_the_screen_shows_the_code_and_who_is_here(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        scene.scan(session, 0, "09:00")
    sign_in(client, scene.organiser.id)
    page = client.get(f"/organise/shifts/{scene.shift_id}/door").text
    assert '<noscript><meta http-equiv="refresh"' in page
    assert scene.volunteers[0].alias in page
    assert scene.volunteers[0].name not in page.replace(scene.volunteers[0].alias, "")
    state = client.get(f"/organise/shifts/{scene.shift_id}/code").json
    assert state is not None
    assert state["code"].replace("-", "") == code_of(scene)
    assert state["url"].endswith(f"/c/{code_of(scene)}")
    assert (state["here"], state["gone"], state["missing"], state["expected"]) == (1, 0, 2, 3)
    assert 20 < state["photo_seconds"] <= 40
    assert state["svg"].startswith("<svg")
    assert counted(app, Scan) == 1


def test_the_screen_says_what_time_it_is_for(client: FlaskClient, scene: Scene) -> None:
    sign_in(client, scene.organiser.id)
    for when, says in (("07:30", "提前 60 分钟"), ("10:00", ""), ("11:30", "签退"), ("12:30", "签退时间已过")):
        set_clock(when)
        note = (client.get(f"/organise/shifts/{scene.shift_id}/code").json or {})["note"]
        assert says in note
        assert bool(note) == bool(says)


def test_volunteers_and_organisers_of_other_branches_get_no_screen(
    app: Flask, client: FlaskClient, scene: Scene
) -> None:
    with app.app_context(), transaction() as session:
        stranger = make_member(session, make_branch(session, "ZH"), roles=("organiser",)).id
    for who in (volunteer(scene), stranger):
        sign_in(client, who)
        for page in ("door", "code", "scan", "review", "approve"):
            assert client.get(f"/organise/shifts/{scene.shift_id}/{page}").status_code == 403, page
    sign_in(client, scene.organiser.id)
    assert client.get("/organise/shifts/10000/door").status_code == 404


def test_scanning_a_card_answers_scripts_in_json_and_forms_with_a_page(
    app: Flask, client: FlaskClient, scene: Scene
) -> None:
    sign_in(client, scene.organiser.id)
    path, card = f"/organise/shifts/{scene.shift_id}/scan", card_of(app, volunteer(scene))
    json = {"Accept": "application/json"}
    told = client.post(path, data={"code": card, "form_key": "a"}, headers=json).json
    assert told is not None
    assert (told["word"], told["tone"], told["here"]) == ("已签到", "ok", 1)
    again = client.post(path, data={"code": card, "form_key": "b"}, headers=json).json
    assert again is not None
    assert (again["word"], again["tone"]) == ("已签到", "calm")
    set_clock("11:00")
    page = client.post(path, data={"code": card, "form_key": "c"}, follow_redirects=True).text
    assert "已签退" in page
    assert "1 小时 58 分钟" in page


def test_scanning_nonsense_says_so(client: FlaskClient, scene: Scene, app: Flask) -> None:
    sign_in(client, scene.organiser.id)
    path = f"/organise/shifts/{scene.shift_id}/scan"
    for code in ("", "V1ABC", "P1", "扫码", "𠮷" * 100, "x" * 10_000):
        answer = client.post(path, data={"code": code}, headers={"Accept": "application/json"})
        assert answer.status_code == 422, code
        assert answer.json is not None
        assert (answer.json["tone"], bool(answer.json["detail"])) == ("bad", True), code
        assert client.post(path, data={"code": code}).status_code == 422, code
    assert counted(app, Scan) == 0


def test_a_venue_code_is_not_a_personal_code(client: FlaskClient, scene: Scene) -> None:
    sign_in(client, scene.organiser.id)
    answer = client.post(f"/organise/shifts/{scene.shift_id}/scan", data={"code": code_of(scene)})
    assert (answer.status_code, "不是个人码" in answer.text) == (422, True)


def test_people_are_checked_in_from_the_list_and_found_beside_it(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        guest = make_member(session, scene.branch, "路过的王五")
        guest_id, guest_number = guest.id, guest.number
    sign_in(client, scene.organiser.id)
    path = f"/organise/shifts/{scene.shift_id}/scan"
    page = client.get(path).text
    key = hidden(page, "form_key")
    answer = client.post(f"{path}/{volunteer(scene)}", data={"form_key": key, "wanted": "in"}, follow_redirects=True)
    assert "已签到" in answer.text
    assert guest_number in client.get(path, query_string={"q": "王五"}).text
    assert "没有找到" in client.get(path, query_string={"q": "查无此人%_"}).text
    client.post(f"{path}/{guest_id}", data={"form_key": key, "wanted": "in"})
    assert counted(app, Attendance) == 2
    assert client.post(f"{path}/99999", data={"wanted": "in"}).status_code == 404


def test_the_camera_page_may_run_the_packaged_decoder_and_nothing_else(client: FlaskClient, scene: Scene) -> None:
    sign_in(client, scene.organiser.id)
    answer = client.get(f"/organise/shifts/{scene.shift_id}/scan")
    assert "'wasm-unsafe-eval'" in answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    door = client.get(f"/organise/shifts/{scene.shift_id}/door")
    assert "wasm" not in door.headers["Content-Security-Policy"]


# --- review and approval ---------------------------------------------------------------------------------------------


def review_path(scene: Scene, more: str = "") -> str:
    return f"/organise/shifts/{scene.shift_id}/review{more}"


def test_from_a_missing_check_out_to_the_books(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        scene.scan(session, 0, "09:00")
        scene.attend(session, 1)
    set_clock("11:10")
    sign_in(client, scene.organiser.id)
    assert "缺签退" in client.get(review_path(scene)).text
    early = client.post(review_path(scene, "/submit"), follow_redirects=True).text
    assert "还有 1 人" in early
    person = review_path(scene, f"/{volunteer(scene)}")
    form = {"form": "times", "form_key": "k", "in_at": "09:00", "out_at": "１０：３０", "reason": "忘了签退"}
    page = client.post(person, data=form, follow_redirects=True).text
    assert "时间已更正" in page
    client.post(review_path(scene, "/submit"))
    page = client.get(review_path(scene)).text
    assert "等待审核" in page
    assert "其实来了" not in page
    own = client.get(f"/organise/shifts/{scene.shift_id}/approve").text
    assert "不能自己审核" in own
    assert client.post(f"/organise/shifts/{scene.shift_id}/approve").status_code == 403

    manager = app.test_client()
    sign_in(manager, scene.manager.id)
    assert "楼道清洁" in manager.get("/organise/approvals").text
    page = manager.get(f"/organise/shifts/{scene.shift_id}/approve").text
    sent = {"seen": hidden(page, "seen")}
    done = manager.post(f"/organise/shifts/{scene.shift_id}/approve", data=sent, follow_redirects=True).text
    assert "已审核入账：2 人，3 小时 30 分钟，积分 35 分" in done
    assert "分录" in done
    again = manager.post(f"/organise/shifts/{scene.shift_id}/approve", data=sent, follow_redirects=True).text
    assert "之前已经审核入账" in again
    assert "最近入账" in manager.get("/organise/approvals").text


def test_the_page_stands_when_a_later_round_came_to_nothing(app: Flask, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        scene.attend(session, 0)
        scene.submit(session)
        scene.approve(session)
        late = ManualEntry(shift_id=scene.shift_id, member_id=volunteer(scene, 1), minutes=60, reason="楼长证明")
        set_manual(session, late, actor=scene.organiser_actor)
        scene.submit(session)
        return_shift(session, scene.shift_id, reason="没有来", actor=scene.manager_actor, now=AFTER)
        void(session, scene.shift_id, volunteer(scene, 1), reason="认错人", actor=scene.organiser_actor)
    manager = app.test_client()
    sign_in(manager, scene.manager.id)
    assert "1 人，共 2 小时" in manager.get(f"/organise/shifts/{scene.shift_id}/approve").text


def test_a_list_goes_back_with_a_reason(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        scene.attend(session, 0)
    set_clock("11:10")
    sign_in(client, scene.organiser.id)
    client.post(review_path(scene, "/submit"))
    manager = app.test_client()
    sign_in(manager, scene.manager.id)
    back = f"/organise/shifts/{scene.shift_id}/return"
    assert "此项必填" in manager.post(back, data={"reason": ""}, follow_redirects=True).text
    manager.post(back, data={"reason": "漏了老李"})
    assert "漏了老李" in client.get(review_path(scene)).text


BAD_REVIEWS = (
    ({"form": "times"}, "此项必填"),
    ({"form": "times", "reason": "忘了", "out_at": "25:00"}, "时间格式不对"),
    ({"form": "times", "reason": "忘了", "out_at": "abc"}, "时间格式不对"),
    ({"form": "times", "reason": "忘了", "out_at": "08:30"}, "签退要晚于签到"),
    ({"form": "times", "reason": "忘了"}, "请填写签到时间或签退时间"),
    ({"form": "times", "reason": "😀" * 10_000, "out_at": "10:00"}, "应当是"),
    ({"form": "manual", "manual_hours": "2", "manual_minutes": "1", "reason": "没手机"}, "最多 2 小时"),
    ({"form": "manual", "manual_hours": "-1", "reason": "没手机"}, "请输入 0 到"),
    ({"form": "manual", "manual_hours": "两", "reason": "没手机"}, "请输入整数"),
    ({"form": "manual", "manual_hours": "1"}, "此项必填"),
)


def test_what_people_really_type_into_the_review(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        scene.scan(session, 0, "09:00")
    set_clock("11:10")
    sign_in(client, scene.organiser.id)
    for form, says in BAD_REVIEWS:
        answer = client.post(review_path(scene, f"/{volunteer(scene)}"), data=form | {"form_key": "k"})
        assert (answer.status_code, says in answer.text) == (422, True), form
    kept = record_of(app, scene)
    assert kept is not None
    assert (kept.out_at, kept.manual_minutes) == (None, 0)


def test_manual_minutes_full_width_void_and_restore(app: Flask, client: FlaskClient, scene: Scene) -> None:
    set_clock("11:10")
    sign_in(client, scene.organiser.id)
    person = review_path(scene, f"/{volunteer(scene)}")
    form = {"form": "manual", "form_key": "k", "manual_hours": "１", "manual_minutes": "３０", "reason": "没有手机"}
    assert "补录时长已保存" in client.post(person, data=form, follow_redirects=True).text
    kept = record_of(app, scene)
    assert kept is not None
    assert kept.manual_minutes == 90
    assert "不计" in client.post(f"{person}/void", data={"reason": "弄错了人"}, follow_redirects=True).text
    assert "恢复计入" in client.get(person).text
    assert "已恢复" in client.post(f"{person}/restore", follow_redirects=True).text
    assert client.get(review_path(scene, "/99999")).status_code == 404


def test_everybody_who_forgot_leaves_together(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        scene.scan(session, 0, "09:00")
        scene.scan(session, 1, "09:10")
    set_clock("11:10")
    sign_in(client, scene.organiser.id)
    path = review_path(scene, "/close-missing")
    assert "此项必填" in client.post(path, data={"out_at": "11:00"}, follow_redirects=True).text
    page = client.post(path, data={"out_at": "11:00", "reason": "一起走的"}, follow_redirects=True).text
    assert "已给 2 位补记" in page
    kept = record_of(app, scene, 1)
    assert kept is not None
    assert kept.signed_minutes == 110


def test_a_clock_time_means_the_night_of_the_shift(app: Flask, scene: Scene) -> None:
    with app.app_context():
        night = Shift(starts_at=at("22:00"), ends_at=at("22:00") + timedelta(hours=4))
        assert instant_near(night, time(22, 30)) == at("22:30")
        assert instant_near(night, time(1, 30)) == at("22:00") + timedelta(hours=3, minutes=30)
        assert instant_near(night, time(21, 0)) == at("21:00")
        assert instant_near(night, None) is None
