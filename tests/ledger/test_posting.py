"""Posting one entry or thousands."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.ledger.bank import LATER, NOW, Bank, entry, open_bank, transfer
from timebank.core.errors import Refusal
from timebank.ledger import queries, service
from timebank.ledger.models import Account, Entry, Transfer
from timebank.ledger.rules import BadAmount, NoTransfers, SameAccount


def counted(bank: Bank) -> list[int]:
    """How many entries and transfers there are."""
    return [bank.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (Entry, Transfer)]


def test_a_deposit_reaches_the_member_and_shows_as_issued(bank: Bank) -> None:
    posted = bank.earn("ann", 90)
    assert not posted.repeated
    assert bank.stands("ann") == (90, 0, 90)
    assert queries.balance(bank.session, bank.issuance) == -90


def test_an_entry_may_move_several_accounts_and_both_units_at_once(funded: Bank) -> None:
    draft = entry(
        funded.book_id,
        transfer(funded.coins["ann"], funded.coins["bo"], 45),
        transfer(funded.coins["ann"], funded.coins["chen"], 15),
        transfer(funded.house("issuance", "point"), funded.points["bo"], 7, "point"),
        facts={"offer": "理发 𠮷"},
    )
    posted = service.post(funded.session, draft, now=NOW)
    assert [funded.stands(name)[0] for name in ("ann", "bo", "chen")] == [240, 145, 15]
    assert queries.get_account(funded.session, funded.points["bo"]).balance == 7
    seen = queries.get_entry(funded.session, posted.entry_id)
    assert [(t.debit, t.credit, t.amount, t.unit) for t in seen.transfers] == [
        ("member:ann", "member:bo", 45, "coin"),
        ("member:ann", "member:chen", 15, "coin"),
        ("issuance", "member:bo", 7, "point"),
    ]
    assert (seen.month, seen.number, seen.facts) == ("2026-09", 3, {"offer": "理发 𠮷"})
    assert funded.findings() == set()


def test_the_last_minute_can_be_spent_and_not_one_more(funded: Bank) -> None:
    funded.pay("bo", "ann", 100)
    with pytest.raises(service.NotEnough):
        funded.pay("bo", "ann", 1)


def test_the_refusal_names_what_is_needed_and_what_is_there(funded: Bank) -> None:
    draft = entry(
        funded.book_id,
        transfer(funded.coins["ann"], funded.coins["chen"], 200),  # enough here, and first in id order
        transfer(funded.coins["bo"], funded.coins["chen"], 130),
    )
    with pytest.raises(service.NotEnough) as refused:
        service.post(funded.session, draft, now=NOW)
    assert refused.value.facts == {"needed": "2 币 10 分", "available": "1 币 40 分", "account": "member:bo"}


def test_points_are_refused_in_points(bank: Bank) -> None:
    draft = entry(bank.book_id, transfer(bank.points["ann"], bank.points["bo"], 5, "point"))
    with pytest.raises(service.NotEnough, match="需要 5 分，现在可用 0 分"):
        service.post(bank.session, draft, now=NOW)


def test_what_came_in_may_go_out_in_the_same_entry_but_not_before(bank: Bank) -> None:
    into, out = transfer(bank.issuance, bank.coins["ann"], 60), transfer(bank.coins["ann"], bank.coins["bo"], 60)
    with pytest.raises(service.NotEnough, match="需要 1 币，现在可用 0 币"), bank.session.begin_nested():
        service.post(bank.session, entry(bank.book_id, out, into), now=NOW)
    service.post(bank.session, entry(bank.book_id, into, out), now=NOW)
    assert (bank.stands("ann"), bank.stands("bo")) == ((0, 0, 0), (60, 0, 60))
    assert bank.findings() == set()


@pytest.mark.parametrize(
    ("transfers", "refusal"),
    [([], NoTransfers), ([(0, 1, 0)], BadAmount), ([(0, 1, -60)], BadAmount), ([(1, 1, 60)], SameAccount)],
)
def test_an_unsound_draft_writes_nothing(funded: Bank, transfers: list[Any], refusal: type[Refusal]) -> None:
    accounts = [funded.coins["ann"], funded.coins["bo"]]
    before = counted(funded)
    drafted = [transfer(accounts[debit], accounts[credit], amount) for debit, credit, amount in transfers]
    with pytest.raises(refusal):
        service.post(funded.session, entry(funded.book_id, *drafted), now=NOW)
    assert counted(funded) == before


def test_a_closed_account_takes_nothing(funded: Bank) -> None:
    service.close_account(funded.session, funded.coins["chen"])
    with pytest.raises(service.AccountClosed, match="member:chen"):
        funded.pay("ann", "chen")


def test_an_account_closes_only_when_empty(funded: Bank) -> None:
    with pytest.raises(service.AccountNotEmpty, match="1 币 40 分（其中冻结 0 币）"):
        service.close_account(funded.session, funded.coins["bo"])
    for unknown in (funded.issuance, 10**6):
        with pytest.raises(service.AccountNotFound):
            service.close_account(funded.session, unknown)


def test_opening_an_account_again_finds_it(bank: Bank) -> None:
    again = service.open_account(bank.session, book_id=bank.book_id, code="member:ann", kind="member", unit="coin")
    assert again == bank.coins["ann"]


# --- repeats -------------------------------------------------------------------------------------------------------


def test_a_repeat_gives_the_first_answer_and_moves_nothing(bank: Bank) -> None:
    first = bank.earn("ann", 60, key="shift:1")
    again = bank.earn("ann", 60, key="shift:1", actor_id=7, facts={"door": "other"})
    assert (again.entry_id, again.repeated) == (first.entry_id, True)
    assert bank.stands("ann") == (60, 0, 60)


def test_a_repeat_is_known_even_when_the_money_is_gone_or_the_month_closed(funded: Bank) -> None:
    first = funded.pay("bo", "ann", 100, key="order:1")
    funded.close()
    again = funded.pay("bo", "ann", 100, key="order:1", now=LATER)
    assert (again.entry_id, again.repeated) == (first.entry_id, True)


@pytest.mark.parametrize("others", [{"amount": 61}, {"kind": "gift"}, {"source_id": 2}])
def test_the_same_key_for_something_else_is_refused(bank: Bank, others: dict[str, Any]) -> None:
    bank.earn("ann", 60, key="shift:1")
    with pytest.raises(service.KeyReused):
        bank.earn("ann", **{"amount": 60, "key": "shift:1"} | others)


def test_each_book_has_its_own_keys(bank: Bank) -> None:
    other = open_bank(bank.session, "XG")
    assert not bank.earn("ann", key="shift:1").repeated
    assert not other.earn("ann", key="shift:1").repeated


# --- many at once --------------------------------------------------------------------------------------------------


def deposits(bank: Bank, number: int, prefix: str = "many") -> list[Any]:
    accounts = list(bank.coins.values())
    return [
        entry(bank.book_id, transfer(bank.issuance, accounts[n % 3], 60), key=f"{prefix}:{n}") for n in range(number)
    ]


@pytest.mark.slow
def test_many_entries_keep_their_order_and_their_numbers(bank: Bank) -> None:
    drafts = deposits(bank, 2_500)
    posted = service.post_many(bank.session, drafts, now=NOW)
    assert [p.entry_id for p in posted] == sorted(p.entry_id for p in posted)
    rows = bank.session.execute(sa.select(Entry.id, Entry.key).where(Entry.book_id == bank.book_id))
    keys = dict(rows.all())
    assert [keys[p.entry_id] for p in posted] == [draft.key for draft in drafts]
    assert sum(bank.stands(name)[0] for name in bank.coins) == 2_500 * 60
    assert bank.findings() == set()


def test_many_repeated_give_the_first_answers(bank: Bank) -> None:
    first = service.post_many(bank.session, deposits(bank, 10), now=NOW)
    again = service.post_many(bank.session, deposits(bank, 10), now=NOW)
    assert [p.entry_id for p in again] == [p.entry_id for p in first]
    assert all(p.repeated for p in again)
    assert counted(bank) == [10, 10]


def test_nothing_posted_is_nothing_done(bank: Bank) -> None:
    assert service.post_many(bank.session, [], now=NOW) == []


@pytest.mark.parametrize("case", ["half_known", "one_key_twice", "one_cannot_pay", "other_book_known"])
def test_many_are_all_or_nothing(funded: Bank, case: str) -> None:
    other = open_bank(funded.session, "XG")
    drafts = deposits(funded, 4)
    if case == "half_known":
        service.post_many(funded.session, drafts[:2], now=NOW)
    elif case == "one_key_twice":
        drafts.append(drafts[0])
    elif case == "one_cannot_pay":
        drafts.append(entry(funded.book_id, transfer(funded.coins["chen"], funded.coins["ann"], 500)))
    else:
        drafts += deposits(other, 1)
        service.post_many(funded.session, drafts[-1:], now=NOW)
    before = counted(funded), [funded.stands(name) for name in funded.coins]
    with pytest.raises((service.KeyReused, service.NotEnough)), funded.session.begin_nested():
        service.post_many(funded.session, drafts, now=NOW)
    assert (counted(funded), [funded.stands(name) for name in funded.coins]) == before
    assert funded.findings() == set()


def test_a_batch_is_judged_in_the_order_given(bank: Bank) -> None:
    into = entry(bank.book_id, transfer(bank.issuance, bank.coins["ann"], 60))
    out = entry(bank.book_id, transfer(bank.coins["ann"], bank.coins["bo"], 60))
    with pytest.raises(service.NotEnough), bank.session.begin_nested():
        service.post_many(bank.session, [out, into], now=NOW)
    service.post_many(bank.session, [into, out], now=NOW)
    assert bank.stands("bo") == (60, 0, 60)


def test_two_books_can_be_posted_in_one_go(bank: Bank) -> None:
    other = open_bank(bank.session, "XG")
    mixed = [deposits(other, 1)[0], *deposits(bank, 2), deposits(other, 2)[1]]
    posted = service.post_many(bank.session, mixed, now=NOW)
    stored = [bank.session.get_one(Entry, p.entry_id) for p in posted]
    assert [(e.book_id, e.key) for e in stored] == [(draft.book_id, draft.key) for draft in mixed]
    assert bank.findings() == other.findings() == set()


def test_an_account_of_another_book_is_no_account_here(bank: Bank) -> None:
    other = open_bank(bank.session, "XG")
    with pytest.raises(sa.exc.IntegrityError):
        service.post(bank.session, entry(bank.book_id, transfer(bank.issuance, other.coins["ann"])), now=NOW)


def test_house_accounts_keep_no_running_figures(funded: Bank) -> None:
    house = funded.session.get_one(Account, funded.issuance)
    assert (house.posted_in, house.posted_out, house.held) == (0, 0, 0)
