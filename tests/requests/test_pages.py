"""Pages of requests: one good and one refused request per door, and the whole way by forms alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests.requests.scene import AFTER, DAY, NOW, PLACE, TODAY, Scene
from tests.world import sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.jobs.tasks import JOBS
from timebank.jobs.tasks import Place as Program
from timebank.members.models import Member
from timebank.requests.models import HelpLook, HelpRating, HelpRequest

As = Callable[[str], FlaskClient]


@pytest.fixture(autouse=True)
def nine_on_saturday() -> Iterator[None]:
    clock.move(NOW - clock.now())
    yield
    clock.put_right()


@pytest.fixture
def people(app: Flask) -> dict[str, int]:
    with app.app_context(), transaction() as session:
        scene = Scene(session)
        names = ("lady", "grid", "organiser", "manager", "second", "wang", "zhou")
        return {name: getattr(scene, name).id for name in names} | {"branch": scene.branch.id}


@pytest.fixture
def as_(app: Flask, people: dict[str, int]) -> As:
    def opened(name: str) -> FlaskClient:
        client = app.test_client()
        sign_in(client, people[name])
        return client

    return opened


def made(app: Flask, **more: object) -> int:
    """A request in some state, made by services: ``upto`` names the scene's verb."""
    upto = more.pop("upto", "ask")
    with app.app_context(), transaction() as session:
        scene = Scene.found(session)
        if upto == "ask":
            return scene.ask(**more).id  # type: ignore[arg-type]
        if upto == "dispatch":
            return scene.dispatch(scene.ask(**more)).id  # type: ignore[arg-type]
        return {"running": scene.running, "done": scene.done}[str(upto)](**more).id


def status(app: Flask, request_id: int) -> str:
    with app.app_context():
        return db.session.get_one(HelpRequest, request_id).status


def form_of(app: Flask, people: dict[str, int], **more: str) -> dict[str, str]:
    with app.app_context():
        lady = db.session.get_one(Member, people["lady"])
        known = {
            "form_key": "form-1",
            "number": lady.number,
            "name": lady.name,
            "heard": "visit",
            "kind": "request",
            "category": "accompany",
            "title": "陪老人去医院复查",
            "place": PLACE,
            "first_day": TODAY.isoformat(),
            "last_day": (TODAY + 7 * DAY).isoformat(),
            "part_of_day": "morning",
            "length_hours": "1",
            "length_minutes": "30",
            "source": "own",
            "consented": "1",
        }
    return known | more


def test_asking_by_form_leads_to_the_request(app: Flask, people: dict[str, int], as_: As) -> None:
    client = as_("grid")
    assert "给谁点单" in client.get("/requests/new").text
    for _ in range(2):
        answer = client.post("/requests/new", data=form_of(app, people))
        assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "陪老人去医院复查" in page
    assert PLACE not in page
    refused = client.post("/requests/new", data=form_of(app, people, form_key="form-2", name="陈秀莲"))
    assert (refused.status_code, "会员号和姓名对不上" in refused.text) == (422, True)


def test_a_volunteer_asks_for_themselves_and_not_for_strangers(app: Flask, people: dict[str, int], as_: As) -> None:
    client = as_("zhou")
    assert "替家人点单" in client.get("/requests/new").text
    assert client.post("/requests/new", data=form_of(app, people)).status_code == 403
    own = form_of(app, people, number="", name="", consented="", source="none", kind="wish", length_hours="0")
    assert client.post("/requests/new", data=own | {"length_minutes": "0"}).status_code == 303


