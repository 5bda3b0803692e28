"""Pages of the policy: choosing it, trying it out, its steps in the review; flags, counted; a position attached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.attendance.scene import Scene, at, find_attendance, make_scene
from tests.world import KEYS, sign_in
from timebank.activities.models import Activity
from timebank.activities.rules import counting_of
from timebank.attendance.models import Overtime, Scan
from timebank.attendance.rules import venue_code
from timebank.core import clock
from timebank.core.db import db, transaction

SPOT = {"spot_latitude": 29_901_234, "spot_longitude": 121_843_321}


def make(app: Flask, **options: Any) -> Scene:
    with app.app_context(), transaction() as session:
        made = make_scene(session, **options)
        session.expunge_all()
    set_clock("09:02")
    return made


def set_clock(when: str) -> None:
    clock.move(at(when) - clock.now())


@pytest.fixture(autouse=True)
def _put_right() -> Iterator[None]:
    yield
    clock.put_right()


def volunteer(scene: Scene, number: int = 0) -> int:
    return scene.volunteer_actors[number].member_id or 0


def claimed(client: FlaskClient, scene: Scene, number: int = 0) -> str:
    """The page that a volunteer sees after pointing the phone at the screen."""
    sign_in(client, volunteer(scene, number))
    return client.get(f"/c/{venue_code(KEYS, scene.shift_id, clock.now())}", follow_redirects=True).text


def press(client: FlaskClient, key: str = "k", **position: str) -> int:
    return client.post("/check-in", data={"form_key": key, "wanted": "in", **position}).status_code


def words_kept(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Scan.place_fit).order_by(Scan.id)))


# --- a position that may be attached ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "word"),
    [
        ({"latitude": "29.9013", "longitude": "121.8434", "accuracy": "20"}, "inside"),
        ({"latitude": "29.9080", "longitude": "121.8434", "accuracy": "20"}, "near"),
        ({"latitude": "31.2304", "longitude": "121.4737", "accuracy": "20"}, "far"),
        ({"latitude": "31.2304", "longitude": "121.4737", "accuracy": "9000"}, ""),
        ({"latitude": "31.2304", "longitude": "121.4737"}, ""),
        ({"latitude": "北边", "longitude": "nan", "accuracy": "1e999"}, ""),
        ({"latitude": "nan", "longitude": "nan", "accuracy": "nan"}, ""),
        ({"latitude": "9" * 500, "longitude": "1", "accuracy": "1"}, ""),
        ({}, ""),
    ],
)
def test_a_word_is_kept_and_everybody_is_checked_in(
    app: Flask, client: FlaskClient, position: dict[str, str], word: str
) -> None:
    scene = make(app, **SPOT)
    claimed(client, scene)
    assert press(client, **position) == 303
    assert words_kept(app) == [word]


def test_where_somebody_was_is_kept_nowhere(app: Flask, client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    scene = make(app, **SPOT)
    claimed(client, scene)
    press(client, latitude="31.987654", longitude="121.456789", accuracy="13.25")
    with app.app_context():
        tables = sa.inspect(db.engine).get_table_names()
        rows = [str(row) for name in tables for row in db.session.execute(sa.text(f'SELECT * FROM "{name}"'))]
    told = "".join(rows) + "".join(capfd.readouterr())
    assert not re.search(r"31[.]?9876|121[.]?4567|13\.25", told)


def test_the_page_asks_only_where_there_is_a_spot_and_says_what_is_kept(app: Flask, client: FlaskClient) -> None:
    scene = make(app, **SPOT)
    page = claimed(client, scene)
    assert "附上位置（可不附）" in page
    assert "不保存您在哪里" in page
    assert client.get("/check-in").headers["Permissions-Policy"].split(", ")[1] == "geolocation=(self)"
    assert client.get("/me").headers["Permissions-Policy"].split(", ")[1] == "geolocation=()"


def test_a_shift_without_a_spot_asks_nothing_and_takes_nothing(app: Flask, client: FlaskClient) -> None:
    scene = make(app)
    assert "附上位置" not in claimed(client, scene)
    assert client.get("/check-in").headers["Permissions-Policy"].split(", ")[1] == "geolocation=()"
    press(client, latitude="31.2", longitude="121.4", accuracy="10")
    assert words_kept(app) == [""]


def test_a_shift_held_elsewhere_has_no_spot(app: Flask, client: FlaskClient) -> None:
    scene = make(app, **SPOT)
    with app.app_context(), transaction() as session:
        session.execute(sa.text("UPDATE shift SET place = '文化广场'"))
    assert "附上位置" not in claimed(client, scene)


# --- writing an activity ---------------------------------------------------------------------------------------------


def written(**more: str) -> dict[str, str]:
    return {
        "form_key": "k1",
        "title": "滨河清洁",
        "category": "environment",
        "content": "捡拾河边垃圾。",
        "place": "滨河路东头",
        "contact_name": "李红梅",
        "contact_phone": "13805740011",
        "risk": "low",
        "judged_by": "actual",
        "shifts-0-date": "2026-12-05",
        "shifts-0-start": "09：00",
        "shifts-0-end": "11:00",
        "shifts-0-capacity": "20",
        "shifts-0-break_minutes": "15",
        "then": "keep",
    } | more


def kept_activity(app: Flask) -> Activity:
    with app.app_context():
        found = db.session.scalars(select(Activity).order_by(Activity.id.desc())).first()
        assert found is not None
        return found


def test_a_way_of_counting_fills_in_the_options_and_one_may_tune_them(app: Flask, client: FlaskClient) -> None:
    scene = make(app)
    sign_in(client, scene.organiser.id)
    page = client.get("/organise/activities/new").text
    for word in ("按实际", "按计划", "整班", "细调", "试算"):
        assert word in page
    assert client.post("/organise/activities/new", data=written(judged_by="whole")).status_code == 302
    made = kept_activity(app)
    assert (made.judged_by, made.lowest_share, made.late_grace_minutes, made.rounding_minutes) == ("whole", 80, 10, 1)
    tuned = {"form_key": "k2", "early_counts": "1", "rounding_minutes": "15", "overtime_limit_minutes": "６0"}
    assert client.post("/organise/activities/new", data=written(**tuned)).status_code == 302
    made = kept_activity(app)
    assert (made.early_counts, made.rounding_minutes, made.overtime_limit_minutes) == (True, 15, 60)
    edit = client.get(f"/organise/activities/{made.id}/edit").text
    assert '<details class="reveal" open>' in edit
    assert 'name="overtime_limit_minutes" type="text" value="60"' in edit
    assert 'name="late_grace_minutes" type="text" value=""' in edit
    changed = written(**(tuned | {"judged_by": "whole", "early_counts": ""}))
    assert client.post(f"/organise/activities/{made.id}/edit", data=changed).status_code == 302
    counting = counting_of(kept_activity(app))
    assert (counting.judged_by, counting.lowest_share, counting.early_counts) == ("whole", 80, False)
    assert counting.overtime_limit_minutes == 60


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("late_grace_minutes", "61"),
        ("lowest_share", "101"),
        ("overtime_limit_minutes", "241"),
        ("break_after_minutes", "一会儿"),
        ("early_counts", "也许"),
        ("judged_by", "luck"),
        ("spot", "河边"),
        ("spot", "91, 121"),
        ("spot", "29.9"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_its_field(
    app: Flask, client: FlaskClient, field: str, typed: str
) -> None:
    scene = make(app)
    sign_in(client, scene.organiser.id)
    page = client.post("/organise/activities/new", data=written(**{field: typed}))
    assert page.status_code == 422
    assert f'href="#f-{field}"' in page.text


@pytest.mark.parametrize("typed", ["29.901234, 121.843321", "29.901234，121.843321", " 29.901234 121.843321 "])
def test_the_spot_is_kept_and_shown_again(app: Flask, client: FlaskClient, typed: str) -> None:
    scene = make(app)
    sign_in(client, scene.organiser.id)
    assert client.post("/organise/activities/new", data=written(spot=typed)).status_code == 302
    made = kept_activity(app)
    assert (made.spot_latitude, made.spot_longitude) == (29_901_234, 121_843_321)
    page = client.get(f"/organise/activities/{made.id}/edit")
    assert 'value="29.901234, 121.843321"' in page.text
    assert page.headers["Permissions-Policy"].split(", ")[1] == "geolocation=(self)"
    client.post(f"/organise/activities/{made.id}/edit", data=written(spot=""))
    assert kept_activity(app).spot_latitude is None


def test_the_activity_says_how_it_counts(app: Flask, client: FlaskClient) -> None:
    scene = make(app, judged_by="whole", lowest_share=80, overtime_limit_minutes=60)
    for path in ("/activities", "/organise/activities"):
        sign_in(client, scene.organiser.id)
        page = client.get(f"{path}/{scene.activity_id}").text
        assert "这样计时长" in page
        assert "在场达到整班的 80%，就算整班" in page
        assert "要组织者逐人确认才算，最多 1 小时" in page


# --- trying it out ---------------------------------------------------------------------------------------------------


def test_times_go_in_and_steps_come_out(app: Flask, client: FlaskClient) -> None:
    scene = make(app)
    sign_in(client, scene.organiser.id)
    query = "judged_by=whole&overtime_limit_minutes=60&rounding_minutes=15&shift=14:00-16:30-15&shift=09:00-11:00-"
    page = client.get(f"/organise/counting?{query}&at=0&came=14:08&left=17：05&overtime=30").text
    for words in (
        "晚了 8 分钟，10 分钟以内算准时，按 14:00 算",
        "多留 35 分钟，确认过的加时算 30 分钟",
        "算整班 3 小时",
    ):
        assert words in page
    assert re.search(r"<dt>计入</dt><dd>2 小时 45 分钟</dd>", page)
    assert page.count('name="shift"') == 2
    page = client.get(f"/organise/counting?{query}&at=1&came=09:08&left=11:00").text
    assert re.search(r"<dt>计入</dt><dd>2 小时</dd>", page)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("judged_by=planned&came=09:30", 200),
        ("came=09:30", 200),
        ("left=11:00", 200),
        ("shift=22:00-02:00-0&came=23:00&left=01:30", 200),
        ("shift=99:00-11:00-0&shift=x&shift=09:00-09:00-0&at=7", 200),
        ("judged_by=luck", 422),
        ("came=25:00&left=früh", 422),
        ("lowest_share=x&came=09:00&left=11:00", 422),
        ("overtime=9999", 422),
    ],
)
def test_whatever_stands_in_the_address_is_answered(app: Flask, client: FlaskClient, query: str, status: int) -> None:
    scene = make(app)
    sign_in(client, scene.organiser.id)
    page = client.get(f"/organise/counting?{query}")
    assert (page.status_code, "几个例子" in page.text) == (status, True)


def test_an_activity_that_is_being_written_is_tried_by_its_hours_alone(app: Flask, client: FlaskClient) -> None:
    scene = make(app)
    sign_in(client, scene.organiser.id)
    sent = written(judged_by="whole", late_grace_minutes="5", **{"shifts-1-start": "13:00", "shifts-1-end": "15:00"})
    answer = client.post("/organise/counting", data=sent)
    assert answer.status_code == 303
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked == {
        "judged_by": ["whole"],
        "late_grace_minutes": ["5"],
        "shift": ["09：00-11:00-15", "13:00-15:00-"],
    }
    page = client.get(answer.headers["Location"]).text
    assert "09:00–11:00，休息 15 分钟" in page
    assert "13:00–15:00" in page


# --- the review ------------------------------------------------------------------------------------------------------


def attended(app: Flask, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        scene.scan(session, 0, "08:52", place_fit="far")
        scene.scan(session, 0, "11:40", wanted="out")
        scene.scan(session, 1, "09:00")
    set_clock("12:30")


def test_one_person_step_by_step_and_overtime_said_with_a_reason(app: Flask, client: FlaskClient) -> None:
    scene = make(app, overtime_limit_minutes=60, **SPOT)
    attended(app, scene)
    sign_in(client, scene.organiser.id)
    path = f"/organise/shifts/{scene.shift_id}/review/{volunteer(scene)}"
    page = client.get(path).text
    assert "08:52，早到的不算，按 09:00 算" in page
    assert "还没有确认加时，暂时不算" in page
    assert "附了位置：离现场较远" in page
    assert 'name="overtime" type="text" value="40"' in page  # what was stayed, to be agreed to
    for wrong in ({"overtime": "61", "reason": "收摊"}, {"overtime": "30"}, {"overtime": "", "reason": "收摊"}):
        refused = client.post(path, data={"form": "overtime", "form_key": "o", **wrong})
        assert (refused.status_code, 'id="mistakes"' in refused.text) == (422, True)
    said = {"form": "overtime", "form_key": "o", "overtime": "30", "reason": "留下收摊"}
    for _ in range(2):
        assert client.post(path, data=said).status_code == 303
    page = client.get(path).text
    assert "多留 40 分钟，确认过的加时算 30 分钟" in page
    assert "确认过，最多算 30 分钟" in page
    with app.app_context():
        kept = find_attendance(db.session(), scene.shift_id, volunteer(scene))
        assert kept is not None
        assert (kept.signed_minutes, kept.review_note) == (150, "留下收摊")
        assert db.session.scalar(select(sa.func.count()).select_from(Overtime)) == 1


def test_flags_are_counted_and_the_list_can_show_only_those(app: Flask, client: FlaskClient) -> None:
    scene = make(app, overtime_limit_minutes=60, **SPOT)
    attended(app, scene)
    sign_in(client, scene.organiser.id)
    path = f"/organise/shifts/{scene.shift_id}/review"
    first, second = (volunteer.name for volunteer in scene.volunteers[:2])
    page = client.get(path).text
    assert re.search(r'只看有提醒的<span class="count">2</span>', page)
    assert re.search(r'离得较远<span class="count">1</span>', page)
    assert re.search(r'第一次参加<span class="count">2</span>', page)
    assert "早到的时间不算。" in page
    only = client.get(f"{path}?flag=far").text
    assert (f"：{first}</span>" in only, f"：{second}</span>" in only) == (True, False)
    assert "没有这种提醒" in client.get(f"{path}?flag=poster").text
    assert client.get(f"{path}?flag=luck").text.count("更改") == page.count("更改")
    everybody = client.get(f"{path}?flag=any").text
    assert f"：{second}</span>" in everybody


def test_the_approver_reads_how_it_was_counted_and_what_was_flagged(app: Flask, client: FlaskClient) -> None:
    scene = make(app, overtime_limit_minutes=60, **SPOT)
    with app.app_context(), transaction() as session:
        scene.scan(session, 0, "08:52", place_fit="far")
        scene.scan(session, 0, "11:00", wanted="out")
        scene.submit(session)
    sign_in(client, scene.manager.id)
    page = client.get(f"/organise/shifts/{scene.shift_id}/approve").text
    assert "要组织者逐人确认才算，最多 1 小时" in page
    assert "离得较远 1 人" in page
