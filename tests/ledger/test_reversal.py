"""Setting an entry right by its opposite."""

from __future__ import annotations

import pytest

from tests.ledger.bank import LATER, NOW, Bank, entry, transfer
from timebank.ledger import queries, service
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


def test_what_was_spent_meanwhile_cannot_be_taken_back(funded: Bank) -> None:
    first = funded.pay("ann", "chen", 60)
    funded.pay("chen", "bo", 1)
    with pytest.raises(service.NotEnough):
        reverse(funded, first)


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


def test_an_inter_branch_entry_stays_one_when_reversed(funded: Bank) -> None:
    clearing = service.open_account(
        funded.session, book_id=funded.book_id, code="clearing:XG", kind="clearing", unit="coin"
    )
    draft = entry(funded.book_id, transfer(funded.coins["ann"], clearing, 60), kind="inter_branch")
    undone = reverse(funded, service.post(funded.session, draft, now=NOW))
    assert queries.get_entry(funded.session, undone.entry_id).kind == "inter_branch"
    assert queries.balance(funded.session, clearing) == 0


def test_an_unknown_entry_cannot_be_reversed(bank: Bank) -> None:
    with pytest.raises(service.EntryNotFound):
        reverse(bank, Posted(10**6, repeated=False))