def test_the_whole_way_by_forms(app: Flask, people: dict[str, int], as_: As) -> None:
    asked = as_("grid").post("/requests/new", data=form_of(app, people)).location
    boss, wang = as_("manager"), as_("wang")
    assert "陪老人去医院复查" in boss.get("/branch/requests").text
    assert "等受理的点单" in boss.get("/branch").text
    assert boss.post(f"{asked}/take-up").status_code == 303
    sent = {"source": "own", "length_hours": "1", "length_minutes": "30", "to_all": "1"}
    assert boss.post(f"{asked}/dispatch", data=sent).status_code == 303
    assert "王师傅" in boss.get(asked).text  # suggested: lives near
    assert boss.post(f"{asked}/invite", data={"who": str(people["wang"])}).status_code == 303
    assert "网点想请您帮忙" in wang.get("/me").text
    assert "我来接单" in wang.get(asked).text
    assert wang.post(f"{asked}/claim", data={"starts_at": "2026-11-22T09:00"}).status_code == 303
    page = wang.get(asked).text
    assert "查看服务对象" in page
    assert "陈秀兰" not in page
    seen = wang.post(f"{asked}/look").text
    assert "陈秀兰" in seen
    assert "13805740082" in seen
    assert PLACE in seen
    assert "王师傅" in boss.get(asked).text.split("谁看过服务对象")[1]


def test_who_could_merely_take_it_learns_nobodys_name(app: Flask, as_: As) -> None:
    own = made(app, upto="dispatch", by=None, number="", name="", source="none")
    assert own
    page = as_("zhou").get(f"/requests/{own}").text
    assert "我来接单" in page
    assert "孙网格员" not in page
    assert "T09:00" in page
    assert "孙网格员 点单" in as_("organiser").get(f"/requests/{own}").text


def test_saying_no_and_giving_back(app: Flask, people: dict[str, int], as_: As) -> None:
    request_id = made(app, upto="dispatch")
    url = f"/requests/{request_id}"
    assert as_("zhou").post(f"{url}/refuse").status_code == 303
    assert as_("zhou").post(f"{url}/claim", data={"starts_at": "2026-12-22T09:00"}).status_code == 422
    assert as_("zhou").post(f"{url}/claim", data={"starts_at": "2026-11-22 09:00"}).status_code == 303
    assert as_("wang").post(f"{url}/claim", data={"starts_at": "2026-11-22T09:00"}).status_code == 404
    assert as_("zhou").post(f"{url}/release").status_code == 422
    assert as_("zhou").post(f"{url}/release", data={"reason": "有事"}).location.endswith("/me/requests?side=taken")
    assert status(app, request_id) == "open"


def test_another_time_by_form(app: Flask, as_: As) -> None:
    request_id = made(app, upto="running")
    url = f"/requests/{request_id}"
    assert as_("wang").post(f"{url}/move").status_code == 422
    assert as_("lady").post(f"{url}/move", data={"starts_at": "2026-11-23T10:00"}).status_code == 403
    assert as_("wang").post(f"{url}/move", data={"starts_at": "2026-11-23T10:00"}).status_code == 303
    assert "2026-11-23 周一 10:00" in as_("lady").get(url).text


def test_declining_withdrawing_handing_over(app: Flask, people: dict[str, int], as_: As) -> None:
    request_id = made(app, upto="dispatch")
    url = f"/requests/{request_id}"
    assert as_("manager").post(f"{url}/decline").status_code == 422
    with app.app_context():
        number = db.session.get_one(Member, people["second"]).number
    assert as_("organiser").post(f"{url}/hand-over", data={"number": number}).status_code == 403
    assert as_("manager").post(f"{url}/hand-over", data={"number": "HL0"}).status_code == 422
    assert as_("manager").post(f"{url}/hand-over", data={"number": number}).status_code == 303
    assert as_("zhou").post(f"{url}/withdraw").status_code == 403
    assert as_("lady").post(f"{url}/withdraw").status_code == 303
    assert "已撤回" in as_("grid").get(url).text
    assert as_("second").post(f"{url}/decline", data={"reason": "不行"}).status_code == 409


