"""Asking, answering, fulfilling, taking back, running out of time: coins and stock add up after each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.exchange.scene import SOON, Scene, coins_of, give, key
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.core.actor import SYSTEM
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed, NotFound, Refusal
from timebank.exchange import queries, rules, service
from timebank.exchange.models import Order
from timebank.ledger import queries as books
from timebank.members.models import Member
from timebank.members.rules import personal_code
from timebank.members.service import suspend_member
from timebank.notices.queries import list_notices

DAY = timedelta(days=1)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def told(scene: Scene, member: Member) -> list[str]:
    return [notice.title for notice in list_notices(scene.session, member.id).items]


# --- asking ---------------------------------------------------------------------------------------------------------


def test_asking_sets_the_coins_aside_and_tells_the_provider(scene: Scene) -> None:
    order = scene.order(scene.haircut, wish="周三下午")
    assert (order.status, order.amount_minutes, order.expires_at) == ("requested", 60, NOW + 7 * DAY)
    assert coins_of(scene.session, scene.asker) == (180, 60)
    assert told(scene, scene.barber) == ["李大妈 想请您帮忙：“上门理发”"]
    [waiting] = queries.list_waiting(scene.session, scene.barber.id, now=NOW)
    assert (waiting.order.id, waiting.what) == (order.id, "answer")
    assert queries.list_waiting(scene.session, scene.asker.id, now=NOW) == []


def test_goods_leave_the_stock_and_are_ready_at_once(scene: Scene) -> None:
    order = scene.order(scene.tickets, quantity=2)
    assert (order.status, order.amount_minutes, order.expires_at) == ("accepted", 60, NOW + 30 * DAY)
    assert queries.get_offer(scene.session, scene.tickets.id).stock == 0
    assert told(scene, scene.asker) == ["“越剧门票”已为您留好"]
    [waiting] = queries.list_waiting(scene.session, scene.asker.id, now=NOW)
    assert waiting.what == "go"


def test_a_form_sent_twice_makes_one_order(scene: Scene) -> None:
    first = scene.order(scene.tickets, form_key="same")
    assert scene.order(scene.tickets, form_key="same").id == first.id
    assert coins_of(scene.session, scene.asker) == (180, 30)
    assert queries.get_offer(scene.session, scene.tickets.id).stock == 1


def test_somebody_elses_key_is_refused(scene: Scene) -> None:
    scene.order(scene.tickets, form_key="same")
    with pytest.raises(Conflict):
        scene.order(scene.haircut, by=scene.manager, form_key="same")


def test_each_refusal_in_its_order(scene: Scene) -> None:
    """Everything is wrong at once; each is mended in turn and the next refusal comes to light."""
    session = scene.session
    other = make_branch(session, "XQ")
    poor = make_member(session, other)
    suspended = make_member(session, scene.branch)
    suspend_member(session, suspended.id, reason="请假", actor=SYSTEM, now=NOW)
    limited = scene.goods("油", stock=1, per_member_limit=1, price_minutes=240)
    closed = scene.goods("米", stock=1, per_member_limit=1, price_minutes=240)
    service.pause_offer(session, closed.id, actor=actor_of(session, scene.manager))
    tries: list[tuple[type[Refusal], Callable[[], Any]]] = [
        (service.NotActive, lambda: service.request_order(session, _draft(0), actor=SYSTEM, now=NOW)),
        (service.NotActive, lambda: _ask_as(scene, suspended, 0)),
        (queries.OfferNotFound, lambda: _ask_as(scene, poor, 0)),
        (service.OtherBranch, lambda: _ask_as(scene, poor, closed.id, quantity=0)),
        (service.OwnOffer, lambda: _ask_as(scene, scene.barber, scene.haircut.id, quantity=0)),
        (service.OfferClosed, lambda: _ask_as(scene, scene.asker, closed.id, quantity=0)),
        (service.BadQuantity, lambda: _ask_as(scene, scene.asker, limited.id, quantity=0)),
        (service.BadQuantity, lambda: _ask_as(scene, scene.asker, scene.haircut.id, quantity=2)),
        (service.BadQuantity, lambda: _ask_as(scene, scene.asker, limited.id, quantity=21)),
        (service.OverLimit, lambda: _ask_as(scene, scene.asker, limited.id, quantity=2)),
        (service.SoldOut, lambda: _ask_as(scene, scene.asker, scene.tickets.id, quantity=20)),
        (service.CoinsShort, lambda: _ask_as(scene, scene.asker, limited.id)),
    ]
    for wanted, attempt in tries:
        with pytest.raises(Refusal) as refused, session.begin_nested():
            attempt()
        assert type(refused.value) is wanted
        assert "{" not in refused.value.message
    assert coins_of(session, scene.asker) == (180, 0)
    assert session.scalars(select(Order)).all() == []


def _draft(offer_id: int, **more: Any) -> service.OrderDraft:
    return service.OrderDraft(**{"offer_id": offer_id, "form_key": key()} | more)


def _ask_as(scene: Scene, member: Member, offer_id: int, **more: Any) -> Order:
    actor = actor_of(scene.session, member)
    return service.request_order(scene.session, _draft(offer_id, **more), actor=actor, now=NOW)


def test_an_offer_past_its_last_day_or_of_a_suspended_person_is_closed(scene: Scene) -> None:
    last = scene.service("修灯", valid_until=NOW.date())
    with pytest.raises(service.OfferClosed):
        scene.order(last, now=NOW + DAY)
    suspend_member(scene.session, scene.barber.id, reason="请假", actor=actor_of(scene.session, scene.manager), now=NOW)
    with pytest.raises(service.OfferClosed):
        scene.order(scene.haircut)


def test_the_limit_counts_what_was_received_but_not_what_was_given_back(scene: Scene) -> None:
    offer = scene.goods("油", stock=9, per_member_limit=2)
    scene.cancel(scene.order(offer, quantity=2))
    scene.fulfil(scene.order(offer))
    scene.order(offer)
    with pytest.raises(service.OverLimit):
        scene.order(offer)


# --- answering ------------------------------------------------------------------------------------------------------


def test_accepting_prolongs_the_order_and_tells_the_time(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    assert (order.status, order.agreed_at, order.expires_at) == ("accepted", SOON, NOW + 30 * DAY)
    assert told(scene, scene.asker) == ["“上门理发”约好了"]
    assert coins_of(scene.session, scene.asker) == (180, 60)


def test_another_time_is_agreed_on_without_prolonging_again(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    until = order.expires_at
    later = NOW + 2 * DAY
    scene.accept(order, now=later)
    scene.accept(order, now=later)
    assert (order.agreed_at, order.expires_at) == (later + DAY, until)
    assert sorted(told(scene, scene.asker)) == ["“上门理发”改了时间", "“上门理发”约好了"]


@pytest.mark.parametrize("off", [-timedelta(minutes=1), timedelta(days=30), timedelta(days=4000)])
def test_a_time_that_cannot_be_is_refused(scene: Scene, off: timedelta) -> None:
    order = scene.order(scene.haircut)
    actor = actor_of(scene.session, scene.barber)
    with pytest.raises(service.TimeNotPossible):
        service.accept_order(scene.session, order.id, service.Meeting(at=NOW + off), actor=actor, now=NOW)


def test_only_the_provider_or_the_branch_answers(scene: Scene) -> None:
    order = scene.order(scene.haircut)
    stranger = make_member(scene.session, scene.branch)
    with pytest.raises(NotFound):
        scene.decline(order, by=stranger)
    with pytest.raises(NotAllowed):
        scene.decline(order, by=scene.asker)
    assert scene.decline(order, by=scene.manager).status == "declined"


def test_staff_is_no_judge_of_their_own_order(scene: Scene) -> None:
    give(scene.session, scene.manager, 60)
    order = scene.order(scene.haircut, by=scene.manager)
    with pytest.raises(NotAllowed):
        scene.decline(order, by=scene.manager)
    scene.accept(order)
    with pytest.raises(service.OwnOrder):
        scene.fulfil(order, by=scene.manager)


def test_declining_gives_the_coins_back_once(scene: Scene) -> None:
    order = scene.order(scene.haircut)
    with pytest.raises(Invalid):
        scene.decline(order, reason=" ")
    scene.decline(order)
    scene.decline(order)
    assert coins_of(scene.session, scene.asker) == (180, 0)
    assert told(scene, scene.asker) == ["“上门理发”对方没有接"]


# --- fulfilling -----------------------------------------------------------------------------------------------------


def test_the_voucher_moves_the_coins_to_the_provider_once(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    assert not scene.fulfil(order, now=SOON).repeated
    assert scene.fulfil(order, now=SOON + DAY).repeated
    assert (order.status, order.fulfilled_at, order.fulfilled_by_id) == ("fulfilled", SOON, scene.barber.id)
    assert coins_of(scene.session, scene.asker) == (120, 0)
    assert coins_of(scene.session, scene.barber) == (60, 0)
    assert order.entry_id is not None
    entry = books.get_entry(scene.session, order.entry_id)
    assert (entry.kind, entry.source_type, entry.source_id) == ("redeem", "order", order.id)
    assert (entry.actor_id, entry.for_member_id) == (scene.barber.id, scene.asker.id)
    assert "“上门理发”完成，存入 1 币" in told(scene, scene.barber)


def test_goods_move_the_coins_out_of_use(scene: Scene) -> None:
    scene.fulfil(scene.order(scene.tickets, quantity=2))
    redeemed = books.find_house_account(scene.session, scene.branch.id, "redeemed")
    assert books.balance(scene.session, redeemed) == 60
    assert coins_of(scene.session, scene.asker) == (120, 0)
    assert queries.get_offer(scene.session, scene.tickets.id).stock == 0


def test_the_branch_may_fulfil_for_a_provider_without_a_phone(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.fulfil(order, by=scene.manager)
    assert order.fulfilled_by_id == scene.manager.id
    assert coins_of(scene.session, scene.barber) == (60, 0)


def test_nobody_fulfils_their_own_order(scene: Scene) -> None:
    give(scene.session, scene.manager, 60)
    for order, who in (
        (scene.accept(scene.order(scene.haircut)), scene.asker),
        (scene.order(scene.tickets, by=scene.manager), scene.manager),
    ):
        with pytest.raises(service.OwnOrder):
            scene.fulfil(order, by=who)


def test_a_voucher_is_nothing_to_strangers(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    ticket = scene.order(scene.tickets)
    other = make_member(scene.session, make_branch(scene.session, "XQ"), roles=("manager",))
    for who in (make_member(scene.session, scene.branch), other):
        with pytest.raises(service.VoucherNotFound):
            scene.fulfil(order, by=who)
    with pytest.raises(service.VoucherNotFound):
        scene.fulfil(ticket, by=scene.barber)
    assert coins_of(scene.session, scene.asker) == (180, 90)


def test_other_codes_are_refused(scene: Scene) -> None:
    actor = actor_of(scene.session, scene.barber)
    code = personal_code(KEYS, "ABCDEFG")
    with pytest.raises(service.NotAVoucher):
        service.fulfil(scene.session, code, actor=actor, now=NOW)
    with pytest.raises(service.VoucherNotFound):
        service.fulfil(scene.session, rules.voucher_code("000000000"), actor=actor, now=NOW)


# --- ending otherwise -----------------------------------------------------------------------------------------------


def test_taking_back_before_an_answer_needs_no_reason(scene: Scene) -> None:
    order = scene.order(scene.haircut)
    scene.cancel(order, reason="")
    scene.cancel(order, reason="")
    assert coins_of(scene.session, scene.asker) == (180, 0)


def test_taking_back_what_was_agreed_needs_one(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    with pytest.raises(service.ReasonMissing):
        scene.cancel(order, reason="")
    scene.cancel(order)
    assert coins_of(scene.session, scene.asker) == (180, 0)
    assert "李大妈 取消了“上门理发”的兑换" in told(scene, scene.barber)


def test_the_provider_may_back_out_with_a_reason(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.cancel(order, by=scene.barber, reason="手伤了")
    assert (order.status, order.ended_by_id, order.end_reason) == ("cancelled", scene.barber.id, "手伤了")
    assert "您兑换的“上门理发”被取消了" in told(scene, scene.asker)


def test_cancelled_goods_go_back_on_the_shelf_once(scene: Scene) -> None:
    order = scene.order(scene.tickets, quantity=2)
    scene.cancel(order)
    scene.cancel(order)
    assert queries.get_offer(scene.session, scene.tickets.id).stock == 2
    assert coins_of(scene.session, scene.asker) == (180, 0)


def test_time_running_out_gives_everything_back(scene: Scene) -> None:
    unanswered = scene.order(scene.haircut)
    agreed = scene.accept(scene.order(scene.haircut))
    ticket = scene.order(scene.tickets)
    assert service.expire_orders(scene.session, now=NOW + 7 * DAY - timedelta(seconds=1)) == []
    assert service.expire_orders(scene.session, now=NOW + 7 * DAY) == [unanswered.id]
    assert coins_of(scene.session, scene.asker) == (180, 90)
    assert service.expire_orders(scene.session, now=NOW + 30 * DAY) == [agreed.id, ticket.id]
    assert service.expire_orders(scene.session, now=NOW + 60 * DAY) == []
    assert coins_of(scene.session, scene.asker) == (180, 0)
    assert queries.get_offer(scene.session, scene.tickets.id).stock == 2
    assert "“上门理发”的请求过期了" in told(scene, scene.barber)
    assert [order.status for order in (unanswered, agreed, ticket)] == ["expired"] * 3


def test_what_has_run_out_is_over_even_before_the_sweep(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    with pytest.raises(service.OrderEnded):
        scene.fulfil(order, now=NOW + 30 * DAY)


# --- rating ---------------------------------------------------------------------------------------------------------


def test_each_side_rates_once(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    asker, barber = actor_of(scene.session, scene.asker), actor_of(scene.session, scene.barber)
    with pytest.raises(service.NotFulfilledYet):
        service.rate(scene.session, order.id, score=5, actor=asker, now=NOW)
    scene.fulfil(order)
    assert [one.what for one in queries.list_waiting(scene.session, scene.asker.id, now=NOW)] == ["rate"]
    service.rate(scene.session, order.id, score=5, words="好", actor=asker, now=NOW)
    service.rate(scene.session, order.id, score=5, words="好", actor=asker, now=NOW)
    service.rate(scene.session, order.id, score=4, actor=barber, now=NOW)
    with pytest.raises(service.AlreadyRated):
        service.rate(scene.session, order.id, score=1, actor=asker, now=NOW)
    with pytest.raises(service.BadScore):
        service.rate(scene.session, order.id, score=6, actor=barber, now=NOW)
    with pytest.raises(NotAllowed):
        service.rate(scene.session, order.id, score=5, actor=actor_of(scene.session, scene.manager), now=NOW)
    assert queries.list_waiting(scene.session, scene.asker.id, now=NOW) == []


# --- every verb in every state --------------------------------------------------------------------------------------


def _expired_order(scene: Scene) -> Order:
    order = scene.order(scene.haircut)
    service.expire_orders(scene.session, now=order.expires_at)
    return order


MAKE: dict[str, Callable[[Scene], Order]] = {
    "requested": lambda scene: scene.order(scene.haircut),
    "accepted": lambda scene: scene.accept(scene.order(scene.haircut)),
    "fulfilled": lambda scene: scene.fulfil(scene.accept(scene.order(scene.haircut))).order,
    "declined": lambda scene: scene.decline(scene.order(scene.haircut)),
    "cancelled": lambda scene: scene.cancel(scene.order(scene.haircut)),
    "expired": _expired_order,
}
VERBS: dict[str, Callable[[Scene, Order], Any]] = {
    "accept": lambda scene, order: scene.accept(order, now=NOW),
    "decline": lambda scene, order: scene.decline(order),
    "cancel": lambda scene, order: scene.cancel(order),
    "fulfil": lambda scene, order: scene.fulfil(order),
    "rate": lambda scene, order: service.rate(
        scene.session, order.id, score=5, actor=actor_of(scene.session, scene.asker), now=NOW
    ),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", MAKE)
def test_coins_add_up_whatever_is_tried(scene: Scene, status: str, verb: str) -> None:
    order = MAKE[status](scene)
    after = rules.MOVES[verb].get(status)
    if after is None:
        with pytest.raises(Conflict), scene.session.begin_nested():
            VERBS[verb](scene, order)
        after = status
    else:
        VERBS[verb](scene, order)
    scene.session.refresh(order)
    assert order.status == after
    spent, held = (60 if after == "fulfilled" else 0), (60 if after in {"requested", "accepted"} else 0)
    assert coins_of(scene.session, scene.asker) == (180 - spent, held)
    assert coins_of(scene.session, scene.barber) == (spent, 0)


# --- what desks read ------------------------------------------------------------------------------------------------


def test_the_desk_sees_what_is_open_and_finds_it(scene: Scene) -> None:
    scene.order(scene.haircut)
    scene.accept(scene.order(scene.haircut))
    scene.order(scene.tickets)
    counts = queries.count_for_branch(scene.session, scene.branch.id, now=NOW, today=NOW.date())
    assert (counts.unanswered, counts.agreed, counts.to_pick_up) == (1, 1, 1)
    assert (counts.low_stock, counts.listed_offers) == (1, 2)

    def found(**wanted: str) -> int:
        wish = queries.OrderFilter(**wanted)
        return queries.list_branch_orders(scene.session, scene.branch.id, wish).total

    assert found() == 3
    assert found(status="open") == 3
    assert found(status="requested") == 1
    assert found(kind="goods") == 1
    assert found(text="王剪刀") == 2
    assert found(text="李大妈 越剧") == 1
    assert found(text="没有的") == 0


def test_lists_of_both_sides(scene: Scene) -> None:
    order = scene.order(scene.haircut)
    assert [one.id for one in queries.list_member_orders(scene.session, scene.asker.id).items] == [order.id]
    given = queries.list_member_orders(scene.session, scene.barber.id, side="given")
    assert [one.id for one in given.items] == [order.id]
    assert queries.list_member_orders(scene.session, scene.barber.id).total == 0


def test_another_price_than_the_one_seen_is_told_first(scene: Scene) -> None:
    before = coins_of(scene.session, scene.asker)
    with pytest.raises(service.PriceChanged, match="1 币"):
        scene.order(scene.haircut, seen_price_minutes=30)
    assert coins_of(scene.session, scene.asker) == before
    assert scene.order(scene.haircut, seen_price_minutes=60).amount_minutes == 60


@pytest.mark.parametrize("other", [{"quantity": 2}, {"wish": "周末方便"}])
def test_a_form_sent_again_with_other_content_is_not_the_first_order(scene: Scene, other: dict[str, Any]) -> None:
    scene.order(scene.tickets, form_key="same")
    with pytest.raises(FormUsed):
        scene.order(scene.tickets, form_key="same", **other)
    with pytest.raises(FormUsed):
        scene.order(scene.haircut, form_key="same")
