"""A time that does not suit: the member proposes another, the order is open again, and only an agreed time counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, coins_of
from tests.world import NOW
from timebank.archives.queries import tables
from timebank.core.errors import FormUsed, NotAllowed
from timebank.exchange import queries, rules, service
from timebank.exchange.models import Order
from timebank.notices.models import Notice

DAY = timedelta(days=1)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def last_notice(scene: Scene, member_id: int) -> str:
    found = sa.select(Notice.kind).where(Notice.member_id == member_id).order_by(Notice.id.desc()).limit(1)
    return str(scene.session.scalar(found))


def sides(scene: Scene, order: Order) -> list[str]:
    return [one.side for one in queries.list_proposals(scene.session, order.id)]


def test_the_providers_yes_with_a_time_is_agreed_without_another_press(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    assert (order.status, order.agreed_at) == ("accepted", NOW + DAY)
    assert sides(scene, order) == ["provider"]


def test_another_time_opens_the_order_again_and_asks_the_provider(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.propose(order, NOW + 3 * DAY, words="周日在家")
    assert (order.status, order.agreed_at, order.expires_at) == ("requested", None, NOW + 7 * DAY)
    assert coins_of(scene.session, scene.asker) == (180, 60)
    assert last_notice(scene, scene.barber.id) == "order.time_asked"
    with pytest.raises(rules.NotAcceptedYet):
        scene.fulfil(order)


def test_the_provider_agrees_to_it_or_says_another(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.propose(order, NOW + 3 * DAY)
    scene.accept(order, at=NOW + 3 * DAY)
    assert (order.status, order.agreed_at) == ("accepted", NOW + 3 * DAY)
    assert last_notice(scene, scene.asker.id) == "order.moved"
    scene.propose(order, NOW + 5 * DAY)
    scene.accept(order, at=NOW + 4 * DAY)
    assert order.agreed_at == NOW + 4 * DAY
    assert sides(scene, order) == ["provider", "member", "provider", "member", "provider"]
    assert scene.fulfil(order).order.status == "fulfilled"


def test_the_provider_may_decline_another_time(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.propose(order, NOW + 3 * DAY)
    scene.decline(order)
    assert coins_of(scene.session, scene.asker) == (180, 0)


def test_an_unanswered_time_runs_out_like_a_request(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.propose(order, NOW + 3 * DAY)
    assert service.expire_orders(scene.session, now=NOW + 7 * DAY) == [order.id]
    assert last_notice(scene, scene.barber.id) == "order.unanswered"
    assert coins_of(scene.session, scene.asker) == (180, 0)


def test_however_long_they_go_on_an_order_ends_with_its_hold(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    latest, now = order.latest_at, NOW
    assert latest == NOW + 37 * DAY
    for _ in range(6):
        now = now + 6 * DAY
        scene.propose(order, now + timedelta(hours=1), now=now)
        assert order.expires_at <= latest
        if now < latest - DAY:
            scene.accept(order, at=now + timedelta(hours=2), now=now)
        assert order.expires_at <= latest
    with pytest.raises(service.TimeNotPossible):
        scene.propose(order, latest, now=now)


@pytest.mark.parametrize("at", [NOW - timedelta(minutes=1), NOW + 37 * DAY])
def test_a_time_that_is_over_or_too_late_is_refused(scene: Scene, at: Any) -> None:
    order = scene.accept(scene.order(scene.haircut))
    with pytest.raises(service.TimeNotPossible) as refused:
        scene.propose(order, at)
    assert "meet_at" in refused.value.fields
    assert order.status == "accepted"


def test_the_same_form_again_is_the_first_answer_even_when_things_went_on(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut), form_key="a1")
    scene.propose(order, NOW + 3 * DAY, form_key="p1")
    scene.propose(order, NOW + 3 * DAY, form_key="p1")
    scene.accept(order, form_key="a1")  # the first acceptance comes once more, late
    assert (order.status, sides(scene, order)) == ("requested", ["provider", "member"])
    scene.accept(order, at=NOW + 3 * DAY, form_key="a2")
    scene.propose(order, NOW + 3 * DAY, form_key="p1")
    assert order.status == "accepted"
    with pytest.raises(FormUsed):
        scene.propose(order, NOW + 4 * DAY, form_key="p1")
    with pytest.raises(FormUsed):
        scene.accept(order, at=NOW + 4 * DAY, form_key="a2")


def test_the_same_time_again_without_a_form_is_one_proposal(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    for _ in range(2):
        scene.propose(order, NOW + 3 * DAY)
    assert sides(scene, order) == ["provider", "member"]


def test_only_the_member_proposes_back_and_only_for_a_service(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    for other in (scene.barber, scene.manager):
        with pytest.raises(NotAllowed):
            scene.propose(order, NOW + 3 * DAY, by=other)
    with pytest.raises(NotAllowed):
        scene.propose(scene.order(scene.tickets), NOW + 3 * DAY)


def test_an_offer_may_say_how_long_things_wait(scene: Scene) -> None:
    scene.haircut = scene.service("上门剪发", answer_days=2, serve_days=10)
    order = scene.order(scene.haircut)
    assert (order.expires_at, order.latest_at) == (NOW + 2 * DAY, NOW + 12 * DAY)
    scene.accept(order, now=NOW + DAY)
    assert order.expires_at == NOW + 11 * DAY
    shelf = scene.goods("香皂", stock=1, serve_days=5)
    assert scene.order(shelf).expires_at == NOW + 5 * DAY


@pytest.mark.parametrize("wrong", [{"answer_days": 0}, {"answer_days": 31}, {"serve_days": 0}, {"serve_days": 91}])
def test_how_long_things_wait_has_bounds(scene: Scene, wrong: dict[str, int]) -> None:
    with pytest.raises(service.BadOffer) as refused:
        scene.service("上门剪发", **wrong)
    assert set(refused.value.fields) == set(wrong)


@pytest.mark.parametrize("verb", ["UPDATE order_proposal SET words = 'x'", "DELETE FROM order_proposal"])
def test_what_was_proposed_stays(scene: Scene, verb: str) -> None:
    scene.accept(scene.order(scene.haircut))
    with pytest.raises(DBAPIError), scene.session.begin_nested():
        scene.session.execute(sa.text(verb))


def test_a_monthly_table_says_agreed_only_of_an_agreed_time(scene: Scene) -> None:
    agreed = scene.accept(scene.order(scene.haircut))
    asked = scene.accept(scene.order(scene.haircut))
    scene.propose(asked, NOW + 3 * DAY)
    rows = tables.order_rows(scene.session, scene.branch, "2026-11", tables.EntryNumbers())
    assert {row[0]: row[11] for row in rows} == {agreed.id: "已约好", asked.id: "等待确认"}