def test_a_wish_comes_true_by_one_press(app: Flask, as_: As) -> None:
    wish = {"kind": "wish", "source": "none", "minutes": 0, "title": "想要一个放大镜", "category": "other"}
    request_id = made(app, upto="running", **wish)
    assert as_("wang").post(f"/requests/{request_id}/confirm").status_code == 403
    assert as_("lady").post(f"/requests/{request_id}/confirm").status_code == 303
    assert status(app, request_id) == "done"


def test_rating_after_the_approval(app: Flask, people: dict[str, int], as_: As) -> None:
    request_id = made(app, upto="running")
    url = f"/requests/{request_id}"
    assert as_("lady").post(f"{url}/rate", data={"score": "5"}).status_code == 409
    with app.app_context(), transaction() as session:
        scene = Scene.found(session)
        request = session.get_one(HelpRequest, request_id)
        scene.serve(request)
        scene.approve(request)
    clock.move(AFTER - clock.now())
    assert "给 王师傅 一个评价" in as_("lady").get(url).text
    assert as_("lady").post(f"{url}/rate").status_code == 422
    assert as_("lady").post(f"{url}/rate", data={"score": "5", "words": "很耐心"}).status_code == 303
    assert as_("grid").post(f"{url}/rate", data={"score": "4"}).status_code == 409
    assert as_("wang").post(f"{url}/rate", data={"score": "5"}).status_code == 303
    with app.app_context():
        assert sorted(db.session.scalars(sa.select(HelpRating.side))) == ["served", "volunteer"]


def test_lists_show_what_one_may_take_and_what_is_ones_own(app: Flask, people: dict[str, int], as_: As) -> None:
    made(app, upto="dispatch", category="care", title="照看半天", source="none")
    made(app, upto="dispatch", category="visit", title="陪聊天", source="none")
    page = as_("wang").get("/requests").text
    assert page.index("照看半天") < page.index("陪聊天")
    assert "我能做" in page
    assert "陪聊天" not in as_("wang").get("/requests?category=care").text
    assert "没有符合的" in as_("wang").get("/requests?kind=wish").text
    assert "照看半天" in as_("lady").get("/me/requests").text
    assert "照看半天" not in as_("lady").get("/requests").text
    assert "还没有接过单" in as_("wang").get("/me/requests?side=taken").text
    for part in ("asked", "open", "running", "ended"):
        assert as_("manager").get(f"/branch/requests?part={part}").status_code == 200
    assert as_("grid").get("/branch/requests").status_code == 403


def test_staff_come_from_a_members_page_with_the_name_filled_in(people: dict[str, int], as_: As) -> None:
    assert 'value="陈秀兰"' in as_("manager").get(f"/requests/new?member={people['lady']}").text
    assert 'value="陈秀兰"' not in as_("grid").get(f"/requests/new?member={people['lady']}").text
    assert "替 陈秀兰 点单" in as_("manager").get(f"/branch/members/{people['lady']}").text


def test_the_jobs_settle_end_and_remind(app: Flask, people: dict[str, int], tmp_path: Path) -> None:
    request_id = made(app, upto="dispatch")
    with app.app_context():
        place = Program(keys=app.extensions["timebank_keys"], archives=tmp_path)
        assert JOBS["remind_of_requests"](place, NOW + 6 * DAY) == 1
        assert JOBS["settle_requests"](place, NOW + 9 * DAY) == 1
        assert JOBS["settle_requests"](place, NOW + 9 * DAY) == 0
    assert status(app, request_id) == "expired"


def test_looking_is_refused_without_a_trace(app: Flask, as_: As) -> None:
    request_id = made(app, upto="running")
    assert as_("zhou").post(f"/requests/{request_id}/look").status_code == 404
    assert as_("lady").post(f"/requests/{request_id}/look").status_code == 403
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(HelpLook)) == 0


def test_a_look_leaves_the_other_forms_as_they_were(app: Flask, as_: As) -> None:
    request_id = made(app)
    page = as_("manager").post(f"/requests/{request_id}/look").text
    assert 'value="own" checked' in page
    assert 'name="length_minutes" value="30"' in page
