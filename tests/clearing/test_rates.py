"""Minutes of one branch against those of another: asked for, agreed to, reckoned, paid, and undone."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.clearing.scene import Between, key
from tests.world import NOW
from timebank.clearing import queries, service
from timebank.clearing.models import (
    RATE_AGREED,
    RATE_DECLINED,
    RATE_WITHDRAWN,
    BranchPair,
    ClearingMessage,
    PairRate,
    Proposal,
)
from timebank.clearing.rules import Amounts, Envelope, Rate, rate_words
from timebank.clearing.service import Ceiling, NettingDraft, RateDraft
from timebank.core.clock import today
from timebank.core.errors import FormUsed, NotAllowed
from timebank.ledger import queries as books
from timebank.ledger import service as ledger

DAY = timedelta(days=1)
LATER = NOW + 2 * DAY
UNITS = st.integers(1, 30)


@given(payer=UNITS, payee=UNITS, taken=st.integers(1, 2_000))
def test_a_price_costs_the_fewest_whole_minutes_that_are_worth_it(payer: int, payee: int, taken: int) -> None:
    amounts = Rate(payer, payee).cost(taken)
    assert amounts.paid * payee >= taken * payer > (amounts.paid - 1) * payee
    assert 0 <= amounts.left_at_payer() <= 1
    assert 0 <= amounts.left_at_payee() * payer < payee


@given(payer=UNITS, payee=UNITS, paid=st.integers(1, 2_000))
def test_what_arrives_is_never_worth_more_than_what_was_paid(payer: int, payee: int, paid: int) -> None:
    amounts = Rate(payer, payee).gain(paid)
    assert amounts.taken * payer <= paid * payee < (amounts.taken + 1) * payer
    assert amounts.left_at_payee() == 0


@given(payer=UNITS, payee=UNITS, taken=st.integers(2, 2_000), part=st.integers(1, 2_000))
def test_a_part_never_costs_more_than_the_whole(payer: int, payee: int, taken: int, part: int) -> None:
    whole = Rate(payer, payee).cost(taken)
    assert Rate(payer, payee).part(whole, min(part, taken)).paid <= whole.paid


def test_a_minute_is_a_minute_where_nothing_was_agreed() -> None:
    assert Rate().cost(61) == Amounts(61, 61)
    assert Rate().even


@pytest.mark.parametrize(
    ("units", "told"), [((4, 5), "甲 1 小时 = 乙 1 小时 15 分钟"), ((7, 9), "甲 7 小时 = 乙 9 小时")]
)
def test_a_rate_is_told_in_hours(units: tuple[int, int], told: str) -> None:
    assert rate_words("甲", "乙", *units) == told


@pytest.fixture
def between(session: Session) -> Between:
    return Between(session)


def draft(between: Between, at: int, minutes: int = 75, *, days: int = 2, **more: Any) -> RateDraft:
    """At ``at`` an hour of the other branch is worth so many minutes."""
    given: dict[str, Any] = {"valid_from": today(NOW) + timedelta(days=days), "form_key": key(), "words": "讲好的"}
    return RateDraft(branch_id=between.branches[at].id, minutes=minutes, **given | more)


def ask(between: Between, at: int = 0, minutes: int = 75, **more: Any) -> PairRate:
    said = draft(between, at, minutes, **more)
    return service.ask_rate(between.session, between.pair.id, said, actor=between.boss(at), now=NOW)


def agree(between: Between, rate: PairRate, at: int = 1, *, now: Any = NOW) -> PairRate:
    return service.agree_rate(
        between.session, rate.id, branch_id=between.branches[at].id, actor=between.boss(at), now=now
    )


def in_effect(between: Between, day: date, *, payer: int = 0) -> Rate:
    return queries.rate_of_pair(between.session, between.pair, payer_id=between.branches[payer].id, day=day)


def test_one_asks_the_other_agrees_and_it_holds_from_its_day(between: Between) -> None:
    """An hour of BB is worth 75 minutes of AA."""
    rate = agree(between, ask(between))
    assert (rate.status, rate.low_units, rate.high_units) == (RATE_AGREED, 5, 4)
    assert in_effect(between, today(NOW) + DAY) == Rate()
    assert in_effect(between, today(LATER)) == Rate(5, 4)
    assert in_effect(between, today(LATER), payer=1) == Rate(4, 5)


def test_until_it_is_agreed_a_minute_is_a_minute(between: Between) -> None:
    ask(between)
    assert in_effect(between, today(LATER)) == Rate()


def test_what_is_agreed_later_takes_its_place_from_its_day(between: Between) -> None:
    agree(between, ask(between))
    agree(between, ask(between, 1, 60, days=4), 0)
    assert in_effect(between, today(NOW) + 3 * DAY) == Rate(5, 4)
    assert in_effect(between, today(NOW) + 4 * DAY).even


def test_the_same_form_again_is_the_same_rate_and_another_content_is_refused(between: Between) -> None:
    said = draft(between, 0)
    first = service.ask_rate(between.session, between.pair.id, said, actor=between.boss(0), now=NOW)
    assert service.ask_rate(between.session, between.pair.id, said, actor=between.boss(0), now=NOW) is first
    with pytest.raises(FormUsed):
        ask(between, minutes=80, form_key=said.form_key)


@pytest.mark.parametrize(
    ("more", "field"), [({"minutes": 5}, "worth"), ({"minutes": 601}, "worth"), ({"days": 0}, "valid_from")]
)
def test_what_is_no_rate_is_refused(between: Between, more: dict[str, int], field: str) -> None:
    with pytest.raises(service.BadRate) as caught:
        ask(between, **more)
    assert field in caught.value.fields


def test_one_waits_at_a_time(between: Between) -> None:
    ask(between)
    with pytest.raises(service.RateWaiting):
        ask(between, 1)


def test_nobody_agrees_to_what_they_asked_for_themselves(between: Between) -> None:
    rate = ask(between)
    with pytest.raises(service.OneHandPair):
        agree(between, rate, 0)


def test_a_stranger_decides_nothing(between: Between) -> None:
    rate = ask(between)
    for actor in (between.boss(2), between.boss(0)):
        with pytest.raises(NotAllowed):
            service.agree_rate(between.session, rate.id, branch_id=between.branches[1].id, actor=actor, now=NOW)
    with pytest.raises(queries.PairNotFound):
        service.agree_rate(between.session, rate.id, branch_id=between.branches[2].id, actor=between.boss(2), now=NOW)


def test_a_yes_on_the_day_itself_comes_too_late(between: Between) -> None:
    rate = ask(between)
    with pytest.raises(service.RateTooLate):
        agree(between, rate, now=LATER)


def test_agreeing_twice_is_harmless_and_a_no_afterwards_is_refused(between: Between) -> None:
    rate = agree(between, ask(between))
    assert agree(between, rate) is rate
    with pytest.raises(service.RateAnswered):
        service.decline_rate(
            between.session, rate.id, branch_id=between.branches[1].id, words="不", actor=between.boss(1), now=NOW
        )


def test_a_no_needs_a_reason_and_leaves_room_for_another(between: Between) -> None:
    rate, here = ask(between), {"branch_id": between.branches[1].id, "actor": between.boss(1), "now": NOW}
    with pytest.raises(service.WordsMissing):
        service.decline_rate(between.session, rate.id, words=" ", **here)
    assert service.decline_rate(between.session, rate.id, words="太多", **here).status == RATE_DECLINED
    assert service.decline_rate(between.session, rate.id, words="太多", **here) is rate
    assert ask(between, minutes=70).id != rate.id


def test_only_who_asked_takes_it_back(between: Between) -> None:
    rate = ask(between)
    with pytest.raises(service.NotYours):
        service.withdraw_rate(
            between.session, rate.id, branch_id=between.branches[1].id, actor=between.boss(1), now=NOW
        )
    here = {"branch_id": between.branches[0].id, "actor": between.boss(0), "now": NOW}
    assert service.withdraw_rate(between.session, rate.id, **here).status == RATE_WITHDRAWN
    assert service.withdraw_rate(between.session, rate.id, **here) is rate
    with pytest.raises(service.RateAnswered):
        agree(between, rate)


@pytest.mark.parametrize(
    "change", ["low_units = 9", "status = 'declined', note = 'x'", "valid_from = '2027-01-01'", "words = 'anders'"]
)
def test_the_database_keeps_a_rate_as_it_was_agreed(between: Between, change: str) -> None:
    rate = agree(between, ask(between))
    with pytest.raises(DBAPIError), between.session.begin_nested():
        between.session.connection().exec_driver_sql(f"UPDATE pair_rate SET {change} WHERE id = {rate.id}")
    with pytest.raises(DBAPIError), between.session.begin_nested():
        between.session.connection().exec_driver_sql(f"DELETE FROM pair_rate WHERE id = {rate.id}")


# --- payments --------------------------------------------------------------------------------------------------------


def order(between: Between, price: int, *, payer: int = 0, **more: Any) -> Proposal:
    """Somebody asks for what costs so many minutes of the other branch."""
    ids = [branch.id for branch in between.branches]
    amounts = queries.cost_abroad(between.session, payer_id=ids[payer], payee_id=ids[1 - payer], minutes=price, now=NOW)
    more = {"taken": amounts.taken, "rate": amounts.rate} | more
    return between.propose(amounts.paid, payer=payer, payee=1 - payer, **more)


def house(between: Between, at: int, code: str) -> int:
    branch_id = between.branches[at].id
    return books.balance(between.session, books.find_house_account(between.session, branch_id, code))


def sound(between: Between) -> None:
    assert between.findings() == set()
    assert service.reconcile_all(between.session, now=NOW) == 0


def test_each_side_moves_its_own_minutes_and_both_clear_the_same_number(between: Between) -> None:
    """60 minutes of BB cost 75 of AA, the branch with the smaller id, in whose minutes the two clear: BB converts."""
    between.convert(5, 4)
    done = order(between, 60)
    assert (done.amount_minutes, done.payee_minutes) == (75, 60)
    service.settle(between.session, done.id, between.settlement(60), now=NOW)
    assert (between.coins(0), between.coins(1)) == ((525, 0), (660, 0))
    assert between.owed() == (75, 0, 225)
    assert [house(between, at, "conversion") for at in (0, 1)] == [0, 15]
    sound(between)


def test_going_there_and_coming_back_is_even(between: Between) -> None:
    between.convert(5, 4)
    service.settle(between.session, order(between, 60).id, between.settlement(60), now=NOW)
    back = order(between, 75, payer=1)
    assert back.amount_minutes == 60
    service.settle(between.session, back.id, between.settlement(75, payee=0, source_id=2), now=NOW)
    assert (between.coins(0), between.coins(1), between.owed()) == ((600, 0), (600, 0), (0, 0, 300))
    assert [house(between, 1, code) for code in ("conversion", "rounding")] == [0, 0]
    sound(between)


def test_the_minute_that_was_made_whole_stands_on_rounding(between: Between) -> None:
    """10 minutes of AA are 6⅔ of BB: the member pays 7, 6 are converted."""
    between.convert(3, 2)
    back = order(between, 10, payer=1)
    service.settle(between.session, back.id, between.settlement(10, payee=0), now=NOW)
    assert (between.coins(1), between.coins(0)) == ((593, 0), (610, 0))
    assert [house(between, 1, code) for code in ("conversion", "rounding")] == [-4, 1]
    sound(between)


def test_both_amounts_and_the_rate_stand_in_every_message(between: Between) -> None:
    between.convert(5, 4)
    done = order(between, 60)
    service.settle(between.session, done.id, between.settlement(60), now=NOW)
    for message in between.session.scalars(select(ClearingMessage).where(ClearingMessage.uid == done.uid)):
        fields = Envelope(message.content, message.hash).fields
        assert (fields["paid"], fields["taken"], fields["minutes"], fields["rate"], fields["unit"]) == (
            75, 60, 75, "5:4", "coin",
        )  # fmt: skip


def test_a_part_is_reckoned_by_the_rate_of_the_order_whatever_holds_now(between: Between) -> None:
    between.convert(5, 4)
    done = order(between, 60)
    between.convert(1, 2)
    service.settle(between.session, done.id, between.settlement(30), now=NOW)
    assert (done.settled_minutes, done.payee_settled_minutes) == (38, 30)
    assert (between.coins(0), between.coins(1), between.owed()) == ((562, 0), (630, 0), (38, 0, 262))
    sound(between)


def test_undoing_is_exact_whatever_rate_holds_now(between: Between) -> None:
    between.convert(7, 3)
    done = order(between, 61)
    service.settle(between.session, done.id, between.settlement(61), now=NOW)
    between.convert(1, 2)
    undo = ledger.Reversal(key="undo", reason="没有来", actor_id=1)
    back = service.reverse_settled(between.session, done.id, undo, now=NOW).back
    assert (back.settled_minutes, back.payee_settled_minutes) == (61, done.amount_minutes)
    assert (between.coins(0), between.coins(1), between.owed()) == ((600, 0), (600, 0), (0, 0, 300))
    assert [house(between, at, code) for at in (0, 1) for code in ("conversion", "rounding")] == [0] * 4
    sound(between)


def test_a_line_counts_the_minutes_between_the_two_a_ceiling_the_members_own(between: Between) -> None:
    between.convert(1, 2)  # a minute of AA is worth two of BB
    ceiling = Ceiling(branch_id=between.branches[1].id, peer_id=None, minutes=100, form_key="c")
    service.set_ceiling(between.session, ceiling, actor=between.boss(1), now=NOW)
    order(between, 50, payer=1)  # 100 of BB's own, 50 between the two
    assert between.owed(creditor=0) == (0, 50, 250)
    with pytest.raises(service.CeilingReached), between.session.begin_nested():
        order(between, 1, payer=1)
    with pytest.raises(service.LineFull), between.session.begin_nested():
        order(between, 602)


def test_why_not_says_what_the_service_refuses(between: Between) -> None:
    between.convert(5, 1)
    ids = [branch.id for branch in between.branches]
    for price, kind in ((60, None), (61, "line_full")):
        found = queries.why_not(between.session, payer_id=ids[0], payee_id=ids[1], minutes=price, now=NOW)
        assert (found.kind if found else None) == kind


def test_no_circle_is_netted_in_which_a_minute_is_not_a_minute(between: Between) -> None:
    between.connect(1, 2)
    between.connect(2, 0)
    for number, (payer, payee) in enumerate(((0, 1), (1, 2), (2, 0))):
        between.pay(60, payer=payer, payee=payee, source_id=number + 1)
    ids = tuple(branch.id for branch in between.branches)
    assert len(queries.list_circles(between.session, ids[0], now=NOW)) == 1
    between.convert(5, 4)
    assert queries.list_circles(between.session, ids[0], now=NOW) == []
    netting = NettingDraft(branches=ids, minutes=10, form_key="n")
    with pytest.raises(service.UnevenCircle):
        service.ask_netting(between.session, netting, branch_id=ids[0], actor=between.boss(0), now=NOW)


def test_both_months_say_the_same_where_one_side_books_in_parts(between: Between) -> None:
    between.convert(5, 4)
    fund = books.find_house_account(between.session, between.branches[1].id, "fund")
    takers = ((between.members[1].coin_account_id, 45), (fund, 15))
    done = between.settlement(60, takers=takers)
    service.settle(between.session, order(between, 60).id, done, now=NOW)
    between.pay(60, source_id=2)
    views = [
        queries.draw_statement(between.session, between.pair, "2026-11", branch_id=branch.id)
        for branch in between.branches[:2]
    ]
    assert views[0] == views[1]
    assert views[0].content.count("order:1") == 1


PAYMENTS = st.tuples(
    st.booleans(), st.integers(1, 40), st.sampled_from(["whole", "part", "cancel", "back", "less"]), UNITS, UNITS
)
_numbers = itertools.count(1)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # undone each time
@given(payments=st.lists(PAYMENTS, min_size=1, max_size=6))
def test_whatever_is_paid_by_whatever_rate_nothing_is_made_or_lost(
    rated: Between, payments: list[tuple[bool, int, str, int, int]]
) -> None:
    """Books sum to zero, mirrors hold, members move by what was announced, what is left is under one minute's worth."""
    with rated.session.begin_nested() as undoing:
        coins, left = [600, 600], [0, 0]
        for way, price, fate, low, high in payments:
            rated.convert(low, high)
            payer, payee = (0, 1) if way else (1, 0)
            coins, left = _one(rated, (payer, payee), (price, fate), coins, left)
            assert [rated.coins(at)[0] for at in (0, 1)] == coins
        assert [house(rated, at, "rounding") for at in (0, 1)] == left
        sound(rated)
        undoing.rollback()
    rated.session.expire_all()


