"""Offers with a last day: told of before and after, each once, and prolonged with one press."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene
from tests.world import NOW, actor_of, make_member, sign_in
from timebank.core import clock
from timebank.core.db import transaction
from timebank.core.errors import NotAllowed
from timebank.exchange import service
from timebank.exchange.models import Offer
from timebank.members.models import Member
from timebank.notices.models import Notice

DAY = timedelta(days=1)
TODAY = clock.today(NOW)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def ending(scene: Scene, days: int) -> Offer:
    return scene.service("修电饭煲", category="repair", valid_until=TODAY + days * DAY)


def kinds(session: Session, member: Member) -> list[str]:
    told = select(Notice.kind).where(Notice.member_id == member.id, Notice.kind.startswith("offer."))
    return list(session.scalars(told.order_by(Notice.id)))


def test_the_owner_is_told_before_the_last_day_and_once_after_it(session: Session, scene: Scene) -> None:
    ending(scene, 3)
    for days in (0, 1, 3, 4, 5):
        for _ in range(2):
            service.remind_of_lapsing(session, now=NOW + days * DAY)
    assert kinds(session, scene.barber) == ["offer.lapsing", "offer.lapsed"]


def test_nobody_is_told_of_what_stands_is_far_off_or_was_taken_down(session: Session, scene: Scene) -> None:
    ending(scene, 4)
    gone = ending(scene, 1)
    service.end_offer(session, gone.id, actor=actor_of(session, scene.barber))
    assert service.remind_of_lapsing(session, now=NOW) == 0
    assert kinds(session, scene.barber) == []


def test_the_branchs_managers_are_told_of_its_goods(session: Session, scene: Scene) -> None:
    scene.goods("戏票", stock=3, valid_until=TODAY)
    service.remind_of_lapsing(session, now=NOW)
    assert kinds(session, scene.manager) == ["offer.lapsing"]


def test_who_is_told_prolongs_it_and_twice_a_day_is_calm(session: Session, scene: Scene) -> None:
    offer, standing = ending(scene, 1), scene.haircut
    owner, later = actor_of(session, scene.barber), NOW + 2 * DAY
    for _ in range(2):
        assert service.renew_offer(session, offer.id, actor=owner, now=later).valid_until == TODAY + 92 * DAY
    assert service.renew_offer(session, standing.id, actor=owner, now=NOW).valid_until is None
    far = ending(scene, 300)
    assert service.renew_offer(session, far.id, actor=owner, now=NOW).valid_until == TODAY + 300 * DAY


def test_strangers_prolong_nothing_and_what_was_taken_down_stays_down(session: Session, scene: Scene) -> None:
    offer = ending(scene, 1)
    with pytest.raises(NotAllowed):
        service.renew_offer(session, offer.id, actor=actor_of(session, make_member(session, scene.branch)), now=NOW)
    service.end_offer(session, offer.id, actor=actor_of(session, scene.barber))
    with pytest.raises(service.OfferEnded):
        service.renew_offer(session, offer.id, actor=actor_of(session, scene.barber), now=NOW)


def test_the_button_stands_by_what_ends_soon(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        scene = Scene(session, now=clock.now())
        today = clock.today(clock.now())
        offer = scene.service("修电饭煲", category="repair", valid_until=today + DAY)
        offer_id, owner = offer.id, scene.barber.id
    sign_in(client, owner)
    page = client.get("/me/offers").text
    assert page.count("再续三个月") == 1
    assert "快到期了" in page
    done = client.post(f"/me/offers/{offer_id}/renew", follow_redirects=True).text
    assert f"续到 {today + 90 * DAY}" in done
    assert "再续三个月" not in done
