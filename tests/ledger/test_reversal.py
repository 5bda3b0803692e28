"""Setting an entry right by its opposite, and by what takes its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from tests.ledger.bank import LATER, NOW, Bank, entry, transfer
from timebank.ledger import queries, service
from timebank.ledger.models import Account, FloorDecision
from timebank.ledger.rules import TransferDraft
from timebank.ledger.service import Posted


def reverse(bank: Bank, posted: Posted, key: str = "undo:1") -> Posted:
    return bank.undo(posted.entry_id, key=key, reason="录错了人", actor_id=3)


def test_a_reversal_undoes_every_transfer_and_names_the_entry(funded: Bank) -> None:
    draft = entry(
        funded.book_id,
        transfer(funded.coins["ann"], funded.coins["bo"], 60),
        transfer(funded.house("issuance", "point"), funded.points["bo"], 5, "point"),
        source_type="order",
        source_id=12,
        for_member_id=8,
        rule="2026-1",
    )
    first = service.post(funded.session, draft, now=NOW)
    undone = reverse(funded, first)
    assert [funded.stands(name)[0] for name in ("ann", "bo")] == [300, 100]
    assert queries.get_account(funded.session, funded.points["bo"]).balance == 0
    seen = queries.get_entry(funded.session, undone.entry_id)
    assert (seen.kind, seen.reverses_id, seen.source_type, seen.source_id) == ("reverse", first.entry_id, "order", 12)
    assert (seen.actor_id, seen.for_member_id, seen.rule) == (3, 8, "2026-1")
    assert seen.facts == {"reason": "录错了人", "month": "2026-09"}
    assert queries.get_entry(funded.session, first.entry_id).reversed_by_id == undone.entry_id
    assert funded.findings() == set()


def test_a_second_reversal_is_refused_and_a_repeat_is_not(funded: Bank) -> None:
    first = funded.pay("ann", "bo")
    undone = reverse(funded, first)
    again = reverse(funded, first)
    assert (again.entry_id, again.repeated) == (undone.entry_id, True)
    with pytest.raises(service.AlreadyReversed):
        reverse(funded, first, key="undo:2")
    assert funded.stands("ann") == (300, 0, 300)


def test_the_key_of_another_entry_is_no_key_for_a_reversal(funded: Bank) -> None:
    first = funded.pay("ann", "bo", key="order:1")
    with pytest.raises(service.KeyReused):
        reverse(funded, first, key="order:1")


def test_what_was_spent_meanwhile_can_be_owed_only_if_two_people_decide_so(funded: Bank) -> None:
    first = funded.pay("ann", "chen", 60)
    funded.pay("chen", "bo", 50)
    with pytest.raises(service.BelowFloor, match="要扣回 1 币，现在可用 10 分"), funded.session.begin_nested():
        reverse(funded, first)
    with pytest.raises(service.OneHand), funded.session.begin_nested():
        funded.undo(first.entry_id, actor_id=3, decided_by_id=3)
    undone = funded.undo(first.entry_id, actor_id=3, decided_by_id=4, reason="录错了人")
    assert funded.stands("chen") == (-50, 0, -50)
    [decision] = funded.session.scalars(sa.select(FloorDecision)).all()
    assert (decision.account_id, decision.entry_id, decision.floor) == (funded.coins["chen"], undone.entry_id, -50)
    assert (decision.asked_by_id, decision.decided_by_id, decision.reason) == (3, 4, "录错了人")
    assert funded.findings() == set()


def test_what_is_owed_is_paid_off_by_deposits_and_never_owed_again(funded: Bank) -> None:
    first = funded.pay("ann", "chen", 60)
    funded.pay("chen", "bo", 60)
    funded.undo(first.entry_id, actor_id=3, decided_by_id=4)
    for earned, floor in ((20, -40), (30, -10), (25, 0)):
        with pytest.raises(service.NotEnough), funded.session.begin_nested():
            funded.pay("chen", "bo", 16)
        funded.earn("chen", earned)
        assert funded.session.scalar(sa.select(Account.floor).where(Account.id == funded.coins["chen"])) == floor
    with pytest.raises(service.NotEnough):
        funded.pay("chen", "bo", 16)


def test_the_fund_never_owes_whoever_decides(funded: Bank) -> None:
    fund = funded.house("fund")
    given = service.post(
        funded.session, entry(funded.book_id, transfer(funded.coins["ann"], fund), kind="gift"), now=NOW
    )
    service.post(funded.session, entry(funded.book_id, transfer(fund, funded.coins["bo"]), kind="gift"), now=NOW)
    with pytest.raises(service.NotEnough) as refused:
        funded.undo(given.entry_id, actor_id=3, decided_by_id=4)
    assert type(refused.value) is service.NotEnough


def correct(bank: Bank, posted: Posted, *moves: TransferDraft, **others: Any) -> service.Reversed:
    instead = entry(bank.book_id, *moves, source_type="order", source_id=12)
    wanted: dict[str, Any] = {"key": f"correct:{posted.entry_id}", "reason": "时长记多了", "actor_id": 3}
    reversal = service.Reversal(replacement=instead, **wanted | others)
    return service.reverse(bank.session, posted.entry_id, reversal, now=NOW)


def test_a_correction_is_a_reversal_and_a_new_entry_that_know_each_other(bank: Bank) -> None:
    first = bank.earn("ann", 120, source_type="order", source_id=12)
    bank.pay("ann", "bo", 70)
    done = correct(bank, first, transfer(bank.issuance, bank.coins["ann"], 90))
    assert done.replacement is not None
    assert bank.stands("ann") == (20, 0, 20)
    seen = queries.get_entry(bank.session, first.entry_id)
    assert (seen.reversed_by_id, seen.replaced_by_id) == (done.reversal.entry_id, done.replacement.entry_id)
    instead = queries.get_entry(bank.session, done.replacement.entry_id)
    assert (instead.replaces_id, instead.replaced_by_id, instead.facts["month"]) == (first.entry_id, None, "2026-09")
    assert bank.findings() == set()


def test_a_correction_takes_nobody_below_the_floor_on_its_way(funded: Bank) -> None:
    """Chen got 60 for 30 minutes' work and spent 20; Ann has nothing left: what comes back pays for what stays."""
    first = funded.pay("ann", "chen", 300, source_type="order", source_id=12)
    done = correct(funded, first, transfer(funded.coins["ann"], funded.coins["chen"], 100))
    assert not done.reversal.repeated
    assert (funded.stands("ann"), funded.stands("chen")) == ((200, 0, 200), (100, 0, 100))
    assert funded.session.scalars(sa.select(FloorDecision)).all() == []


