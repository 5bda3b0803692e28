"""Pages of what is offered: rooms by the hour, pictures, hours, sharing, teams, and what people look for."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.attendance.paper import a_picture
from tests.exchange.scene import Scene, give
from tests.world import actor_of, make_branch, make_member, sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.exchange import queries
from timebank.exchange.models import CHOSEN, Need, Offer, OfferClosure, OfferPhoto, Order
from timebank.members.service import create_team, join_team, set_leader

As = Callable[[int], FlaskClient]


@dataclass
class Ids:
    """Who and what these tests ask for."""

    branch: int
    next_door: int
    barber: int
    asker: int
    manager: int
    haircut: int
    team: int
    area: int


@pytest.fixture
def ids(app: Flask) -> Ids:
    """The neighbourhood, a team that the barber leads with one more, and a branch next door."""
    with app.app_context(), transaction() as session:
        now = clock.now()
        scene = Scene(session, now=now)
        give(session, scene.asker, 1200, now=now)
        boss = actor_of(session, scene.manager)
        team = create_team(session, branch_id=scene.branch.id, name="维修队", kind="", actor=boss, now=now)
        for member in (scene.barber, make_member(session, scene.branch, "孙扳手", now=now)):
            join_team(session, team.id, member.id, actor=boss, now=now)
        set_leader(session, team.id, scene.barber.id, actor=boss)
        other = make_branch(session, "XQ", now=now)
        ids = (scene.branch.id, other.id, scene.barber.id, scene.asker.id, scene.manager.id, scene.haircut.id)
        return Ids(*ids, team=team.id, area=scene.branch.area_id)


@pytest.fixture
def as_member(app: Flask) -> As:
    """The browser of a member."""

    def opened(member_id: int) -> FlaskClient:
        client = app.test_client()
        sign_in(client, member_id)
        return client

    return opened


OFFER = {"form_key": "k", "title": "会议室", "price_hours": "1", "price_minutes": "0"}
ROOM = OFFER | {
    **{"category": "room", "capacity": "1", "hours-0-first": "1", "hours-0-last": "7"},
    **{"hours-0-opens": "08:00", "hours-0-closes": "20:00"},
}


def only(app: Flask, kind: type[Offer | Need | OfferClosure | OfferPhoto | Order]) -> int:
    with app.app_context():
        return int(db.session.scalars(select(kind.id).order_by(kind.id.desc())).first() or 0)


@pytest.fixture
def room(app: Flask, ids: Ids, as_member: As) -> int:
    """A room of the branch that opens every day."""
    made = as_member(ids.manager).post("/branch/resources/new", data=ROOM)
    assert made.status_code == 302
    return only(app, Offer)


def test_a_room_is_booked_from_its_calendar(app: Flask, ids: Ids, room: int, as_member: As) -> None:
    asker = as_member(ids.asker)
    day = clock.today(clock.now()) + timedelta(days=1)
    assert "看日历" in asker.get(f"/offers/{room}").text
    at = f"{day}T09:00"
    assert f"at={at}".replace(":", "%3A") in asker.get(f"/offers/{room}/calendar").text.replace(
        at, at.replace(":", "%3A")
    )
    assert "09:00 起" in asker.get(f"/offers/{room}?at={at}").text
    form = {"form_key": "book", "quantity": "2", "starts_at": at, "seen_price_minutes": "60"}
    assert asker.post(f"/offers/{room}", data=form).status_code == 302
    page = asker.get(f"/orders/{only(app, Order)}").text
    assert "09:00 起 2 小时" in page
    assert "我订的" in asker.get(f"/offers/{room}/calendar?from={day}").text
    full = asker.post(f"/offers/{room}", data=form | {"form_key": "again"})
    assert (full.status_code, "已经订满" in full.text) == (409, True)


def test_a_room_that_was_used_in_part_is_taken_in_part_and_nobody_earns(
    app: Flask, ids: Ids, room: int, as_member: As
) -> None:
    day = clock.today(clock.now()) + timedelta(days=1)
    form = {"form_key": "book", "quantity": "2", "starts_at": f"{day}T09:00", "seen_price_minutes": "60"}
    as_member(ids.asker).post(f"/offers/{room}", data=form)
    with app.app_context():
        voucher = db.session.get_one(Order, only(app, Order)).voucher
    desk = as_member(ids.manager)
    part = {"minutes_hours": "1", "minutes_minutes": "0", "reason": "只用了一小时"}
    look = desk.post(f"/vouchers/{voucher}/part", data=part)
    assert (look.status_code, "谁提供" in look.text, "<dt>存入</dt>" in look.text) == (200, True, False)
    assert desk.post(f"/vouchers/{voucher}/part", data=part | {"then": "fulfil"}).status_code == 302
    with app.app_context():
        order = db.session.get_one(Order, only(app, Order))
        assert (order.booked_minutes, order.serves_id) == (60, None)


def test_a_room_without_a_time_is_refused_at_the_form(ids: Ids, room: int, as_member: As) -> None:
    answer = as_member(ids.asker).post(f"/offers/{room}", data={"form_key": "x", "quantity": "1"})
    assert answer.status_code == 422


def test_a_calendar_reads_nonsense_as_today_and_haircuts_have_none(ids: Ids, room: int, client: FlaskClient) -> None:
    assert client.get(f"/offers/{room}/calendar?from=gestern").status_code == 200
    assert client.get(f"/offers/{room}/calendar?from=2999-01-01").status_code == 200
    assert client.get(f"/offers/{ids.haircut}/calendar").location == f"/offers/{ids.haircut}"
    assert client.get(f"/offers/{room}?at=never").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hours-0-closes": "07:00"}, "结束要晚于开始"),
        ({"hours-0-first": "9"}, "1 到 7"),
        ({"hours-0-opens": ""}, "请填几点开始"),
        ({"capacity": "0"}, "1 到 99"),
        (
            {"hours-1-first": "2", "hours-1-opens": "10:00", "hours-1-closes": "11:00"},
            "重叠",
        ),
    ],
)
def test_hours_that_cannot_be_are_said_at_the_form(ids: Ids, as_member: As, wrong: dict[str, str], said: str) -> None:
    answer = as_member(ids.manager).post("/branch/resources/new", data=ROOM | wrong)
    assert (answer.status_code, said in answer.text) == (422, True)


def test_a_room_is_changed_and_its_hours_are_shown_again(app: Flask, ids: Ids, room: int, as_member: As) -> None:
    manager = as_member(ids.manager)
    assert 'value="08:00"' in manager.get(f"/branch/resources/{room}/edit").text
    changed = ROOM | {"title": "大会议室", "hours-0-closes": "12:00"}
    assert manager.post(f"/branch/resources/{room}/edit", data=changed).status_code == 302
    assert "每天 08:00-12:00" in manager.get(f"/offers/{room}").text
    assert manager.get(f"/branch/resources/{ids.haircut}/edit").location == f"/me/offers/{ids.haircut}/edit"
    assert manager.get(f"/me/offers/{room}/edit").location == f"/branch/resources/{room}/edit"
    assert as_member(ids.asker).get(f"/branch/resources/{room}/edit").status_code == 403


def test_days_are_closed_and_opened_again(app: Flask, ids: Ids, room: int, as_member: As) -> None:
    manager = as_member(ids.manager)
    day = clock.today(clock.now()) + timedelta(days=1)
    form = {"form_key": "c", "first_day": str(day), "last_day": str(day), "reason": "检修"}
    assert manager.post(f"/branch/resources/{room}/closures", data=form).status_code == 303
    assert "检修" in manager.get(f"/branch/resources/{room}/closures").text
    assert "不开放：检修" in manager.get(f"/offers/{room}/calendar").text
    assert manager.post(f"/branch/resources/{room}/closures", data=form | {"reason": ""}).status_code == 422
    lift = f"/branch/resources/{room}/closures/{only(app, OfferClosure)}/lift"
    assert manager.post(lift).status_code == 303
    assert "检修" not in manager.get(f"/offers/{room}/calendar").text
    assert manager.get(f"/branch/resources/{ids.haircut}/closures").status_code == 404


def test_pictures_are_added_shown_to_all_and_removed(app: Flask, ids: Ids, as_member: As, client: FlaskClient) -> None:
    barber, path = as_member(ids.barber), f"/me/offers/{ids.haircut}/photos"
    sent = barber.post(path, data={"photo": (io.BytesIO(a_picture((900, 700), "navy")), "shop.jpg")})
    assert sent.status_code == 303
    photo = only(app, OfferPhoto)
    seen = client.get(f"/offers/{ids.haircut}/photos/{photo}")
    assert (seen.mimetype, seen.data[:2]) == ("image/jpeg", b"\xff\xd8")
    assert f"/offers/{ids.haircut}/photos/{photo}" in client.get(f"/offers/{ids.haircut}").text
    assert f"/offers/{ids.haircut}/photos/{photo}" in client.get("/offers").text
    assert client.get(f"/offers/{ids.haircut + 1}/photos/{photo}").status_code == 404
    assert as_member(ids.asker).post(path, data={}).status_code == 404
    wrong = barber.post(path, data={"photo": (io.BytesIO(b"no picture"), "a.jpg")}, follow_redirects=True)
    assert "打不开" in wrong.text
    assert barber.post(f"{path}/{photo}/remove").status_code == 303
    assert client.get(f"/offers/{ids.haircut}/photos/{photo}").status_code == 404


def test_an_offer_is_shared_with_chosen_branches_by_its_form(app: Flask, ids: Ids, as_member: As) -> None:
    form = OFFER | {"title": "修伞", "category": "repair", "shared_with": CHOSEN, "area_id": str(ids.area)}
    barber = as_member(ids.barber)
    nobody = barber.post("/me/offers/new", data=form)
    assert (nobody.status_code, "至少勾选一个网点" in nobody.text) == (422, True)
    assert barber.post("/me/offers/new", data=form | {"branch_ids": [str(ids.next_door)]}).status_code == 302
    offer = only(app, Offer)
    page = barber.get(f"/me/offers/{offer}/edit").text
    assert f'value="{ids.next_door}" checked' in page
    with app.app_context():
        assert queries.list_shares(db.session(), offer) == {ids.next_door}


def test_a_leader_posts_for_the_team_and_sends_somebody(app: Flask, ids: Ids, as_member: As) -> None:
    barber, asker = as_member(ids.barber), as_member(ids.asker)
    form = OFFER | {"title": "修门窗", "category": "repair", "team_id": str(ids.team)}
    assert barber.post("/me/offers/new", data=form).status_code == 302
    offer = only(app, Offer)
    assert "维修队" in asker.get(f"/offers/{offer}").text
    asker.post(f"/offers/{offer}", data={"form_key": "o"})
    order = only(app, Order)
    page = barber.get(f"/orders/{order}").text
    assert "请谁去" in page
    with app.app_context():
        other = int(db.session.scalars(select(Order.provider_id).where(Order.id == order)).one() or 0)
        sent = next(
            one.member_id
            for one in db.session.get_one(Offer, offer).team.members
            if one.member_id != other  # type: ignore[union-attr]
        )
    assert barber.post(f"/orders/{order}/send", data={"member_id": str(sent)}).status_code == 302
    assert "孙扳手" in barber.get(f"/orders/{order}").text
    assert barber.post(f"/orders/{order}/send", data={"member_id": str(ids.asker)}).status_code == 409
    assert "等您去做" in as_member(sent).get("/me/orders").text or "等您答复" in as_member(sent).get("/me/orders").text


def test_a_branch_offers_a_service_of_its_own(app: Flask, ids: Ids, as_member: As) -> None:
    manager = as_member(ids.manager)
    form = OFFER | {"title": "代收快递", "category": "other"}
    assert manager.post("/branch/services/new", data=form).status_code == 302
    assert "代收快递" in manager.get("/branch/offers").text
    licensed = manager.post("/branch/services/new", data=form | {"form_key": "l", "category": "legal"})
    assert (licensed.status_code, "自己的名义" in licensed.text) == (422, True)
    assert as_member(ids.barber).get("/branch/services/new").status_code == 403


def test_a_licence_waits_at_the_desk_until_it_was_seen(app: Flask, ids: Ids, as_member: As) -> None:
    barber, manager, asker = as_member(ids.barber), as_member(ids.manager), as_member(ids.asker)
    form = OFFER | {"title": "法律咨询", "category": "legal", "licence": "律师证 1"}
    assert "核对证书" in barber.post("/me/offers/new", data=form, follow_redirects=True).text
    offer = only(app, Offer)
    assert "待核验的从业证书" in manager.get("/branch/offers").text
    assert "待核验的从业证书" in manager.get("/branch").text
    assert "法律咨询" not in asker.get("/offers?text=法律咨询").text.split("</form>")[-1]
    assert "现在不能兑换" in asker.get(f"/offers/{offer}").text
    paper = {"form_key": "p", "kind": "lawyer", "seen": "1"}
    assert manager.post(f"/branch/members/{ids.barber}/family/papers", data=paper).status_code in {302, 303}
    assert "待核验的从业证书" not in manager.get("/branch/offers").text
    assert "网点看过原件" in asker.get(f"/offers/{offer}").text


def test_what_somebody_looks_for_is_read_by_neighbours_and_taken_back(app: Flask, ids: Ids, as_member: As) -> None:
    asker, barber = as_member(ids.asker), as_member(ids.barber)
    until = str(clock.today(clock.now()) + timedelta(days=9))
    form = {"form_key": "n", "category": "haircut", "words": "想剪短发", "until": until}
    assert asker.post("/needs", data=form).status_code == 303
    assert "上门理发" in asker.get("/needs").text
    assert "正合适" in barber.get("/needs?side=others").text
    assert "1 位邻居正在找" in barber.get("/me/offers").text
    assert asker.post("/needs", data=form | {"words": ""}).status_code == 422
    need = only(app, Need)
    assert barber.post(f"/needs/{need}/end").status_code == 404
    assert asker.post(f"/needs/{need}/end").status_code == 303
    assert "想剪短发" not in barber.get("/needs?side=others").text
    assert 'value="repair" selected' in barber.get("/me/offers/new?category=repair").text


def test_search_is_narrowed_by_nearness_and_place(ids: Ids, as_member: As) -> None:
    asker = as_member(ids.asker)
    assert "上门理发" in asker.get(f"/offers?near=community&area={ids.area}&text=理发").text
    assert "本社区" in asker.get("/offers").text
    for nonsense in ("near=moon", "area=999999999", "area=x", "page=-1", "page=99999"):
        assert asker.get(f"/offers?{nonsense}").status_code == 200
