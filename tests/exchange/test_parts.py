"""Only some of it was done: that much moves, the rest is free again, and every figure says what was really taken."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, coins_of, give, key
from tests.rulebook.saving import save_rule
from tests.world import NOW, actor_of, make_member
from timebank.archives.queries import tables
from timebank.corrections import service as corrections
from timebank.exchange import queries, rules, service
from timebank.exchange.models import Offer
from timebank.exchange.queries.pace import category_paces
from timebank.growth.queries import get_statement
from timebank.ledger import queries as ledger
from timebank.ledger.models import HoldEnd
from timebank.ledger.verification import verify
from timebank.notices.models import Notice
from timebank.rulebook.rules import TO_FUND

DAY = timedelta(days=1)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def part(minutes: int | None = None, *, quantity: int | None = None, reason: str = "只剪了一半") -> service.Part:
    return service.Part(minutes=minutes, quantity=quantity, reason=reason)


def stock(scene: Scene) -> int | None:
    scene.session.expire_all()
    return scene.session.get_one(Offer, scene.tickets.id).stock


def clean(scene: Scene) -> bool:
    return not [found for check in verify(scene.session, scene.branch.id) for found in check.findings]


def test_part_of_a_service_moves_that_much_and_frees_the_rest(scene: Scene) -> None:
    order = scene.fulfil(scene.accept(scene.order(scene.haircut)), part=part(20)).order
    assert (order.status, order.booked_minutes, order.amount_now, order.part_reason) == (
        "fulfilled",
        20,
        20,
        "只剪了一半",
    )
    assert coins_of(scene.session, scene.asker) == (160, 0)
    assert coins_of(scene.session, scene.barber) == (20, 0)
    end = scene.session.get_one(HoldEnd, order.hold_id)
    assert (end.how, end.posted_amount) == ("post", 20)
    assert clean(scene)


def test_part_of_the_goods_is_handed_out_and_the_rest_is_back_in_stock(scene: Scene) -> None:
    order = scene.order(scene.tickets, quantity=2)
    assert stock(scene) == 0
    scene.fulfil(order, part=part(quantity=1, reason=""))
    assert (order.booked_quantity, order.booked_minutes, stock(scene)) == (1, 30, 1)
    assert coins_of(scene.session, scene.asker) == (150, 0)
    entry = ledger.get_entry(scene.session, order.entry_id or 0)
    assert entry.facts["quantity"] == 1
    assert clean(scene)


def test_all_of_it_is_no_part(scene: Scene) -> None:
    order = scene.fulfil(scene.order(scene.tickets, quantity=2), part=part(quantity=2)).order
    assert (order.fulfilled_minutes, order.fulfilled_quantity, order.part_reason) == (None, None, "")


@pytest.mark.parametrize("wrong", [part(0), part(61), part(None), part(20, reason=" ")])
def test_a_part_of_a_service_is_some_minutes_with_a_reason(scene: Scene, wrong: service.Part) -> None:
    order = scene.accept(scene.order(scene.haircut))
    with pytest.raises(service.BadPart) as refused:
        scene.fulfil(order, part=wrong)
    assert refused.value.fields
    assert order.status == "accepted"


@pytest.mark.parametrize("wrong", [part(quantity=0), part(quantity=3), part(30)])
def test_a_part_of_goods_is_some_pieces(scene: Scene, wrong: service.Part) -> None:
    with pytest.raises(service.BadPart):
        scene.fulfil(scene.order(scene.tickets, quantity=2), part=wrong)


def test_the_same_part_again_is_calm_and_another_is_refused(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.fulfil(order, part=part(20))
    assert scene.fulfil(order, part=part(20)).repeated
    assert scene.fulfil(order).repeated
    with pytest.raises(rules.AlreadyFulfilled):
        scene.fulfil(order, part=part(30))
    assert coins_of(scene.session, scene.barber) == (20, 0)


def test_the_member_is_told_what_came_back_and_why(scene: Scene) -> None:
    scene.fulfil(scene.accept(scene.order(scene.haircut)), part=part(20))
    notice = scene.session.scalars(sa.select(Notice).where(Notice.kind == "order.fulfilled_in_part")).one()
    assert notice.member_id == scene.asker.id
    assert notice.facts == {"title": "上门理发", "done": "一部分", "minutes": 20, "rest": 40, "reason": "只剪了一半"}


def test_what_the_provider_may_not_hold_goes_to_the_fund_of_the_part_alone(scene: Scene) -> None:
    save_rule(scene.session, scene.branch.id, NOW, now=NOW - DAY, holding_cap_minutes=10)
    order = scene.fulfil(scene.accept(scene.order(scene.haircut)), part=part(25)).order
    assert coins_of(scene.session, scene.barber) == (10, 0)
    assert ledger.get_entry(scene.session, order.entry_id or 0).facts[TO_FUND] == 15
    assert clean(scene)


def test_figures_say_what_was_really_taken(scene: Scene) -> None:
    order = scene.fulfil(scene.accept(scene.order(scene.haircut)), part=part(20)).order
    rows = list(tables.order_rows(scene.session, scene.branch, "2026-11", tables.EntryNumbers()))
    assert [row[8] for row in rows] == [20]
    month = (NOW - 20 * DAY, NOW + 10 * DAY)
    [pace] = [
        one for one in category_paces(scene.session, scene.branch.id, [month], today=date(2026, 11, 22))
        if one.category == "haircut"
    ]  # fmt: skip
    assert pace.minutes == (20,)
    assert [line.amount for line in get_statement(scene.session, scene.barber).lines] == [20]
    assert order.booked_minutes == 20


def test_a_limit_per_member_counts_what_was_handed_out(scene: Scene) -> None:
    offer = scene.goods("香皂", stock=9, per_member_limit=2)
    scene.fulfil(scene.order(offer, quantity=2), part=part(quantity=1))
    assert queries.count_taken(scene.session, offer.id, scene.asker.id) == 1
    scene.order(offer, quantity=1)
    with pytest.raises(service.OverLimit):
        scene.order(offer, quantity=1)


def test_a_part_is_corrected_from_what_was_taken(scene: Scene) -> None:
    order = scene.fulfil(scene.accept(scene.order(scene.haircut)), part=part(20)).order
    actor = actor_of(scene.session, scene.manager)

    def ask(minutes: int | None) -> Any:
        draft = corrections.CorrectionDraft(entry_id=order.entry_now_id or 0, minutes=minutes, reason="少算一点")
        return corrections.ask(scene.session, draft, form_key=key(), actor=actor, now=NOW)

    with pytest.raises(rules.NotLess):
        ask(20)
    ask(15)
    scene.session.expire_all()
    assert order.amount_now == 15
    ask(None)
    scene.session.expire_all()
    assert (order.undone, coins_of(scene.session, scene.asker)) == (True, (180, 0))
    assert clean(scene)


@pytest.mark.parametrize(
    "change",
    [
        "fulfilled_minutes = 30",
        "fulfilled_minutes = NULL",
        "amount_minutes = 90",
        "status = 'accepted', fulfilled_at = NULL, fulfilled_minutes = NULL",
    ],
)
def test_the_database_keeps_what_was_taken(scene: Scene, change: str) -> None:
    order = scene.fulfil(scene.accept(scene.order(scene.haircut)), part=part(20)).order
    with pytest.raises(DBAPIError), scene.session.begin_nested():
        scene.session.execute(sa.text(f"UPDATE exchange_order SET {change} WHERE id = :id"), {"id": order.id})


def test_more_than_was_taken_is_not_given_back_in_the_database(scene: Scene) -> None:
    order = scene.fulfil(scene.accept(scene.order(scene.haircut)), part=part(20)).order
    row = {"order": order.id, "entry": order.entry_id, "by": scene.manager.id, "at": NOW.replace(tzinfo=None)}
    text = (
        "INSERT INTO order_correction (order_id, amount_minutes, corrects_id, entry_id, key, reason, by_id, at) "
        "VALUES (:order, -21, :entry, :entry, 'x', 'x', :by, :at)"
    )
    with pytest.raises(DBAPIError, match=r"no more is given back|no reversal"), scene.session.begin_nested():
        scene.session.execute(sa.text(text), row)


def test_everybody_else_gets_their_coins_as_before(scene: Scene) -> None:
    other = make_member(scene.session, scene.branch)
    give(scene.session, other, 60)
    scene.fulfil(scene.accept(scene.order(scene.haircut, by=other)))
    assert coins_of(scene.session, scene.barber) == (60, 0)
