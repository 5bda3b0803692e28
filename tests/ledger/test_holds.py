"""Amounts set aside: placed once, ended once, by a posting, by hand or by time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.ledger.bank import NOW, Bank, entry, transfer
from timebank.ledger import queries, service
from timebank.ledger.models import HoldEnd
from timebank.ledger.rules import BadAmount, NoTransfers

WEEK = timedelta(days=7)


def test_a_hold_leaves_the_balance_and_takes_what_is_available(funded: Bank) -> None:
    hold_id = funded.hold("ann", 120)
    assert funded.stands("ann") == (300, 120, 180)
    [opened] = queries.list_open_holds(funded.session, account_id=funded.coins["ann"])
    assert (opened.id, opened.amount, opened.source_type, opened.expires_at) == (hold_id, 120, "order", NOW + WEEK)
    assert funded.findings() == set()


def test_what_is_held_cannot_be_spent_or_held_again(funded: Bank) -> None:
    funded.hold("bo", 60)
    with pytest.raises(service.NotEnough, match="现在可用 40 分"), funded.session.begin_nested():
        funded.pay("bo", "ann", 41)
    with pytest.raises(service.NotEnough), funded.session.begin_nested():
        funded.hold("bo", 41)
    funded.pay("bo", "ann", 40)
    assert funded.stands("bo") == (60, 60, 0)


def test_a_repeat_holds_once(funded: Bank) -> None:
    first = funded.hold("ann", 60, key="order:1")
    assert funded.hold("ann", 60, key="order:1", expires_at=NOW + 2 * WEEK) == first
    assert funded.stands("ann") == (300, 60, 240)


@pytest.mark.parametrize("others", [{"amount": 61}, {"source_id": 2}, {"source_type": "offer"}])
def test_the_same_key_for_another_hold_is_refused(funded: Bank, others: dict[str, Any]) -> None:
    funded.hold("ann", 60, key="order:1")
    with pytest.raises(service.KeyReused):
        funded.hold("ann", **{"amount": 60, "key": "order:1"} | others)


@pytest.mark.parametrize("amount", [0, -60, 1.5])
def test_only_whole_amounts_are_held(funded: Bank, amount: Any) -> None:
    with pytest.raises(BadAmount):
        funded.hold("ann", amount)


def test_only_running_accounts_can_hold(funded: Bank) -> None:
    for account_id in (funded.issuance, 10**6):
        with pytest.raises(service.AccountNotFound):
            funded.hold("ann", account_id=account_id)


def test_an_account_with_a_hold_stays_open_and_a_closed_one_holds_nothing(funded: Bank) -> None:
    funded.hold("bo", 100)
    with pytest.raises(service.AccountNotEmpty, match="其中冻结 1 币 40 分"):
        service.close_account(funded.session, funded.coins["bo"])
    service.close_account(funded.session, funded.coins["chen"])
    with pytest.raises(service.AccountClosed):
        funded.hold("chen", 1)


# --- posting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("taken", "left"), [(60, 240), (25, 275)])
def test_posting_takes_the_whole_or_a_part_and_frees_the_rest(funded: Bank, taken: int, left: int) -> None:
    hold_id = funded.hold("ann", 60)
    posted = funded.take(hold_id, "ann", "bo", taken)
    assert (funded.stands("ann"), funded.stands("bo")) == ((left, 0, left), (100 + taken, 0, 100 + taken))
    end = funded.session.get_one(HoldEnd, hold_id)
    assert (end.how, end.entry_id, end.posted_amount) == ("post", posted.entry_id, taken)
    assert funded.findings() == set()


def test_everything_held_can_be_posted_when_nothing_else_is_left(funded: Bank) -> None:
    hold_id = funded.hold("bo", 100)
    funded.take(hold_id, "bo", "ann", 100)
    assert funded.stands("bo") == (0, 0, 0)


def test_a_posting_may_move_points_beside_what_was_held(funded: Bank) -> None:
    hold_id = funded.hold("ann", 60)
    thanks = transfer(funded.house("issuance", "point"), funded.points["bo"], 5, "point")
    draft = entry(funded.book_id, transfer(funded.coins["ann"], funded.coins["bo"], 60), thanks)
    service.post_hold(funded.session, hold_id, draft, now=NOW)
    assert queries.get_account(funded.session, funded.points["bo"]).balance == 5


def test_posting_again_with_the_same_key_gives_the_first_answer(funded: Bank) -> None:
    hold_id = funded.hold("ann", 60)
    first = funded.take(hold_id, "ann", "bo", 60, key="voucher:1")
    again = funded.take(hold_id, "ann", "bo", 60, key="voucher:1")
    assert (again.entry_id, again.repeated) == (first.entry_id, True)
    assert funded.stands("ann") == (240, 0, 240)


def test_posting_again_for_another_amount_is_refused(funded: Bank) -> None:
    hold_id = funded.hold("ann", 60)
    funded.take(hold_id, "ann", "bo", 60, key="voucher:1")
    with pytest.raises(service.KeyReused):
        funded.take(hold_id, "ann", "bo", 30, key="voucher:1")
    with pytest.raises(service.HoldEnded, match="已扣款"):
        funded.take(hold_id, "ann", "bo", 60, key="voucher:2")


def test_an_entry_that_was_there_before_ends_no_hold(funded: Bank) -> None:
    funded.pay("ann", "bo", 60, key="voucher:1")
    hold_id = funded.hold("ann", 60)
    with pytest.raises(service.KeyReused):
        funded.take(hold_id, "ann", "bo", 60, key="voucher:1")


def test_a_posting_is_refused_in_this_order(funded: Bank) -> None:
    ann, bo = funded.coins["ann"], funded.coins["bo"]
    hold_id = funded.hold("ann", 60)
    cases: list[tuple[int, list[Any], type[Exception]]] = [
        (10**6, [], NoTransfers),
        (10**6, [transfer(ann, bo, 0)], BadAmount),
        (10**6, [transfer(ann, bo, 61)], service.HoldNotFound),
        (hold_id, [transfer(bo, ann, 60)], service.NotFromHold),
        (hold_id, [transfer(ann, bo, 61)], service.HoldTooSmall),
        (hold_id, [transfer(ann, bo, 31), transfer(ann, funded.coins["chen"], 30)], service.HoldTooSmall),
    ]
    for wanted, transfers, refusal in cases:
        with pytest.raises(refusal):
            service.post_hold(funded.session, wanted, entry(funded.book_id, *transfers), now=NOW)
    assert funded.stands("ann") == (300, 60, 240)


# --- the other ends ------------------------------------------------------------------------------------------------


def test_voiding_gives_it_back_and_twice_is_harmless(funded: Bank) -> None:
    hold_id = funded.hold("ann", 60)
    for _ in range(2):
        service.void_hold(funded.session, hold_id, actor_id=None, now=NOW)
    assert funded.stands("ann") == (300, 0, 300)
    assert funded.findings() == set()


def test_only_what_is_overdue_and_of_that_kind_expires(funded: Bank) -> None:
    overdue = [funded.hold("ann", 30), funded.hold("ann", 20), funded.hold("bo", 10)]
    funded.hold("ann", 5, expires_at=NOW + WEEK + timedelta(microseconds=1))
    funded.hold("ann", 7, source_type="transfer")
    ended = funded.hold("bo", 8)
    service.void_hold(funded.session, ended, actor_id=None, now=NOW)
    assert service.expire_holds(funded.session, source_type="order", now=NOW + WEEK - timedelta(seconds=1)) == []
    assert service.expire_holds(funded.session, source_type="order", now=NOW + WEEK) == overdue
    assert service.expire_holds(funded.session, source_type="order", now=NOW + WEEK) == []
    assert (funded.stands("ann"), funded.stands("bo")) == ((300, 12, 288), (100, 0, 100))
    assert funded.findings() == set()


def test_expiry_takes_small_bites(funded: Bank) -> None:
    placed = [funded.hold("ann", 1) for _ in range(5)]
    bites = [service.expire_holds(funded.session, source_type="order", now=NOW + WEEK, at_most=2) for _ in range(4)]
    assert bites == [placed[:2], placed[2:4], placed[4:], []]


@pytest.mark.parametrize("first", ["post", "void", "expire"])
@pytest.mark.parametrize("second", ["post", "void", "expire"])
def test_a_hold_ends_once(funded: Bank, first: str, second: str) -> None:
    hold_id = funded.hold("ann", 60)

    def end(how: str) -> object:
        if how == "post":
            return funded.take(hold_id, "ann", "bo", 60)
        if how == "void":
            return service.void_hold(funded.session, hold_id, actor_id=None, now=NOW)
        return service.expire_holds(funded.session, source_type="order", now=NOW + WEEK)

    end(first)
    stood = funded.stands("ann"), funded.stands("bo")
    if second == "expire":
        assert end(second) == []
    elif (first, second) == ("void", "void"):
        end(second)
    else:
        with pytest.raises(service.HoldEnded):
            end(second)
    assert (funded.stands("ann"), funded.stands("bo")) == stood
    assert funded.session.get_one(HoldEnd, hold_id).how == first


def test_an_unknown_hold_cannot_be_voided(bank: Bank) -> None:
    with pytest.raises(service.HoldNotFound):
        service.void_hold(bank.session, 10**6, actor_id=None, now=NOW)
