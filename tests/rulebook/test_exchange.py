"""Rules at the counter: what a provider may hold, and what has to be earned before the first redemption."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, coins_of, give
from tests.rulebook.saving import save_rule
from tests.world import NOW
from timebank.exchange.service import NotEnoughEarned
from timebank.growth.queries import get_statement
from timebank.ledger import queries as ledger
from timebank.ledger.service import EntryDraft, Reversal, TransferDraft, post, reverse
from timebank.notices.queries import list_notices

BEFORE = NOW - timedelta(days=2)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def fund(scene: Scene) -> int:
    return ledger.balance(scene.session, ledger.find_house_account(scene.session, scene.branch.id, "fund"))


def test_what_a_provider_may_not_hold_goes_to_the_fund_in_the_same_entry(scene: Scene) -> None:
    save_rule(scene.session, scene.branch.id, NOW, now=BEFORE, holding_cap_minutes=100)
    give(scene.session, scene.barber, 60)
    order = scene.accept(scene.order(scene.haircut))
    scene.fulfil(order)
    assert coins_of(scene.session, scene.asker) == (120, 0)
    assert coins_of(scene.session, scene.barber) == (100, 0)
    assert fund(scene) == 20
    entry = ledger.get_entry(scene.session, order.entry_id or 0)
    assert (entry.rule, entry.facts["fund_minutes"]) == ("rules/BL/1", 20)
    assert [one.amount for one in entry.transfers] == [40, 20]
    line = get_statement(scene.session, scene.barber).lines[0]
    assert line.text.endswith("（另有 20 分 超过持有上限，转入爱心基金）")
    told = list_notices(scene.session, scene.barber.id).items[0]
    assert "存入 40 分" in told.title
    assert "爱心基金" in told.text
    fund_line, line = get_statement(scene.session, scene.asker).lines[:2]
    assert (line.amount, fund_line.amount) == (-40, -20)
    assert line.text == "兑换 40 分 · 王师傅 为您提供“上门理发”"
    assert fund_line.text == "兑换 20 分 · 王师傅 为您提供“上门理发”（这一部分转入爱心基金）"


def test_a_provider_who_holds_enough_gives_it_all_to_the_fund_and_is_not_paid_less_by_a_repeat(scene: Scene) -> None:
    save_rule(scene.session, scene.branch.id, NOW, now=BEFORE, holding_cap_minutes=60)
    give(scene.session, scene.barber, 90)
    order = scene.accept(scene.order(scene.haircut))
    scene.fulfil(order)
    assert scene.fulfil(order).repeated
    assert (coins_of(scene.session, scene.barber), fund(scene)) == ((90, 0), 60)
    reverse(scene.session, order.entry_id or 0, Reversal(key="undo", reason="没有做", actor_id=None), now=NOW)
    assert (coins_of(scene.session, scene.asker), fund(scene)) == ((180, 0), 0)


def test_goods_know_no_holding_cap(scene: Scene) -> None:
    save_rule(scene.session, scene.branch.id, NOW, now=BEFORE, holding_cap_minutes=1)
    order = scene.order(scene.tickets)
    scene.fulfil(order)
    assert fund(scene) == 0
    assert ledger.get_entry(scene.session, order.entry_id or 0).rule == "rules/BL/1"


def test_without_a_rule_entries_name_the_built_in_one(scene: Scene) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.fulfil(order)
    assert ledger.get_entry(scene.session, order.entry_id or 0).rule == "rules/0"


def test_a_first_redemption_says_how_much_is_missing(scene: Scene) -> None:
    save_rule(scene.session, scene.branch.id, NOW, now=BEFORE, first_redemption_minutes=300)
    with pytest.raises(NotEnoughEarned) as refused:
        scene.order(scene.haircut)
    for words in ("满 5 币", "存入了 3 币", "还差 2 币"):
        assert words in refused.value.message
    assert coins_of(scene.session, scene.asker) == (180, 0)
    give(scene.session, scene.asker, 120)
    scene.order(scene.haircut)


def test_once_something_is_ordered_the_next_order_is_not_the_first(scene: Scene) -> None:
    order = scene.order(scene.haircut)
    save_rule(scene.session, scene.branch.id, NOW, now=BEFORE, first_redemption_minutes=300)
    scene.order(scene.tickets)
    scene.cancel(order)
    order = scene.order(scene.haircut)  # the ticket still stands
    scene.accept(order)
    scene.fulfil(order)
    assert coins_of(scene.session, scene.asker)[0] == 120


def test_an_order_that_was_taken_back_does_not_count_as_the_first(scene: Scene) -> None:
    order = scene.order(scene.haircut)
    scene.cancel(order)
    save_rule(scene.session, scene.branch.id, NOW, now=BEFORE, first_redemption_minutes=300)
    with pytest.raises(NotEnoughEarned):
        scene.order(scene.haircut)


def test_an_order_whose_time_has_run_out_does_not_count_as_the_first(scene: Scene) -> None:
    scene.order(scene.haircut)
    save_rule(scene.session, scene.branch.id, NOW, now=BEFORE, first_redemption_minutes=300)
    with pytest.raises(NotEnoughEarned):
        scene.order(scene.haircut, now=NOW + timedelta(days=8))


def test_what_was_taken_back_or_came_from_neighbours_was_not_earned(scene: Scene) -> None:
    session, asker = scene.session, scene.asker
    issuance = ledger.find_house_account(session, scene.branch.id, "issuance")
    account = asker.coin_account_id or 0
    assert ledger.issued_to(session, account) == 180
    for key, source in (("wrong", issuance), ("gift", scene.barber.coin_account_id or 0)):
        if key == "gift":
            give(session, scene.barber, 200)
        draft = EntryDraft(
            book_id=scene.branch.id,
            kind="adjust" if key == "gift" else "earn",
            key=key,
            transfers=(TransferDraft(debit_id=source, credit_id=account, amount=200, unit="coin"),),
            source_type="test",
            source_id=None,
            occurred_at=NOW,
            actor_id=None,
        )
        posted = post(session, draft, now=NOW)
        if key == "wrong":
            assert ledger.issued_to(session, account) == 380
            reverse(session, posted.entry_id, Reversal(key="undo", reason="记错了", actor_id=None), now=NOW)
    assert ledger.get_account(session, account).balance == 380
    assert ledger.issued_to(session, account) == 180


def test_the_rule_holds_from_its_day_on(scene: Scene) -> None:
    save_rule(scene.session, scene.branch.id, NOW + timedelta(days=1), now=NOW, first_redemption_minutes=300)
    scene.cancel(scene.order(scene.haircut))
    with pytest.raises(NotEnoughEarned):
        scene.order(scene.haircut, now=NOW + timedelta(days=1))
