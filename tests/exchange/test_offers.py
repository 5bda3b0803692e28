"""Posting, changing, pausing and finding offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, give, key
from tests.world import CONSENTS, KEYS, NOW, actor_of, make_branch, make_member
from timebank.core import clock
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.exchange import queries, service
from timebank.exchange.models import GOODS
from timebank.members.service import NewMember, hash_password, register, suspend_member

TODAY = clock.today(NOW)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def titles(scene: Scene, **wanted: Any) -> list[str]:
    found = queries.list_offers(scene.session, queries.OfferFilter(**wanted), today=TODAY)
    return [row.offer.title for row in found.items]


def test_a_form_sent_twice_makes_one_offer(scene: Scene) -> None:
    draft = service.OfferDraft(title="修电饭煲", category="repair", price_minutes=90)
    actor = actor_of(scene.session, scene.barber)
    first = service.post_offer(scene.session, draft, form_key="same", actor=actor, now=NOW)
    assert service.post_offer(scene.session, draft, form_key="same", actor=actor, now=NOW).id == first.id


def test_a_key_used_by_somebody_else_is_refused(scene: Scene) -> None:
    draft = service.OfferDraft(title="修电饭煲", category="repair", price_minutes=90)
    service.post_offer(scene.session, draft, form_key="same", actor=actor_of(scene.session, scene.barber), now=NOW)
    with pytest.raises(Conflict):
        service.post_offer(scene.session, draft, form_key="same", actor=actor_of(scene.session, scene.asker), now=NOW)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"category": "ticket"}, "category"),
        ({"category": "gold"}, "category"),
        ({"price_minutes": 0}, "price"),
        ({"price_minutes": -60}, "price"),
        ({"price_minutes": 6001}, "price"),
        ({"valid_until": date(2026, 11, 20)}, "valid_until"),
        ({"category": "legal"}, "licence"),
        ({"category": "medical", "licence": "  "}, "licence"),
        ({"category": "electrical"}, "licence"),
        ({"stock": 3}, "stock"),
    ],
)
def test_a_service_that_breaks_a_rule_is_refused_at_its_field(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        scene.service("修灯", **wrong)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"category": "haircut"}, "category"), ({"stock": -1}, "stock"), ({"stock": 100_001}, "stock")],
)
def test_goods_that_break_a_rule_are_refused_at_their_field(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        scene.goods("门票", **{"stock": 1} | wrong)
    assert list(refused.value.fields) == [field]


def test_a_licensed_profession_is_listed_with_its_licence(scene: Scene) -> None:
    offer = scene.service("法律咨询", category="legal", licence="律师执业证 13302")
    assert offer.licence == "律师执业证 13302"


def test_only_the_branch_puts_goods_on_its_shelf(scene: Scene) -> None:
    draft = service.OfferDraft(
        kind=GOODS, branch_id=scene.branch.id, title="门票", category="ticket", price_minutes=30, stock=3
    )
    with pytest.raises(NotAllowed):
        service.post_offer(scene.session, draft, form_key=key(), actor=actor_of(scene.session, scene.asker), now=NOW)


def test_a_manager_of_another_branch_does_not_either(scene: Scene) -> None:
    other = make_branch(scene.session, "XQ")
    stranger = actor_of(scene.session, make_member(scene.session, other, roles=("manager",)))
    with pytest.raises(NotAllowed):
        service.change_stock(scene.session, scene.tickets.id, stock=9, seen=2, actor=stranger)
    with pytest.raises(NotAllowed):
        service.pause_offer(scene.session, scene.haircut.id, actor=stranger)


def test_people_not_yet_approved_post_nothing(scene: Scene) -> None:
    person = NewMember(name="新来的", branch_id=scene.branch.id, phone="13800138001", consents=CONSENTS)
    pending = register(
        scene.session, person, password=hash_password("滨河路三号院门前"), form_key=key(), keys=KEYS, now=NOW
    )
    with pytest.raises(service.NotActive):
        scene.service("理发", by=pending)


def test_a_changed_price_holds_for_later_orders_only(scene: Scene) -> None:
    before = scene.order(scene.haircut)
    draft = service.OfferDraft(title="上门理发", category="haircut", price_minutes=90)
    service.change_offer(scene.session, scene.haircut.id, draft, actor=actor_of(scene.session, scene.barber), now=NOW)
    assert before.amount_minutes == 60
    assert scene.order(scene.haircut).amount_minutes == 90


def test_pausing_hides_resuming_shows_ending_is_final(scene: Scene) -> None:
    actor = actor_of(scene.session, scene.barber)
    service.pause_offer(scene.session, scene.haircut.id, actor=actor)
    service.pause_offer(scene.session, scene.haircut.id, actor=actor)
    assert titles(scene) == ["越剧门票"]
    service.resume_offer(scene.session, scene.haircut.id, actor=actor)
    assert "上门理发" in titles(scene)
    service.end_offer(scene.session, scene.haircut.id, actor=actor)
    with pytest.raises(service.OfferEnded):
        service.resume_offer(scene.session, scene.haircut.id, actor=actor)
    draft = service.OfferDraft(title="理发", category="haircut", price_minutes=60)
    with pytest.raises(service.OfferEnded):
        service.change_offer(scene.session, scene.haircut.id, draft, actor=actor, now=NOW)


def test_stock_is_set_only_from_what_was_seen(scene: Scene) -> None:
    actor = actor_of(scene.session, scene.manager)
    scene.order(scene.tickets)
    with pytest.raises(service.StockMoved):
        service.change_stock(scene.session, scene.tickets.id, stock=10, seen=2, actor=actor)
    assert service.change_stock(scene.session, scene.tickets.id, stock=10, seen=1, actor=actor).stock == 10
    assert service.change_stock(scene.session, scene.tickets.id, stock=10, seen=1, actor=actor).stock == 10
    with pytest.raises(NotAllowed):
        service.change_stock(scene.session, scene.haircut.id, stock=1, seen=0, actor=actor)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"text": "理发"}, ["上门理发"]),
        ({"text": "越剧 门票"}, ["越剧门票"]),
        ({"text": "100%_"}, []),
        ({"category": "ticket"}, ["越剧门票"]),
        ({"kind": "service"}, ["上门理发"]),
        ({"most_minutes": 30}, ["越剧门票"]),
        ({"branch_id": 0}, []),
    ],
)
def test_offers_are_found_by_what_people_look_for(scene: Scene, wanted: dict[str, Any], found: list[str]) -> None:
    assert titles(scene, **wanted) == found


def test_offers_past_their_day_or_of_suspended_people_are_not_shown(scene: Scene) -> None:
    scene.service("修灯", valid_until=TODAY)
    assert "修灯" in titles(scene)
    tomorrow = queries.list_offers(scene.session, queries.OfferFilter(text="修灯"), today=date(2026, 11, 22))
    assert not tomorrow.items
    manager = actor_of(scene.session, scene.manager)
    suspend_member(scene.session, scene.barber.id, reason="请假", actor=manager, now=NOW)
    assert titles(scene) == ["越剧门票"]


def test_ratings_of_those_who_redeemed_make_the_average(scene: Scene) -> None:
    other = make_member(scene.session, scene.branch)
    give(scene.session, other, 60)
    for who, score in ((scene.asker, 5), (other, 4)):
        order = scene.accept(scene.order(scene.haircut, by=who))
        scene.fulfil(order)
        actor = actor_of(scene.session, who)
        service.rate(scene.session, order.id, score=score, words="手艺好", actor=actor, now=NOW)
    barber = actor_of(scene.session, scene.barber)
    service.rate(scene.session, order.id, score=1, actor=barber, now=NOW)
    found = queries.list_offers(scene.session, queries.OfferFilter(kind="service"), today=TODAY)
    assert found.items[0].score.average == "4.5"
    assert [one.score for one in queries.list_words(scene.session, scene.haircut.id)] == [4, 5]
    assert queries.score_of_member(scene.session, other.id).average == "1.0"
    [kept] = queries.list_member_offers(scene.session, scene.barber.id)
    assert (kept.fulfilled, kept.open_orders, kept.score.count) == (2, 0, 2)


def test_capacity_counts_what_could_be_had_today(scene: Scene) -> None:
    scene.order(scene.haircut)
    capacity = queries.redemption_capacity(scene.session, scene.branch.id, today=TODAY)
    assert (capacity.goods_minutes, capacity.goods_offers, capacity.service_offers, capacity.held_minutes) == (
        60,
        1,
        1,
        60,
    )


def test_a_form_sent_again_with_another_offer_is_refused(scene: Scene) -> None:
    draft = service.OfferDraft(title="修电饭煲", category="repair", price_minutes=90)
    actor = actor_of(scene.session, scene.asker)
    service.post_offer(scene.session, draft, form_key="same", actor=actor, now=NOW)
    for other in (replace(draft, title="修收音机"), replace(draft, price_minutes=30)):
        with pytest.raises(FormUsed):
            service.post_offer(scene.session, other, form_key="same", actor=actor, now=NOW)
