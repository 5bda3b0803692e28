"""The tablet at the entrance: it checks people in for one shift and opens nothing else, whoever put it up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.attendance.scene import Scene, at, find_attendance, make_scene, make_shift
from tests.world import KEYS, actor_of, make_branch, make_member, sign_in
from timebank.activities.service import cancel_shift
from timebank.attendance.models import PERSONAL, Kiosk, Scan
from timebank.attendance.queries import list_flags, list_open_kiosks
from timebank.attendance.rules import KioskGrant, kiosk_text
from timebank.attendance.service import KioskNotNow, close_kiosk, open_kiosk
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import FormUsed, NotAllowed, Refusal
from timebank.members.models import RoleGrant
from timebank.members.queries import find_card
from timebank.members.rules import personal_code
from timebank.members.service import end_role, reissue_card

JSON = {"Accept": "application/json"}


# --- the service -----------------------------------------------------------------------------------------------------


@pytest.fixture
def hall(session: Session) -> Scene:
    return make_scene(session)


def opened(session: Session, scene: Scene, key: str = "k", now: str = "08:30") -> Kiosk:
    return open_kiosk(session, scene.shift_id, form_key=key, actor=scene.organiser_actor, keys=KEYS, now=at(now))


def test_a_kiosk_ends_with_the_check_outs_of_its_shift(session: Session, hall: Scene) -> None:
    kiosk = opened(session, hall)
    assert (kiosk.expires_at, kiosk.opened_by_id, len(kiosk.device)) == (at("12:00"), hall.organiser.id, 64)
    assert [one.id for one in list_open_kiosks(session, hall.shift_id, at("11:59"))] == [kiosk.id]
    assert list_open_kiosks(session, hall.shift_id, at("12:00")) == []


def test_the_same_form_opens_one_kiosk_and_is_nobody_elses(session: Session, hall: Scene) -> None:
    assert opened(session, hall).id == opened(session, hall).id
    with pytest.raises(FormUsed):
        open_kiosk(session, hall.shift_id, form_key="k", actor=hall.manager_actor, keys=KEYS, now=at("08:30"))


def test_a_kiosk_is_not_opened_the_week_before_nor_when_all_is_over(session: Session, hall: Scene) -> None:
    for now in (at("09:00") - timedelta(hours=12, seconds=1), at("12:00")):
        with pytest.raises(KioskNotNow):
            open_kiosk(session, hall.shift_id, form_key="x", actor=hall.organiser_actor, keys=KEYS, now=now)


def test_volunteers_and_staff_elsewhere_neither_open_nor_close(session: Session, hall: Scene) -> None:
    kiosk = opened(session, hall)
    stranger = make_member(session, make_branch(session, "CX"), roles=("manager",))
    for actor in (hall.volunteer_actors[0], actor_of(session, stranger)):
        with pytest.raises(NotAllowed):
            open_kiosk(session, hall.shift_id, form_key="x", actor=actor, keys=KEYS, now=at("08:30"))
        with pytest.raises(NotAllowed):
            close_kiosk(session, kiosk.id, actor=actor, now=at("09:00"))


def test_closing_twice_keeps_the_first(session: Session, hall: Scene) -> None:
    kiosk = opened(session, hall)
    close_kiosk(session, kiosk.id, actor=hall.organiser_actor, now=at("09:00"))
    close_kiosk(session, kiosk.id, actor=hall.manager_actor, now=at("09:30"))
    session.expire_all()
    assert (kiosk.closed_at, kiosk.closed_by_id) == (at("09:00"), hall.organiser.id)
    assert list_open_kiosks(session, hall.shift_id, at("09:01")) == []


def test_a_cancelled_shift_has_no_kiosk(session: Session, hall: Scene) -> None:
    cancel_shift(session, hall.shift_id, reason="下雨", actor=hall.organiser_actor, now=at("08:00"))
    with pytest.raises(Refusal):
        opened(session, hall)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE kiosk SET closed_at = NULL, closed_by_id = NULL",
        "UPDATE kiosk SET expires_at = closed_at",
        "DELETE FROM kiosk",
    ],
)
def test_the_database_opens_no_kiosk_again(session: Session, hall: Scene, change: str) -> None:
    kiosk = opened(session, hall)
    close_kiosk(session, kiosk.id, actor=hall.organiser_actor, now=at("09:00"))
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(change))


def test_many_people_at_one_kiosk_share_no_phone(session: Session, hall: Scene) -> None:
    kiosk = opened(session, hall)
    for number in (0, 1):
        hall.staff_scan(session, hall.volunteers[number].id, "09:00", source=PERSONAL, device=kiosk.device)
    assert list_flags(session, hall.shift_id).shared_device == frozenset()
    for number in (0, 1):
        hall.scan(session, number, "09:20", device="f" * 64)
    shared = {hall.volunteers[number].id for number in (0, 1)}
    assert list_flags(session, hall.shift_id).shared_device == shared


# --- the tablet ------------------------------------------------------------------------------------------------------


@pytest.fixture
def scene(app: Flask) -> Iterator[Scene]:
    with app.app_context(), transaction() as session:
        made = make_scene(session)
        session.expunge_all()
    clock.move(at("09:02") - clock.now())
    yield made
    clock.put_right()


@pytest.fixture
def tablet(app: Flask, client: FlaskClient, scene: Scene) -> FlaskClient:
    """A tablet that the organiser made a kiosk."""
    sign_in(client, scene.organiser.id)
    answer = client.post(f"/organise/shifts/{scene.shift_id}/kiosk", data={"form_key": "tablet"})
    assert (answer.status_code, answer.location) == (303, "/kiosk")
    return client


def code_of(app: Flask, scene: Scene, number: int = 0) -> str:
    with app.app_context():
        card = find_card(db.session(), scene.volunteer_actors[number].member_id or 0)
        assert card is not None
        return personal_code(KEYS, card.serial)


def scans(app: Flask) -> list[Any]:
    with app.app_context():
        return list(db.session.execute(select(Scan.source, Scan.device, Scan.actor_id, Scan.refused)))


def test_people_check_in_and_out_by_typing_without_scripts(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    code = code_of(app, scene)
    page = tablet.post("/kiosk", data={"code": code.lower(), "form_key": "one"}).text
    assert "已签到 09:02" in page
    assert scene.volunteers[0].alias in page
    assert scene.volunteers[0].name not in page
    clock.move(at("11:01") - clock.now())
    page = tablet.post("/kiosk", data={"code": code, "form_key": "two"}).text
    assert "已签退 11:01" in page
    with app.app_context():
        kept = find_attendance(db.session(), scene.shift_id, scene.volunteer_actors[0].member_id or 0)
        assert kept is not None
        assert kept.signed_minutes == 118
        kiosk = db.session.scalars(select(Kiosk)).one()
        device = kiosk.device
    assert scans(app) == [("personal", device, scene.organiser.id, "")] * 2


def test_the_same_key_counts_once_and_answers_the_same(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    form = {"code": code_of(app, scene), "form_key": "once"}
    told = [tablet.post("/kiosk", data=form, headers=JSON).get_json() for _ in range(2)]
    assert [one["word"] for one in told] == ["已签到 09:02"] * 2
    assert (told[0]["tone"], told[1]["tone"], told[0]["here"], len(scans(app))) == ("ok", "calm", 1, 1)


def test_a_wrong_code_and_a_members_number_are_refused(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    for wrong in ("P1AAAA", scene.volunteers[0].number, scene.volunteers[0].name, "", "V1AAAAAAAAA"):
        answer = tablet.post("/kiosk", data={"code": wrong, "form_key": "k"}, headers=JSON)
        assert (answer.status_code, answer.get_json()["tone"]) == (422, "bad"), wrong
    assert scans(app) == []


def test_who_is_not_on_the_list_joins_where_the_activity_takes_walk_ins(
    app: Flask, scene: Scene, tablet: FlaskClient
) -> None:
    with app.app_context(), transaction() as session:
        guest = make_member(session, make_branch(session), "路过的")
        card = find_card(session, guest.id)
        assert card is not None
        code = personal_code(KEYS, card.serial)
    told = tablet.post("/kiosk", data={"code": code, "form_key": "k"}, headers=JSON).get_json()
    assert (told["word"], told["tone"], "现场加入" in told["detail"]) == ("已签到 09:02", "ok", True)


def test_a_shift_that_was_sent_takes_no_more_codes_and_keeps_what_was_tried(
    app: Flask, scene: Scene, tablet: FlaskClient
) -> None:
    clock.move(at("11:10") - clock.now())
    with app.app_context(), transaction() as session:
        scene.attend(session, 1)
        scene.submit(session, now=at("11:10"))
    told = tablet.post("/kiosk", data={"code": code_of(app, scene), "form_key": "k"}, headers=JSON).get_json()
    assert (told["word"], told["tone"]) == ("没有签上", "bad")
    assert scans(app)[-1].refused in {"attendance.submitted", "attendance.too_late"}


def test_a_lost_card_does_not_count(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    code = code_of(app, scene)
    with app.app_context(), transaction() as session:
        reissue_card(
            session,
            scene.volunteer_actors[0].member_id or 0,
            reason="丢了",
            actor=scene.manager_actor,
            now=clock.now(),
        )
    answer = tablet.post("/kiosk", data={"code": code, "form_key": "k"}, headers=JSON)
    assert (answer.status_code, scans(app)) == (409, [])


def test_the_organiser_is_signed_out_on_the_tablet_and_nowhere_else(app: Flask, scene: Scene) -> None:
    phone, tablet = app.test_client(), app.test_client()
    for one in (phone, tablet):
        sign_in(one, scene.organiser.id)
    tablet.set_cookie("remember_token", "something")
    opened = tablet.post(f"/organise/shifts/{scene.shift_id}/kiosk", data={"form_key": "t"})
    assert any(c.startswith("remember_token=;") for c in opened.headers.getlist("Set-Cookie"))
    [kiosk] = [c for c in opened.headers.getlist("Set-Cookie") if c.startswith("kiosk=")]
    assert {"HttpOnly", "Path=/kiosk", "SameSite=Strict"} <= {part.strip() for part in kiosk.split(";")}
    assert tablet.get("/me").status_code == 302
    assert tablet.get(f"/organise/shifts/{scene.shift_id}/review").status_code == 302
    assert phone.get("/me").status_code == 200
    assert "自助签到" in tablet.get("/kiosk").text


def test_the_organiser_closes_a_tablet_from_the_phone(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    phone = app.test_client()
    sign_in(phone, scene.organiser.id)
    page = phone.get(f"/organise/shifts/{scene.shift_id}/kiosk").text
    assert "关闭这台" in page
    assert "平板自助" in phone.get(f"/organise/shifts/{scene.shift_id}/door").text
    with app.app_context():
        kiosk_id = db.session.scalar(select(Kiosk.id))
    phone.post(f"/organise/kiosks/{kiosk_id}/close")
    answer = tablet.post("/kiosk", data={"code": code_of(app, scene), "form_key": "k"})
    assert (answer.status_code, "自助签到已经结束" in answer.text) == (403, True)
    over = tablet.get("/kiosk/state", headers=JSON)
    assert (over.status_code, over.get_json()["over"]) == (403, True)
    assert scans(app) == []


def test_a_tablet_ends_by_itself(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    clock.move(at("12:00") - clock.now())
    assert tablet.get("/kiosk").status_code == 403


def test_a_tablet_works_no_longer_than_its_openers_role(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        grant = session.scalars(select(RoleGrant).where(RoleGrant.member_id == scene.organiser.id)).one()
        end_role(session, grant.id, actor=scene.manager_actor, now=clock.now())
    answer = tablet.post("/kiosk", data={"code": code_of(app, scene), "form_key": "k"}, headers=JSON)
    assert (answer.status_code, scans(app)) == (403, [])


def test_a_note_for_another_shift_or_a_longer_time_opens_nothing(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        kiosk = session.scalars(select(Kiosk)).one()
        _, other = make_shift(session, session.merge(scene.branch), scene.organiser_actor)
        good = KioskGrant(kiosk_id=kiosk.id, shift_id=kiosk.shift_id, expires_at=kiosk.expires_at)
        other_shift = KioskGrant(kiosk_id=kiosk.id, shift_id=other, expires_at=kiosk.expires_at)
    forged = kiosk_text(KEYS, good).replace(f"{good.kiosk_id}.", f"{good.kiosk_id + 1}.", 1)
    for note in (kiosk_text(KEYS, other_shift), forged, "x", "1.1.1.1"):
        stranger = app.test_client()
        stranger.set_cookie("kiosk", note, path="/kiosk")
        assert stranger.get("/kiosk").status_code == 403, note


def test_the_kiosk_shows_counts_and_no_list(app: Flask, scene: Scene, tablet: FlaskClient) -> None:
    page, state = tablet.get("/kiosk").text, tablet.get("/kiosk/state").get_json()
    assert state == {"here": 0, "gone": 0, "missing": 3, "expected": 3}
    for member in scene.volunteers:
        assert member.alias not in page
        assert member.number not in page


def test_without_a_kiosk_nobody_asks_its_pages(app: Flask, scene: Scene) -> None:
    visitor, organiser = app.test_client(), app.test_client()
    sign_in(organiser, scene.organiser.id)
    for path in ("/kiosk", "/kiosk/state"):
        assert visitor.get(path).location.startswith("/sign-in")
        assert organiser.get(path).status_code == 403
    assert visitor.post("/kiosk", data={"code": code_of(app, scene)}).status_code == 302
    assert organiser.post("/kiosk", data={"code": code_of(app, scene)}).status_code == 403
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Scan)) == 0
