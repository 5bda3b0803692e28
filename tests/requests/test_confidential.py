"""A confidential recipient: every page, list, notice, file and package is walked for the name; looks are kept."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from tests.archives.months import close_of
from tests.requests.scene import AFTER, DAY, NOW, PLACE, Scene
from tests.world import KEYS, make_member, sign_in
from timebank.archives import closing
from timebank.core import clock
from timebank.core.db import Base, db, transaction
from timebank.core.errors import Invalid
from timebank.ledger.models import Entry
from timebank.members.models import FAMILY, Member, RoleGrant
from timebank.members.service import end_role, link_by_staff
from timebank.requests import queries, service
from timebank.requests.models import FUND, NONE, OWN, HelpLook, HelpRequest

CONFIDENTIAL: dict[str, Any] = {"confidential": True, "source": FUND, "consented": False}
PHONE = "13805740082"
SECRETS = ("陈秀兰", "陈奶奶", PHONE, "向阳路 12 弄")
As = Callable[[str], FlaskClient]


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def test_the_recipients_own_coins_would_tell(scene: Scene) -> None:
    with pytest.raises(service.BadRequest):
        scene.ask(**CONFIDENTIAL | {"source": OWN, "consented": True})
    request = scene.ask(**CONFIDENTIAL | {"source": NONE})
    with pytest.raises(Invalid):
        scene.dispatch(request, source=OWN, consented=True)
    with pytest.raises(Invalid):
        scene.dispatch(request, to_all=True)


def test_only_who_goes_there_and_who_coordinates_looks_and_every_look_is_kept(session: Session, scene: Scene) -> None:
    request = scene.running(**CONFIDENTIAL)

    def look(member: Member) -> service.Looked:
        return service.look(session, request.id, actor=scene.actor(member), keys=KEYS, now=NOW)

    for member in (scene.wang, scene.manager):
        seen = look(member)
        assert (seen.name, seen.phone, seen.place) == ("陈秀兰", PHONE, PLACE)
        assert "陈秀兰" not in repr(seen)
    inspector = make_member(session, scene.branch, "孙监督", roles=("inspector",))
    for member in (scene.second, scene.organiser, scene.grid, scene.lady, inspector):
        with pytest.raises(service.NotToSee):
            look(member)
    with pytest.raises(queries.RequestNotFound):
        look(scene.zhou)
    assert [one.by_id for one in queries.list_looks(session, request.id)] == [scene.manager.id, scene.wang.id]
    service.hand_over(session, request.id, number=scene.second.number, actor=scene.actor(scene.manager), now=NOW)
    assert look(scene.second).name == "陈秀兰"
    with pytest.raises(service.NotToSee):
        look(scene.manager)
    scene.serve(request)
    scene.approve(request)
    scene.settle()
    with pytest.raises(service.NotToSee):
        look(scene.wang)  # it is done: there is no reason to go there any more


def test_staff_who_see_it_learn_nothing_by_trying_to_take_it(session: Session, scene: Scene) -> None:
    link_by_staff(session, scene.lady.id, scene.second.number, kind=FAMILY, actor=scene.actor(scene.manager), now=NOW)
    request = scene.dispatch(scene.ask(**CONFIDENTIAL | {"source": NONE}))
    for member in (scene.second, scene.organiser):  # one of them is family: the answer is the same
        with pytest.raises(service.AskedNobody):
            scene.claim(request, by=member)


def test_who_lost_the_role_coordinates_nothing(session: Session, scene: Scene) -> None:
    request = scene.running(**CONFIDENTIAL)
    grant = session.scalars(sa.select(RoleGrant.id).where(RoleGrant.member_id == scene.manager.id)).one()
    end_role(session, grant, actor=scene.actor(make_member(session, scene.branch, roles=("administrator",))), now=NOW)
    with pytest.raises(queries.RequestNotFound):
        service.look(session, request.id, actor=scene.actor(scene.manager), keys=KEYS, now=NOW)


def test_staff_look_at_others_on_record_as_well(session: Session, scene: Scene) -> None:
    request = scene.running()
    service.look(session, request.id, actor=scene.actor(scene.organiser), keys=KEYS, now=NOW)
    assert [one.by_id for one in queries.list_looks(session, request.id)] == [scene.organiser.id]


def test_a_pseudonym_stands_for_them_everywhere(session: Session, scene: Scene) -> None:
    request = scene.done(**CONFIDENTIAL)
    shown = queries.show(session, request, scene.actor(scene.second), now=AFTER)
    assert (shown.recipient, shown.asked_by, shown.area) == (f"服务对象 {request.id}", "不显示", "")
    assert request.shift is not None
    assert request.shift.activity.title == f"陪同就医：服务对象 {request.id}"
    booked = session.execute(sa.select(Entry.facts, Entry.for_member_id)).all()
    assert not [secret for secret in SECRETS if secret in str(booked)]


def test_no_table_but_that_of_requests_ties_the_recipient_to_the_service(session: Session, scene: Scene) -> None:
    """Rows written by the whole way of a confidential request: none names the recipient, in any column."""
    before = _rows(session)
    request = scene.done(**CONFIDENTIAL)
    service.rate(session, request.id, score=5, words="很好", actor=scene.actor(scene.grid), now=AFTER)
    written = {name: rows - before[name] for name, rows in _rows(session).items()}
    named = [name for name, rows in written.items() for row in rows if any(secret in row for secret in SECRETS)]
    assert named == []


def _rows(session: Session) -> dict[str, set[str]]:
    session.flush()
    tables = [table for table in Base.metadata.sorted_tables if table.name != "member"]
    return {table.name: {str(tuple(row)) for row in session.execute(table.select())} for table in tables}


# --- pages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(app: Flask) -> Iterator[dict[str, int]]:
    clock.move(NOW - clock.now())
    with app.app_context(), transaction() as session:
        scene = Scene(session)
        found = {name: getattr(scene, name).id for name in ("lady", "grid", "organiser", "manager", "second", "wang")}
        found["zhou"] = scene.zhou.id
        found["inspector"] = make_member(session, scene.branch, "孙监督", roles=("inspector",)).id
        found["request"] = scene.running(**CONFIDENTIAL).id
        found["branch"] = scene.branch.id
    yield found
    clock.put_right()


@pytest.fixture
def as_(app: Flask, people: dict[str, int]) -> As:
    def opened(name: str) -> FlaskClient:
        client = app.test_client()
        sign_in(client, people[name])
        return client

    return opened


@pytest.mark.parametrize("who", ["second", "organiser", "inspector", "grid", "wang", "zhou"])
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_no_page_about_services_names_them(app: Flask, people: dict[str, int], as_: As, who: str) -> None:
    """Pages about members name members; no page on which a request or its service stands does."""
    client, told = as_(who), []
    with app.app_context():
        request = db.session.get_one(HelpRequest, people["request"])
        things = {
            "help_request_id": request.id,
            "shift_id": request.shift_id,
            "activity_id": request.shift.activity_id if request.shift else 0,
            "branch_id": request.branch_id,
        }
    for rule in _pages(app, things):
        url = _url(app, rule, things)
        answer = client.get(url)
        page = answer.get_data().decode("utf-8", "ignore")
        answer.close()
        if f"服务对象 {things['help_request_id']}" in page or "陪老人去医院复查" in page:
            told += [f"{url}: {secret}" for secret in SECRETS if secret in page]
    assert told == []


def _pages(app: Flask, things: dict[str, Any]) -> list[Rule]:
    return [
        rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint != "static" and set(rule.arguments) <= things.keys()
    ]


def _url(app: Flask, rule: Rule, things: dict[str, Any]) -> str:
    with app.test_request_context():
        return app.url_for(rule.endpoint, **{name: things[name] for name in rule.arguments})


@pytest.mark.parametrize(
    ("who", "answer"),
    [("manager", 200), ("wang", 200), ("second", 403), ("organiser", 403), ("inspector", 403), ("grid", 403)],
)
def test_the_press_answers_two_people_and_the_log_is_read_by_staff(
    people: dict[str, int], as_: As, who: str, answer: int
) -> None:
    url = f"/requests/{people['request']}"
    seen = as_(who).post(f"{url}/look")
    assert seen.status_code == answer
    assert ("陈秀兰" in seen.text) is (answer == 200)
    if answer == 200:
        for reader in ("manager", "inspector", "lady"):
            assert "谁看过服务对象" in as_(reader).get(url).text
        assert "谁看过服务对象" not in as_("grid").get(url).text


def test_strangers_do_not_even_learn_that_there_is_a_service(app: Flask, people: dict[str, int], as_: As) -> None:
    with app.app_context():
        request = db.session.get_one(HelpRequest, people["request"])
        assert request.shift is not None
        shift_id, activity_id = request.shift_id, request.shift.activity_id
    zhou, visitor = as_("zhou"), app.test_client()
    assert zhou.get(f"/requests/{people['request']}").status_code == 404
    for client in (zhou, visitor):
        for url in (
            f"/activities/{activity_id}",
            f"/activities/{activity_id}/poster.png",
            f"/activities/{activity_id}/poster.pdf",
            f"/shifts/{shift_id}/calendar.ics",
        ):
            assert client.get(url).status_code == 404
        for url in ("/", "/activities", "/activities?view=calendar"):
            assert "服务对象" not in client.get(url).text
    assert as_("wang").get(f"/activities/{activity_id}").status_code == 200
    assert as_("wang").get(f"/shifts/{shift_id}/calendar.ics").status_code == 200


def test_the_months_package_and_the_journal_carry_the_pseudonym(
    app: Flask, people: dict[str, int], tmp_path: Path
) -> None:
    with app.app_context(), transaction() as session:
        scene = Scene.found(session)
        request = session.get_one(HelpRequest, people["request"])
        scene.serve(request)
        scene.approve(request)
        scene.settle()
        branch = scene.branch
        _ = branch.code
        session.expunge(branch)
    with app.app_context():
        close = close_of(branch, "2026-11", tmp_path, now=NOW + 14 * DAY)
        closing.run(close)
    [package] = list(tmp_path.rglob("*.zip"))
    with zipfile.ZipFile(package) as opened:
        texts = {name: opened.read(name).decode("utf-8", "ignore") for name in opened.namelist()}
    services = "\n".join(text for name, text in texts.items() if "members" not in name)
    assert f"服务对象 {people['request']}" in services
    assert [secret for secret in SECRETS if secret in "\n".join(texts.values())] == []


def test_nothing_was_looked_at_by_walking(app: Flask, people: dict[str, int], as_: As) -> None:
    as_("manager").get(f"/requests/{people['request']}")
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(HelpLook)) == 0
