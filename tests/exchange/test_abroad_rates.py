"""Redeeming and giving where a minute of one branch is not a minute of the other: said before, paid, undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.exchange.scene import coins_of, key
from tests.exchange.scene import give as earned
from tests.exchange.test_abroad import DAY, Abroad
from tests.rulebook.saving import save_rule
from tests.world import NOW, make_member, sign_in
from timebank.clearing import service as pairs
from timebank.core import clock
from timebank.core.db import transaction
from timebank.corrections.service import CorrectionDraft, ask
from timebank.disputes.queries import looking
from timebank.disputes.queries.looking import Effect
from timebank.exchange import queries, service
from timebank.exchange.models import Order
from timebank.giving.queries import arrived_of
from timebank.giving.service import GiftDraft, RateChanged, TooSmall, give
from timebank.growth.queries import get_statement
from timebank.ledger import queries as books
from timebank.members.models import Member


@pytest.fixture
def abroad(session: Session) -> Iterator[Abroad]:
    """Five minutes of AA, the member's, are worth four of BB, the barber's: an hour there costs 75 minutes here."""
    made = Abroad(Between(session))
    made.between.convert(5, 4)
    yield made
    assert made.between.findings() == set()
    assert pairs.reconcile_all(session, now=NOW) == 0


def words(abroad: Abroad, member: Member) -> list[str]:
    return [line.text for line in get_statement(abroad.session, member).lines]


def test_the_haircut_takes_75_here_and_brings_60_there(abroad: Abroad) -> None:
    order = abroad.order()
    assert coins_of(abroad.session, abroad.member) == (600, 75)
    meeting = service.Meeting(at=NOW + DAY)
    service.accept_order(abroad.session, order.id, meeting, actor=abroad.of(abroad.barber), now=NOW)
    service.fulfil(abroad.session, order.voucher, actor=abroad.of(abroad.barber), now=NOW + DAY)
    assert coins_of(abroad.session, abroad.member) == (525, 0)
    assert coins_of(abroad.session, abroad.barber) == (60, 0)


def test_both_statements_say_both_amounts(abroad: Abroad) -> None:
    abroad.done()
    assert "兑换 1 币 15 分" in words(abroad, abroad.member)[0]
    assert "（折成对方网点的 1 币）" in words(abroad, abroad.member)[0]
    assert "（对方网点的会员付了 1 币 15 分）" in words(abroad, abroad.barber)[0]


def test_the_page_and_the_order_go_by_one_rate_or_nothing_is_ordered(abroad: Abroad) -> None:
    draft = service.OrderDraft(offer_id=abroad.haircut.id, form_key=key(), seen_rate="1:1")
    with pytest.raises(service.RateChanged) as caught, abroad.session.begin_nested():
        service.request_order(abroad.session, draft, actor=abroad.of(abroad.member), now=NOW)
    assert "现在要用 1 币 15 分" in caught.value.message
    assert coins_of(abroad.session, abroad.member) == (600, 0)


def test_who_has_too_little_of_their_own_minutes_is_told_so(abroad: Abroad) -> None:
    abroad.member = make_member(abroad.session, abroad.between.branches[0])
    earned(abroad.session, abroad.member, 74)
    with pytest.raises(service.CoinsShort) as caught, abroad.session.begin_nested():
        abroad.order()
    assert "需要 1 币 15 分，现在可用 1 币 14 分" in caught.value.message


def test_what_is_agreed_after_the_order_does_not_touch_it(abroad: Abroad) -> None:
    order = abroad.agreed()
    abroad.between.convert(2, 1)
    part = service.Part(minutes=30, reason="只剪了一半")
    service.fulfil(abroad.session, order.voucher, part=part, actor=abroad.of(abroad.barber), now=NOW + DAY)
    assert coins_of(abroad.session, abroad.member) == (562, 0)
    assert queries.paid_by_member(abroad.session, order, 30) == 38


def test_what_a_barber_may_not_hold_goes_to_the_fund_in_their_own_minutes(abroad: Abroad) -> None:
    branch_id = abroad.between.branches[1].id
    save_rule(abroad.session, branch_id, NOW + 2 * DAY, now=NOW, holding_cap_minutes=40)
    order = abroad.agreed()
    service.fulfil(abroad.session, order.voucher, actor=abroad.of(abroad.barber), now=NOW + 3 * DAY)
    fund = books.find_house_account(abroad.session, branch_id, "fund")
    assert (coins_of(abroad.session, abroad.barber), books.balance(abroad.session, fund)) == ((40, 0), 20)


def set_right(abroad: Abroad, order: Order, minutes: int | None) -> None:
    draft = CorrectionDraft(entry_id=order.entry_id or 0, minutes=minutes, reason="没有做完")
    ask(abroad.session, draft, form_key=key(), actor=abroad.of(abroad.manager), now=NOW + 2 * DAY)


@pytest.mark.parametrize(("minutes", "left", "earned"), [(None, 600, 0), (30, 562, 30)])
def test_a_correction_goes_by_the_rate_of_the_order(
    abroad: Abroad, minutes: int | None, left: int, earned: int
) -> None:
    order = abroad.done()
    abroad.between.convert(1, 3)
    set_right(abroad, order, minutes)
    assert coins_of(abroad.session, abroad.member) == (left, 0)
    assert coins_of(abroad.session, abroad.barber) == (earned, 0)


def test_a_case_shows_what_the_member_gets_back_in_their_own_minutes(abroad: Abroad) -> None:
    order = abroad.agreed()
    found = looking._of_held(abroad.session, order, 30, NOW)
    assert Effect(name=f"{order.member.alias}（从冻结里退回）", change=37) in found.effects


def gift(abroad: Abroad, minutes: int, **more: str) -> GiftDraft:
    given = {"number": abroad.barber.number, "name": abroad.barber.name, "form_key": key()} | more
    return GiftDraft(purse="coin", minutes=minutes, words="", **given)


def test_a_gift_arrives_in_the_receivers_minutes(abroad: Abroad) -> None:
    """63 minutes are 50.4 there: 50 arrive, and what is left is booked."""
    made = give(abroad.session, gift(abroad, 63), actor=abroad.of(abroad.member), now=NOW)
    assert (coins_of(abroad.session, abroad.member), coins_of(abroad.session, abroad.barber)) == ((537, 0), (50, 0))
    assert arrived_of(abroad.session, [made.id]) == {made.id: 50}


def test_a_gift_that_would_be_nothing_there_is_refused(abroad: Abroad) -> None:
    with pytest.raises(TooSmall):
        give(abroad.session, gift(abroad, 1), actor=abroad.of(abroad.member), now=NOW)


def test_a_gift_goes_by_the_rate_that_was_shown_or_not_at_all(abroad: Abroad) -> None:
    with pytest.raises(RateChanged):
        give(abroad.session, gift(abroad, 60, seen_rate="1:1"), actor=abroad.of(abroad.member), now=NOW)


@pytest.fixture
def visitor(app: Flask) -> Iterator[tuple[FlaskClient, FlaskClient, int]]:
    """The browsers of the member and the barber, and the haircut."""
    clock.move(NOW - clock.now())
    with app.app_context(), transaction() as session:
        abroad = Abroad(Between(session))
        abroad.between.convert(5, 4)
        ids = abroad.member.id, abroad.barber.id, abroad.haircut.id
    clients = app.test_client(), app.test_client()
    for client, member_id in zip(clients, ids[:2], strict=True):
        sign_in(client, member_id)
    yield (*clients, ids[2])
    clock.put_right()


def test_pages_say_both_amounts_before_and_after(visitor: tuple[FlaskClient, FlaskClient, int]) -> None:
    member, barber, haircut = visitor
    page = member.get(f"/offers/{haircut}").text
    assert "您用 <b>1 币 15 分</b>，对方收到 <b>1 币</b>。AA 站 1 小时 = BB 站 48 分钟" in page
    assert "− 1 币 15 分" in page
    form = {"form_key": key(), "seen_price_minutes": "60", "seen_rate": "5:4"}
    ordered = member.post(f"/offers/{haircut}", data=form, follow_redirects=True)
    assert "1 币 15 分（对方网点的 1 币）" in ordered.text
    assert "1 币 15 分（对方网点的 1 币）" in member.get("/me/orders").text
    assert "1 币（兑换人付 1 币 15 分）" in barber.get("/me/orders?side=given").text


def test_where_a_minute_is_a_minute_pages_say_nothing_of_it(app: Flask) -> None:
    clock.move(NOW - clock.now())
    with app.app_context(), transaction() as session:
        abroad = Abroad(Between(session))
        ids = abroad.member.id, abroad.haircut.id
    client = app.test_client()
    sign_in(client, ids[0])
    page = client.get(f"/offers/{ids[1]}").text
    assert "折算" not in page
    assert "seen_rate" not in page
    clock.put_right()
