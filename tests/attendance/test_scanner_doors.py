"""What a scanning phone is given and sends, and the desk where people decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.attendance.scene import Scene, at, find_attendance, make_scene
from tests.attendance.test_doors import card_of, counted, record_of, set_clock, volunteer
from tests.world import KEYS, make_member, sign_in
from timebank.attendance.models import Scan, ScanCase, ScanEvidence
from timebank.attendance.rules import Held, held_text, read_held, salted
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.keys import Keys
from timebank.members.queries import find_card
from timebank.members.rules import personal_pass
from timebank.members.service import reissue_card

PHONE = "13805741234"


@pytest.fixture
def scene(app: Flask) -> Iterator[Scene]:
    """The committed scene at 09:02; its volunteers have cards."""
    with app.app_context(), transaction() as session:
        made = make_scene(session)
        session.expunge_all()
    set_clock("09:02")
    yield made
    clock.put_right()


def roster_of(client: FlaskClient, scene: Scene) -> dict[str, Any]:
    said = client.get(f"/organise/shifts/{scene.shift_id}/roster.json")
    assert said.status_code == 200
    return dict(said.get_json())


def one(key: str, when: str, **more: Any) -> dict[str, Any]:
    return {"key": f"phone-{key}", "at": at(when).isoformat(), "loaded_offset": 0} | more


def send(client: FlaskClient, scene: Scene, *scans: Any, **more: Any) -> Any:
    batch = {"sent_at": clock.now().isoformat(), "device": "phone", "scans": list(scans)} | more
    return client.post(f"/organise/shifts/{scene.shift_id}/scans", json=batch)


# --- the roster ------------------------------------------------------------------------------------------------------


def test_a_lost_phone_leaks_neither_names_nor_phones_nor_codes(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        guest = make_member(session, scene.branch, "欧阳菊芬", phone=PHONE)
        guest_id = guest.id
    sign_in(client, scene.organiser)
    send(client, scene, one("walk-in-1", "09:00", member_id=guest_id, wanted="in"))
    text = client.get(f"/organise/shifts/{scene.shift_id}/roster.json").text
    roster = json.loads(text)
    with app.app_context():
        serials = [card.serial for id_ in (guest_id, volunteer(scene)) if (card := find_card(db.session(), id_))]
    for secret in ("欧阳菊芬", PHONE, PHONE[-4:], *serials, card_of(app, guest_id)):
        assert secret not in json.dumps(roster, ensure_ascii=False), secret
    shown = next(person for person in roster["people"] if person["id"] == guest_id)
    assert (shown["name"], shown["listed"], shown["in"]) == ("欧***", False, "2026-11-21T01:00:00.000Z")
    assert shown["card"] == salted(roster["salt"], serials[0])
    assert shown["typed"] == [salted(roster["salt"], card_of(app, guest_id))]


def test_a_roster_says_by_what_to_judge_and_how_long(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        actor = scene.volunteer_actors[0]
        old = find_card(session, volunteer(scene))
        assert old is not None
        lost = old.serial
        reissue_card(session, volunteer(scene), reason="丢了", actor=actor, now=at("08:00"))
    sign_in(client, scene.organiser)
    roster = roster_of(client, scene)
    assert lost in roster["revoked"]
    assert datetime.fromisoformat(roster["expires"]) == at("14:00")  # two hours after check-out closed
    assert roster["counts"] == {"expected": 3, "here": 0, "gone": 0, "missing": 3}
    assert [key["mark"] for key in roster["keys"]] == [personal_pass(KEYS, lost)[2]]
    held = read_held(KEYS, roster["proof"])
    assert held is not None
    assert held == Held(scene.shift_id, scene.organiser.id, held.at)
    assert timedelta() <= clock.now() - held.at < timedelta(minutes=2)
    clock.move(timedelta(days=-5))
    assert datetime.fromisoformat(roster_of(client, scene)["expires"]) - clock.now() <= timedelta(days=1)


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4", "x" * 200, "1.2.3.中文", "....", "1.2..ABC"])
def test_a_made_up_proof_of_a_roster_proves_nothing(text: str) -> None:
    assert read_held(KEYS, text) is None
    true = held_text(KEYS, Held(1, 2, datetime(2026, 11, 21, tzinfo=UTC)))
    assert read_held(KEYS, true) is not None
    assert read_held(KEYS, true.replace("1.", "3.", 1)) is None
    assert read_held(Keys(b"another secret of more than 32 characters"), true) is None


def test_people_are_found_by_name_and_by_the_last_four_of_the_phone(
    app: Flask, client: FlaskClient, scene: Scene
) -> None:
    with app.app_context(), transaction() as session:
        guest = make_member(session, scene.branch, "路过的王五", phone=PHONE).id
    sign_in(client, scene.organiser)
    base = f"/organise/shifts/{scene.shift_id}/people.json"
    assert [line["id"] for line in client.get(f"{base}?q=王五").get_json()["found"]] == [guest]
    assert [line["id"] for line in client.get(f"{base}?q=1234").get_json()["found"]] == [guest]
    [listed] = client.get(f"{base}?q={scene.volunteers[0].number}").get_json()["found"]
    assert (listed["id"], listed["listed"], listed["in"]) == (volunteer(scene), True, None)
    assert client.get(base).get_json() == {"found": []}


# --- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_answered_scan_by_scan_and_a_bad_one_holds_up_nobody(
    app: Flask, client: FlaskClient, scene: Scene
) -> None:
    sign_in(client, scene.organiser)
    roster = roster_of(client, scene)
    said = send(
        client,
        scene,
        one("aaaaa1", "09:00", code=card_of(app, volunteer(scene)), roster=roster["proof"]),
        one("aaaaa2", "09:01", member_id=volunteer(scene, 1), wanted="in", roster="made up"),
        {"key": "phone-bad", "at": "gestern"},
        one("aaaaa3", "07:00", member_id=volunteer(scene, 2), wanted="in"),
        one("aaaaa4", "09:00", code="垃圾\x00码"),
    )
    answers = {answer["key"]: answer for answer in said.get_json()["answers"]}
    states = {key.removeprefix("phone-"): (answer["state"], answer["tone"]) for key, answer in answers.items()}
    assert states == {
        "aaaaa1": ("counted", "ok"),
        "aaaaa2": ("counted", "ok"),
        "bad": ("bad", "bad"),
        "aaaaa3": ("case", "bad"),
        "aaaaa4": ("unread", "bad"),
    }
    assert answers["phone-aaaaa1"]["name"] == scene.volunteers[0].name
    assert answers["phone-aaaaa1"]["detail"] == "09:00"
    assert "还没到签到时间：11-21 08:00 开始" in answers["phone-aaaaa3"]["detail"]
    assert said.get_json()["counts"] == {"expected": 3, "here": 2, "gone": 0, "missing": 1}
    with app.app_context():
        held = db.session().scalars(select(ScanEvidence.roster_by_id).order_by(ScanEvidence.scan_id)).all()
        assert sorted(held, key=str) == sorted([scene.organiser.id, None, None], key=str)
        devices = set(db.session().scalars(select(ScanEvidence.device)))
        assert devices == {KEYS.index("device", "phone")}


@pytest.mark.parametrize(
    "batch",
    [
        None,
        [],
        "text",
        {"scans": []},
        {"sent_at": "2026-11-21T01:00:00Z", "scans": []},
        {"sent_at": "2026-11-21T01:00:00", "scans": [{}]},  # no zone, no instant
        {"sent_at": "2026-11-21T01:00:00Z", "scans": ["text"]},
        {"sent_at": "9999-11-21T01:00:00Z", "scans": [{}]},
        {"sent_at": "2026-11-21T01:00:00Z", "scans": [{}] * 51},
    ],
)
def test_what_is_no_batch_is_refused(app: Flask, client: FlaskClient, scene: Scene, batch: Any) -> None:
    sign_in(client, scene.organiser)
    said = client.post(f"/organise/shifts/{scene.shift_id}/scans", json=batch)
    assert said.status_code == 422
    assert said.get_json()["message"]
    assert counted(app, Scan) == 0


def test_scans_of_clocks_that_are_years_off_are_kept_for_a_person(
    app: Flask, client: FlaskClient, scene: Scene
) -> None:
    sign_in(client, scene.organiser)
    for number, year in enumerate((1971, 2035, 2199)):
        then = datetime(year, 1, 1, tzinfo=UTC)
        offset = max(-2_000_000_000, round((clock.now() - then).total_seconds()))
        scan = one(f"{year}-year", "09:00", member_id=volunteer(scene, number), wanted="in")
        scan |= {"at": (then - timedelta(hours=1)).isoformat(), "loaded_offset": offset}
        [answer] = send(client, scene, scan, sent_at=then.isoformat()).get_json()["answers"]
        assert answer["state"] == "case"
    with app.app_context():
        assert set(db.session().scalars(select(ScanCase.kind))) == {"clock"}
    assert client.get(f"/organise/shifts/{scene.shift_id}/conflicts").status_code == 200


def test_a_batch_needs_the_token_that_came_with_the_roster(app: Flask, client: FlaskClient, scene: Scene) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    sign_in(client, scene.organiser)
    roster = roster_of(client, scene)
    scan = one("aaaaa1", "09:00", member_id=volunteer(scene), wanted="in")
    assert send(client, scene, scan).status_code == 400
    batch = {"sent_at": clock.now().isoformat(), "scans": [scan]}
    address = f"/organise/shifts/{scene.shift_id}/scans"
    said = client.post(address, json=batch, headers={"X-CSRFToken": roster["csrf"]})
    assert said.status_code == 200
    assert counted(app, Scan) == 1


def test_strangers_neither_load_nor_send(app: Flask, client: FlaskClient, scene: Scene) -> None:
    sign_in(client, volunteer(scene))
    for path in ("roster.json", "people.json?q=a", "conflicts"):
        assert client.get(f"/organise/shifts/{scene.shift_id}/{path}").status_code == 403
    assert send(client, scene, one("aaaaa1", "09:00", member_id=volunteer(scene))).status_code == 403
    assert counted(app, Scan) == 0


# --- the app ---------------------------------------------------------------------------------------------------------


def test_the_app_can_be_installed(client: FlaskClient, scene: Scene) -> None:
    manifest = client.get("/organise/shifts/scanner.webmanifest")
    assert manifest.mimetype == "application/manifest+json"
    said = manifest.get_json()
    assert said["start_url"].startswith(said["scope"])
    for icon in said["icons"]:
        found = client.get(icon["src"])
        assert (found.status_code, found.mimetype) == (200, icon["type"])
        found.close()
    worker = client.get("/organise/shifts/worker.js")
    assert worker.mimetype == "text/javascript"
    assert "no-cache" in worker.headers["Cache-Control"]
    assert "worker-src 'self'" in worker.headers["Content-Security-Policy"]
    worker.close()


def test_the_start_page_that_phones_keep_names_nobody(client: FlaskClient, scene: Scene) -> None:
    sign_in(client, scene.organiser)
    page = client.get("/organise/shifts/scanner").text
    assert "楼道清洁" in page
    assert f"/organise/shifts/{scene.shift_id}/scan" in page
    for name in (scene.organiser.name, *(one.name for one in scene.volunteers)):
        assert name not in page
    assert "csrf" not in page


# --- the desk --------------------------------------------------------------------------------------------------------


def decide(client: FlaskClient, app: Flask, scene: Scene, decision: str = "count", **more: Any) -> str:
    with app.app_context():
        cases = db.session().scalars(select(ScanCase.id).where(ScanCase.decision == "")).all()
    form = {"case": cases, "decision": decision, "reason": "组长证明在场"} | more
    address = f"/organise/shifts/{scene.shift_id}/conflicts"
    return client.post(address, data=form, follow_redirects=True).text


def test_the_desk_shows_the_evidence_and_keeps_the_decision(app: Flask, client: FlaskClient, scene: Scene) -> None:
    sign_in(client, scene.organiser)
    proof = roster_of(client, scene)["proof"]
    set_clock("20:00")
    hour_slow = {"loaded_offset": 3600, "roster": proof}
    send(
        client,
        scene,
        one("aaaaa1", "08:00", code=card_of(app, volunteer(scene)), **hour_slow),
        one("aaaaa2", "10:00", member_id=volunteer(scene), wanted="out", **hour_slow),
        one("aaaaa3", "09:00", code="https://example.com/menu"),
        sent_at=at("19:00").isoformat(),
    )
    assert scene.volunteers[0].name in client.get(f"/organise/shifts/{scene.shift_id}/conflicts").text
    page = client.get(f"/organise/shifts/{scene.shift_id}/conflicts").text
    for word in (
        "手机时间不准",
        "手机显示 11-21 08:00（下载名单时慢 1 小时 0 分，上传时慢 1 小时 0 分）",
        "名单由周队长在 09:02 下载",
        "https://example.com/menu",
        "当天的全部扫码",
    ):
        assert word in page, word
    assert "有 2 条扫码要人来决定" in client.get(f"/organise/shifts/{scene.shift_id}/review").text
    assert "2 条扫码" in client.get("/organise/conflicts").text
    refused = client.post(f"/organise/shifts/{scene.shift_id}/review/submit", follow_redirects=True).text
    assert "还有 2 条扫码冲突没有决定" in refused
    assert "请填写" in decide(client, app, scene, reason="") or "必填" in decide(client, app, scene, reason="")
    said = decide(client, app, scene)
    assert "2 条扫码已决定：算数" in said
    assert "组长证明在场" in said
    kept = record_of(app, scene)
    assert kept is not None
    assert (kept.in_at, kept.out_at, kept.signed_minutes) == (at("09:00"), at("11:00"), 120)
    assert "没有要决定的冲突" in client.get("/organise/conflicts").text


def test_after_approval_the_desk_says_what_to_correct_it_to(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        scene.attend(session, 0, "09:30", "11:00")
        scene.submit(session)
        scene.approve(session)
    set_clock("20:00")
    sign_in(client, scene.organiser)
    send(client, scene, one("aaaaa1", "09:00", member_id=volunteer(scene), wanted="in"))
    said = decide(client, app, scene)
    assert "已经入账，要由网点管理员更正" in said
    assert "1 小时 30 分" in said
    assert "2 小时" in said
    assert "/correct" not in said  # not the organiser's business
    sign_in(client, scene.manager)
    page = client.get(f"/organise/shifts/{scene.shift_id}/conflicts").text
    with app.app_context():
        booked = find_attendance(db.session(), scene.shift_id, volunteer(scene))
        assert booked is not None
        assert f"/inspect/entries/{booked.entry_id}/correct" in page