@pytest.fixture
def rated(session: Session) -> Between:
    return Between(session, line=100_000)


def _one(
    rated: Between, way: tuple[int, int], what: tuple[int, str], coins: list[int], left: list[int]
) -> tuple[list[int], list[int]]:
    (payer, payee), (price, fate) = way, what
    ids = [branch.id for branch in rated.branches]
    told = queries.cost_abroad(rated.session, payer_id=ids[payer], payee_id=ids[payee], minutes=price, now=NOW)
    if told.paid > coins[payer]:
        return coins, left
    made, number = order(rated, price, payer=payer), next(_numbers)
    if fate == "cancel":
        service.cancel(rated.session, made.id, actor_id=None, now=NOW)
        return coins, left
    taken = -(-price // 2) if fate == "part" else price
    service.settle(rated.session, made.id, rated.settlement(taken, payee=payee, source_id=number), now=NOW)
    paid = told.paid_for(taken)
    undo = ledger.Reversal(key=f"undo:{number}", reason="错", actor_id=1)
    if fate == "back":
        service.reverse_settled(rated.session, made.id, undo, now=NOW)
        return coins, left
    if fate == "less" and price > 1:
        entry = books.get_entry(rated.session, made.payee_entry_id or 0)
        taken = price - 1
        paid = told.paid_for(taken)
        moved = ledger.TransferDraft(
            debit_id=entry.transfers[0].debit_id, credit_id=rated.members[payee].coin_account_id or 0, amount=taken,
            unit="coin",
        )  # fmt: skip
        instead = ledger.EntryDraft(
            book_id=entry.book_id, kind="inter_branch", key=f"new:{number}", transfers=(moved,), source_type="order",
            source_id=number, occurred_at=NOW, actor_id=1,
        )  # fmt: skip
        service.reverse_settled(rated.session, made.id, undo, instead=instead, now=NOW)
    amounts = Amounts(paid, taken, told.rate)
    left_here = 0 if told.rate.even else amounts.left_at_payer() if payer == 1 else amounts.left_at_payee()
    one_of_theirs = 1 if payer == 1 else -(-told.rate.payee // told.rate.payer)
    assert 0 <= left_here <= one_of_theirs
    coins, left = list(coins), list(left)
    coins[payer] -= paid
    coins[payee] += taken
    left[1] += left_here
    return coins, left


def test_rates_are_of_one_pair(between: Between) -> None:
    between.convert(5, 4)
    other = between.connect(1, 2)
    assert queries.rate_of_pair(between.session, other, payer_id=other.low_id, day=today(NOW)).even
    assert between.session.scalar(select(func.count()).select_from(BranchPair)) == 2
