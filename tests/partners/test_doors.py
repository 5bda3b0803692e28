"""The desk's pages from a link to a voucher taken, what they never show, and the managers' pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.exchange.scene import give
from tests.partners.scene import Partners
from tests.world import KEYS, make_branch, make_member, sign_in
from timebank.app import create_app
from timebank.core import clock
from timebank.core.clock import month_of
from timebank.core.db import db, transaction
from timebank.exchange.models import FULFILLED, Order
from timebank.partners import rules
from timebank.partners.models import PartnerDesk
from timebank.web.limits import limiter


@dataclass
class Ids:
    """What these tests ask for."""

    manager: int
    asker: int
    stranger: int
    theatre: int
    desk: int
    voucher: str
    other: str
    names: tuple[str, ...]


@pytest.fixture
def ids(app: Flask) -> Ids:
    """A desk whose link waits, a voucher for it and one for the dairy."""
    with app.app_context(), transaction() as session:
        scene = Partners(session, now=clock.now())
        give(session, scene.town.asker, 600, now=clock.now())
        desk = scene.open(claimed=False)
        orders = [scene.town.order(offer) for offer in (scene.play, scene.milk)]
        stranger = make_member(session, make_branch(session, "XQ"), "孙站长", roles=("manager",))
        asker = scene.town.asker
        return Ids(
            manager=scene.town.manager.id,
            asker=asker.id,
            stranger=stranger.id,
            theatre=scene.theatre.id,
            desk=desk.id,
            voucher=orders[0].voucher,
            other=orders[1].voucher,
            names=(asker.name, asker.alias, asker.number),
        )


As = Callable[[int], FlaskClient]


@pytest.fixture
def as_member(app: Flask) -> As:
    """The browser of a member."""

    def opened(member_id: int) -> FlaskClient:
        client = app.test_client()
        sign_in(client, member_id)
        return client

    return opened


def link_of(desk_id: int) -> str:
    return f"/desk/open/{rules.note_of(KEYS, rules.LINK, desk_id)}"


@pytest.fixture
def desk(app: Flask, ids: Ids) -> FlaskClient:
    """The device at the box office."""
    client = app.test_client()
    assert client.post(link_of(ids.desk)).status_code == 303
    return client


def test_a_link_opens_a_desk_once(app: Flask, ids: Ids) -> None:
    first, second = app.test_client(), app.test_client()
    assert "在这台设备上使用" in first.get(link_of(ids.desk)).text
    assert first.post(link_of(ids.desk)).location == "/desk"
    assert "核销兑换券" in first.get("/desk").text
    assert first.get(link_of(ids.desk)).location == "/desk"
    assert "已经用过或者过期" in second.get(link_of(ids.desk)).text
    assert "已经用过或者过期" in second.post(link_of(ids.desk), follow_redirects=True).text
    assert second.get("/desk").location.startswith("/sign-in")


def test_a_link_that_is_not_ours_leads_nowhere(client: FlaskClient, ids: Ids) -> None:
    assert client.get(f"/desk/open/{ids.desk}.AAAA").status_code == 404
    assert client.post(f"/desk/open/{rules.note_of(KEYS, rules.COOKIE, ids.desk)}").status_code == 404


def test_a_voucher_is_looked_at_taken_and_used_up(desk: FlaskClient, ids: Ids) -> None:
    found = desk.post("/desk", data={"voucher": f"https://any.example/vouchers/{ids.voucher}"})
    assert found.location == f"/desk/vouchers/{ids.voucher}"
    page = desk.get(found.location).text
    assert "有效" in page
    assert "话剧票 × 1" in page
    assert not any(name in page for name in ids.names)
    taken = desk.post(found.location, follow_redirects=True).text
    assert "核销好了" in taken
    assert "已经用过" in taken
    assert not any(name in taken for name in ids.names)
    assert "不要再给" in desk.post(found.location, follow_redirects=True).text
    with desk.application.app_context():
        order = db.session.scalars(select(Order).where(Order.voucher == ids.voucher)).one()
        assert (order.status, order.desk_name) == (FULFILLED, "北仑大剧院 东门")


def test_the_member_reads_which_desk_it_was(desk: FlaskClient, ids: Ids, as_member: As) -> None:
    desk.post(f"/desk/vouchers/{ids.voucher}")
    with desk.application.app_context():
        order_id = db.session.scalars(select(Order.id).where(Order.voucher == ids.voucher)).one()
    assert "北仑大剧院 东门核销台" in as_member(ids.asker).get(f"/orders/{order_id}").text


def test_vouchers_of_others_look_like_none(desk: FlaskClient, ids: Ids) -> None:
    for ask in (desk.get, desk.post):
        for code in (ids.other, "D2345678923", "nonsense"):
            answer = ask(f"/desk/vouchers/{code}")
            assert answer.status_code == 404
            assert "不是本台的券" in answer.text
            assert "鲜奶" not in answer.text


def test_a_slip_of_the_finger_is_said_at_the_box(desk: FlaskClient) -> None:
    for typed, said in (("", "请输入或扫描"), ("D12", "可能有一位看错了"), ("P1ABC", "这不是兑换券")):
        answer = desk.post("/desk", data={"voucher": typed})
        assert answer.status_code == 422
        assert said in answer.text


def test_a_closed_desk_says_so_and_takes_nothing(desk: FlaskClient, ids: Ids, as_member: As) -> None:
    assert as_member(ids.manager).post(f"/branch/desks/{ids.desk}/close").status_code == 303
    for answer in (desk.get("/desk"), desk.post("/desk"), desk.post(f"/desk/vouchers/{ids.voucher}")):
        assert answer.status_code == 403
        assert "已经停用" in answer.text


def test_a_desk_opens_nothing_else_and_members_open_no_desk(desk: FlaskClient, ids: Ids, as_member: As) -> None:
    assert desk.get(f"/vouchers/{ids.voucher}").location.startswith("/sign-in")
    assert as_member(ids.manager).get("/desk").status_code == 403


def test_wrong_codes_are_limited_per_address(settings: dict[str, Any], ids: Ids) -> None:
    app = create_app(settings | {"RATE_LIMITS": True})
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    try:
        desk = app.test_client()
        assert desk.post(link_of(ids.desk)).status_code == 303
        answers = [desk.post("/desk", data={"voucher": f"D{at}"}).status_code for at in range(21)]
        assert answers == [422] * 20 + [429]
    finally:
        limiter.reset()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_a_manager_opens_a_desk_and_finds_its_link(ids: Ids, as_member: As) -> None:
    manager = as_member(ids.manager)
    form = {"form_key": "west", "organisation_id": str(ids.theatre), "name": "西门"}
    made = manager.post("/branch/desks", data=form)
    assert made.status_code == 303
    page = manager.get(made.location).text
    with manager.application.app_context():
        desk_id = db.session.scalars(select(PartnerDesk.id).where(PartnerDesk.name == "西门")).one()
    assert link_of(desk_id) in page
    assert "北仑大剧院 西门" in manager.get("/branch/desks").text
    assert manager.post("/branch/desks", data=form | {"name": ""}).status_code == 422
    assert as_member(ids.stranger).get(made.location).status_code == 403


def test_a_month_is_read_printed_and_saved(desk: FlaskClient, ids: Ids, as_member: As) -> None:
    desk.post(f"/desk/vouchers/{ids.voucher}")
    manager, month = as_member(ids.manager), month_of(clock.now())
    overview = manager.get("/branch/slips").text
    assert "北仑大剧院" in overview
    assert "两边都是" in overview
    page = manager.get(f"/branch/slips/{ids.theatre}/{month}").text
    assert ids.voucher[-4:] in page
    assert ids.voucher not in page
    assert not any(name in page for name in ids.names)
    table = manager.get(f"/branch/slips/{ids.theatre}/{month}.csv").text
    assert f"话剧票,{ids.voucher[-4:]},1,30" in table
    assert manager.get(f"/branch/slips/{ids.theatre}/{month}.pdf").data.startswith(b"%PDF")
    assert manager.get(f"/branch/slips/{ids.theatre}/2026-13").status_code == 404
    assert manager.get(f"/branch/slips/{ids.theatre}/{month}.doc").status_code == 404
    assert as_member(ids.stranger).get(f"/branch/slips/{ids.theatre}/{month}").status_code == 404
    assert as_member(ids.asker).get("/branch/slips").status_code == 403