def test_a_correction_that_leaves_a_debt_is_decided_by_two(bank: Bank) -> None:
    first = bank.earn("ann", 120, source_type="order", source_id=12)
    bank.pay("ann", "bo", 110)
    moved = transfer(bank.issuance, bank.coins["ann"], 90)
    with pytest.raises(service.BelowFloor), bank.session.begin_nested():
        correct(bank, first, moved)
    correct(bank, first, moved, decided_by_id=4)
    assert bank.stands("ann") == (-20, 0, -20)
    assert bank.session.scalar(sa.select(FloorDecision.floor)) == -20
    assert bank.findings() == set()


def test_a_correction_sent_twice_is_one(bank: Bank) -> None:
    first = bank.earn("ann", 120, source_type="order", source_id=12)
    moved = transfer(bank.issuance, bank.coins["ann"], 90)
    instead = entry(bank.book_id, moved, key="instead")
    wanted = service.Reversal(key="correct", reason="时长记多了", actor_id=3, replacement=instead)
    done = service.reverse(bank.session, first.entry_id, wanted, now=NOW)
    again = service.reverse(bank.session, first.entry_id, wanted, now=LATER)
    assert again.reversal == Posted(done.reversal.entry_id, repeated=True)
    assert again.replacement is not None
    assert again.replacement.repeated
    other = replace(wanted, key="correct again", replacement=entry(bank.book_id, moved))
    with pytest.raises(service.AlreadyReversed), bank.session.begin_nested():
        service.reverse(bank.session, first.entry_id, other, now=NOW)
    assert bank.stands("ann") == (90, 0, 90)


def test_a_closed_month_is_set_right_in_the_open_one(funded: Bank) -> None:
    first = funded.pay("ann", "bo")
    seal = funded.close()
    undone = funded.undo(first.entry_id, now=LATER)
    assert queries.get_entry(funded.session, undone.entry_id).month == "2026-10"
    assert seal.entry_count == 3
    assert funded.findings() == set()


def test_a_reversal_can_itself_be_reversed(funded: Bank) -> None:
    first = funded.pay("ann", "bo")
    undone = reverse(funded, first)
    reverse(funded, undone, key="undo:2")
    assert funded.stands("ann") == (240, 0, 240)
    assert funded.findings() == set()


def test_one_side_of_an_inter_branch_pair_is_not_reversed_alone(funded: Bank) -> None:
    draft = entry(funded.book_id, transfer(funded.coins["ann"], funded.clearing("XG"), 60), kind="inter_branch")
    posted = service.post(funded.session, draft, now=NOW)
    with pytest.raises(service.OneSided):
        reverse(funded, posted)


@pytest.mark.parametrize(("taken", "floor"), [(30, -30), (20, -20)])
def test_what_was_set_aside_before_a_debt_can_still_be_paid(funded: Bank, taken: int, floor: int) -> None:
    """Chen promised 30 of 60, which turn out to be wrong and are taken back: the promise is kept, the debt stays."""
    first = funded.pay("ann", "chen", 60)
    hold_id = funded.hold("chen", 30)
    funded.undo(first.entry_id, actor_id=3, decided_by_id=4)
    assert funded.stands("chen") == (0, 30, -30)
    funded.take(hold_id, "chen", "bo", taken)
    assert funded.stands("chen") == (-taken, 0, -taken)
    assert funded.session.scalar(sa.select(Account.floor).where(Account.id == funded.coins["chen"])) == floor
    assert funded.findings() == set()


def test_an_unknown_entry_cannot_be_reversed(bank: Bank) -> None:
    with pytest.raises(service.EntryNotFound):
        reverse(bank, Posted(10**6, repeated=False))
