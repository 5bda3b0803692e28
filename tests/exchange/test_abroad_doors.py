"""An offer of another branch on the pages: why not, before anybody tries; where it is, once it is ordered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.clearing.scene import Between
from tests.exchange.scene import key
from tests.exchange.test_abroad import Abroad
from tests.world import NOW, actor_of, sign_in
from timebank.branches.models import Branch
from timebank.clearing import service as clearing
from timebank.clearing.models import BranchPair
from timebank.clearing.service import Ceiling, Deciding
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import db, transaction
from timebank.exchange import service
from timebank.exchange.models import EVERYWHERE, OWN_BRANCH
from timebank.members.models import Member


@dataclass
class Ids:
    """A member and a manager of AA, a barber and a manager of BB; BB's haircut is for all, and CC's is, too."""

    member: int
    managers: list[int]
    barber: int
    haircut: int
    far: int
    home_only: int
    pair: int
    branches: list[int]


@pytest.fixture
def ids(app: Flask) -> Iterator[Ids]:
    """At nine on the scene's day."""
    clock.move(NOW - clock.now())
    with app.app_context(), transaction() as session:
        between = Between(session)
        abroad = Abroad(between)
        far, near = (
            service.post_offer(
                session,
                service.OfferDraft(title=title, category="other", price_minutes=60, shared_with=shared),
                form_key=key(),
                actor=actor_of(session, member),
                now=NOW,
            ).id
            for title, shared, member in (
                ("磨刀", EVERYWHERE, between.members[2]),
                ("遛狗", OWN_BRANCH, between.members[1]),
            )
        )
        made = Ids(
            member=abroad.member.id,
            managers=[one.id for one in between.managers],
            barber=abroad.barber.id,
            haircut=abroad.haircut.id,
            far=far,
            home_only=near,
            pair=between.pair.id,
            branches=[one.id for one in between.branches],
        )
    yield made
    clock.put_right()


def browser(app: Flask, member_id: int) -> FlaskClient:
    client = app.test_client()
    sign_in(client, member_id)
    return client


def boss(ids: Ids, at: int) -> Actor:
    return actor_of(db.session(), db.session.get_one(Member, ids.managers[at]))


def word(ids: Ids, at: int, **more: int) -> Deciding:
    return Deciding(branch_id=ids.branches[at], form_key=key(), words="商定", **more)


def offer(app: Flask, ids: Ids, offer_id: int | None = None) -> str:
    return browser(app, ids.member).get(f"/offers/{offer_id or ids.haircut}").text


def test_what_is_shared_and_connected_can_be_ordered(app: Flask, ids: Ids) -> None:
    page = offer(app, ids)
    assert 'name="seen_price_minutes"' in page
    assert "这一项在“BB 站”，和您的网点互通" in page


def test_what_is_not_shared_stays_its_branchs(app: Flask, ids: Ids) -> None:
    assert "只对本网点会员开放" in offer(app, ids, ids.home_only)


def test_an_unconnected_branch_is_said_and_what_to_do(app: Flask, ids: Ids) -> None:
    page = offer(app, ids, ids.far)
    assert "您的网点还没有和“CC 站”互通" in page
    assert "请告诉您网点的管理员" in page
    assert 'name="seen_price_minutes"' not in page


def test_a_paused_pair_is_said(app: Flask, ids: Ids) -> None:
    with app.app_context(), transaction() as session:
        clearing.freeze_pair(session, ids.pair, word(ids, 1), actor=boss(ids, 1), now=NOW)
    page = offer(app, ids)
    assert "和“BB 站”的兑换暂停了" in page
    assert "恢复以后就能兑换" in page


def test_a_full_line_is_said_with_its_figures(app: Flask, ids: Ids) -> None:
    with app.app_context(), transaction() as session:
        clearing.set_line(session, ids.pair, word(ids, 1, minutes=30), actor=boss(ids, 1), now=NOW)
    page = offer(app, ids)
    assert "“BB 站”给您网点的额度用满了" in page
    assert "额度 30 分，已用 0 币，这一项要 1 币" in page


@pytest.mark.parametrize("in_all", [False, True])
def test_a_reached_ceiling_is_said(app: Flask, ids: Ids, in_all: bool) -> None:
    with app.app_context(), transaction() as session:
        peer_id = None if in_all else ids.branches[1]
        ceiling = Ceiling(branch_id=ids.branches[0], peer_id=peer_id, minutes=10, form_key=key())
        clearing.set_ceiling(session, ceiling, actor=boss(ids, 0), now=NOW)
    page = offer(app, ids)
    assert f"会员每月在{'别的网点' if in_all else '“BB 站”'}合计最多用 10 分" in page


def test_a_visitor_is_asked_to_sign_in_and_the_own_branch_needs_no_line(app: Flask, ids: Ids) -> None:
    assert "登录后兑换" in app.test_client().get(f"/offers/{ids.haircut}").text
    with app.app_context():
        manager = db.session.get_one(Member, ids.managers[1])
        assert db.session.get_one(Branch, manager.branch_id).code == "BB"
    page = browser(app, ids.managers[1]).get(f"/offers/{ids.haircut}").text
    assert "和您的网点互通" not in page


def test_the_order_says_at_which_branch_it_is(app: Flask, ids: Ids) -> None:
    client = browser(app, ids.member)
    form = {"form_key": "one", "quantity": "1", "seen_price_minutes": "60"}
    page = client.post(f"/offers/{ids.haircut}", data=form, follow_redirects=True).text
    assert "BB 站（和您的网点互通）" in page
    assert "在BB 站" in client.get("/me/orders").text
    given = browser(app, ids.barber).get("/me/orders?side=given").text
    assert "AA 站的会员" in given
    with app.app_context():
        assert db.session.get_one(BranchPair, ids.pair).status == "open"
