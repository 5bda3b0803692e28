"""Real threads meet on one row: the last ticket, the last coin, two ends of one order. Books and stock add up after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, at_once, coins_of, committed, give, key
from tests.world import NOW, actor_of, make_member
from timebank.core.actor import Actor
from timebank.core.errors import Refusal
from timebank.exchange import queries, service
from timebank.exchange.models import OPEN, Offer, Order
from timebank.ledger import queries as books
from timebank.members.models import Member

Answers = list[Any]


def asking(offer_id: int, actor: Actor, form_key: str = "") -> Callable[[Session], Any]:
    draft = service.OrderDraft(offer_id=offer_id, form_key=form_key or key())
    return lambda session: service.request_order(session, draft, actor=actor, now=NOW).id


def won(answers: Answers) -> Answers:
    """What was not refused; anything else than a refusal is a bug."""
    bugs = [one for one in answers if isinstance(one, Exception) and not isinstance(one, Refusal)]
    assert not bugs, bugs
    return [one for one in answers if not isinstance(one, Refusal)]


def assert_books_agree(session: Session) -> None:
    """What is set aside on each account is what its open orders are worth, and nothing was made or lost."""
    for member in session.scalars(select(Member)):
        open_minutes = session.scalar(
            select(func.coalesce(func.sum(Order.amount_minutes), 0)).where(
                Order.member_id == member.id, Order.status.in_(OPEN)
            )
        )
        account = books.get_account(session, member.coin_account_id)
        assert account.held == open_minutes
        assert account.balance == books.balance(session, account.id)
    for row in session.scalars(select(Offer).where(Offer.stock.is_not(None))):
        assert row.stock is not None
        assert row.stock >= 0


def test_two_on_the_last_ticket(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            offer = scene.goods("最后一张", stock=1)
            people = [make_member(session, scene.branch) for _ in range(2)]
            for person in people:
                give(session, person, 60)
            verbs = [asking(offer.id, actor_of(session, person)) for person in people]
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == 1
        assert [type(one) for one in answers if isinstance(one, Refusal)] == [service.SoldOut]
        with work() as session:
            assert queries.get_offer(session, offer.id).stock == 0
            assert_books_agree(session)


def test_fifty_on_the_last_ticket(fresh_database: str) -> None:
    """One gets it; 49 read that none is left, keep their coins, and the stock is none."""
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            offer = scene.goods("最后一张", stock=1)
            people = [make_member(session, scene.branch) for _ in range(50)]
            for person in people:
                give(session, person, 60)
            verbs = [asking(offer.id, actor_of(session, person)) for person in people]
            ids = [person.id for person in people]
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == 1
        refusals = [one for one in answers if isinstance(one, Refusal)]
        assert [type(one) for one in refusals] == [service.SoldOut] * 49
        assert {one.message for one in refusals} == {"“最后一张”剩下的不够了：您要 1 份，还有 0 份。"}
        with work() as session:
            assert queries.get_offer(session, offer.id).stock == 0
            coins = [coins_of(session, session.get_one(Member, id_)) for id_ in ids]
            assert sorted(coins) == [(60, 0)] * 49 + [(60, 30)]
            assert session.scalar(select(func.count()).select_from(Order)) == 1
            assert_books_agree(session)


def test_fifty_on_ten(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            offer = scene.goods("粽子", stock=10)
            people = [make_member(session, scene.branch) for _ in range(50)]
            for person in people:
                give(session, person, 60)
            verbs = [asking(offer.id, actor_of(session, person)) for person in people]
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == 10
        assert {type(one) for one in answers if isinstance(one, Refusal)} == {service.SoldOut}
        with work() as session:
            assert queries.get_offer(session, offer.id).stock == 0
            assert session.scalar(select(func.count()).select_from(Order)) == 10
            assert_books_agree(session)


def test_two_orders_on_coins_for_one(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            member = make_member(session, scene.branch)
            give(session, member, 60)
            other = scene.service("修灯", category="repair")
            verbs = [asking(offer.id, actor_of(session, member)) for offer in (scene.haircut, other)]
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == 1
        assert [type(one) for one in answers if isinstance(one, Refusal)] == [service.CoinsShort]
        with work() as session:
            assert coins_of(session, member) == (60, 60)
            assert_books_agree(session)


def test_one_form_sent_many_times_at_once_is_one_order(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            verbs = [asking(scene.tickets.id, actor_of(session, scene.asker), "same") for _ in range(6)]
        answers = at_once(fresh_database, verbs)
        assert len(set(won(answers))) == 1
        assert len(won(answers)) == 6
        with work() as session:
            assert queries.get_offer(session, scene.tickets.id).stock == 1
            assert coins_of(session, scene.asker) == (180, 30)
            assert_books_agree(session)


def test_the_limit_per_member_holds_between_two_phones(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            offer = scene.goods("油", stock=9, per_member_limit=1)
            verbs = [asking(offer.id, actor_of(session, scene.asker)) for _ in range(4)]
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == 1
        assert {type(one) for one in answers if isinstance(one, Refusal)} == {service.OverLimit}
        with work() as session:
            assert queries.get_offer(session, offer.id).stock == 8
            assert_books_agree(session)


Make = Callable[[Scene, Order], Callable[[Session], Any]]


def _fulfil(scene: Scene, order: Order) -> Callable[[Session], Any]:
    actor, voucher = actor_of(scene.session, scene.manager), order.voucher
    return lambda session: service.fulfil(session, voucher, actor=actor, now=NOW)


def _cancel(scene: Scene, order: Order) -> Callable[[Session], Any]:
    actor, order_id = actor_of(scene.session, scene.asker), order.id
    return lambda session: service.cancel_order(session, order_id, reason="有事", actor=actor, now=NOW)


def _expire(_scene: Scene, order: Order) -> Callable[[Session], Any]:
    at = order.expires_at
    return lambda session: service.expire_orders(session, now=at) or _nothing()


def _nothing() -> None:
    raise service.OrderEnded(how="已经完成")


@pytest.mark.parametrize("kind", ["service", "goods"])
@pytest.mark.parametrize(
    "rivals",
    [
        (_fulfil, _cancel),
        (_fulfil, _fulfil),
        (_cancel, _cancel),
        (_fulfil, _expire),
        (_cancel, _expire),
        (_expire, _expire),
        (_fulfil, _cancel, _expire, _fulfil, _cancel),
    ],
    ids=lambda rivals: "-".join(verb.__name__.strip("_") for verb in rivals),
)
def test_an_order_ends_once(fresh_database: str, rivals: tuple[Make, ...], kind: str) -> None:
    rounds = 4
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            give(session, scene.asker, 600)
            offer = scene.goods("票", stock=rounds) if kind == "goods" else scene.haircut
            # Each order runs out a little later than the one before, so that a sweep takes part in one contest only.
            times = [NOW + timedelta(seconds=at) for at in range(rounds)]
            orders = [scene.order(offer, now=at) for at in times]
            if kind == "service":
                orders = [scene.accept(order, now=at) for order, at in zip(orders, times, strict=True)]
            contests = [[rival(scene, order) for rival in rivals] for order in orders]
            ids, price = [order.id for order in orders], offer.price_minutes
            before = coins_of(session, scene.asker)[0]
        for contest in contests:
            assert won(at_once(fresh_database, contest))
        with work() as session:
            # The sweep steps aside where somebody else holds the order; the next one finishes what is left.
            service.expire_orders(session, now=NOW + timedelta(days=31))
        with work() as session:
            ended = [session.get_one(Order, order_id).status for order_id in ids]
            done = ended.count("fulfilled")
            assert not set(ended) & set(OPEN)
            assert coins_of(session, scene.asker) == (before - done * price, 0)
            if kind == "goods":
                assert queries.get_offer(session, offer.id).stock == rounds - done
            else:
                assert coins_of(session, scene.barber) == (done * price, 0)
            assert_books_agree(session)


def test_the_sweep_and_new_orders_do_not_wait_for_each_other(fresh_database: str) -> None:
    """Many accounts and offers in one sweep, while their owners order again: nobody deadlocks."""
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            shelf = [scene.goods(f"物品{at}", stock=50) for at in range(4)]
            people = [make_member(session, scene.branch) for _ in range(12)]
            for person in people:
                give(session, person, 600)
            for at, person in enumerate(people):
                for offer in (shelf[at % 4], shelf[(at + 1) % 4]):
                    scene.order(offer, by=person, now=NOW - timedelta(days=30))
            verbs: list[Callable[[Session], Any]] = [
                asking(shelf[(at + 2) % 4].id, actor_of(session, person)) for at, person in enumerate(people)
            ]
            verbs += [lambda session: service.expire_orders(session, now=NOW)] * 3
        won(at_once(fresh_database, verbs))
        with work() as session:
            service.expire_orders(session, now=NOW)
            assert_books_agree(session)
            left = session.scalar(select(func.sum(Offer.stock)).where(Offer.title.startswith("物品")))
            assert left == 200 - 12
