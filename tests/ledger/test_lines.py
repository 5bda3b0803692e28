"""Lines: how far a clearing account may fall, and what comes back from abroad."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from tests.ledger.bank import KEYS, LATER, NOW, Bank, entry, open_bank, transfer
from timebank.core.actor import SYSTEM
from timebank.ledger import queries, service
from timebank.ledger.models import Account, LineDecision
from timebank.ledger.rules import BadAmount, EntryDraft
from timebank.ledger.service import LineDraft, Posted, Reversal

DECIDE = "INSERT INTO line_decision (account_id, minutes, reason, decided_at, key) VALUES"
OPEN = (
    "INSERT INTO account (book_id, code, kind, unit, runs, posted_in, posted_out, held, floor, resting_floor, closed)"
)


@dataclass
class Pair:
    """Ann of BL pays ann of XG; XG lets BL owe 100 minutes, and BL lets XG owe 100."""

    here: Bank
    there: Bank
    ours: int
    theirs: int

    def sides(self, amount: int, key: str = "abroad") -> list[EntryDraft]:
        out = transfer(self.here.coins["ann"], self.ours, amount)
        into = transfer(self.theirs, self.there.coins["ann"], amount)
        return [
            entry(bank.book_id, moved, kind="inter_branch", key=key)
            for bank, moved in ((self.here, out), (self.there, into))
        ]

    def pay(self, amount: int, key: str = "abroad") -> list[Posted]:
        return service.post_many(self.here.session, self.sides(amount, key), now=NOW)

    def undo(self, posted: list[Posted], key: str = "undo", decided_by_id: int | None = None) -> list[Posted]:
        wanted = Reversal(key=key, reason="录错了", actor_id=1, decided_by_id=decided_by_id)
        back = service.reverse_across(self.here.session, [one.entry_id for one in posted], wanted, now=NOW)
        return [one.reversal for one in back]

    def decide(self, minutes: int, *, account: int | None = None, key: str = "line") -> None:
        draft = LineDraft(account_id=account or self.theirs, minutes=minutes, reason="商定", key=key, decided_by_id=1)
        service.decide_line(self.here.session, draft, now=NOW)

    def stands(self) -> tuple[int, int]:
        accounts = (queries.get_account(self.here.session, account) for account in (self.ours, self.theirs))
        one, other = (account.balance for account in accounts)
        return one, other

    def floor(self) -> int:
        return queries.get_account(self.here.session, self.theirs).floor

    def findings(self) -> set[str]:
        return self.here.findings() | self.there.findings()


@pytest.fixture
def pair(funded: Bank) -> Iterator[Pair]:
    there = open_bank(funded.session, "XG")
    made = Pair(funded, there, ours=funded.clearing("XG"), theirs=there.clearing("BL"))
    yield made
    assert made.findings() == set()
    assert sum(made.stands()) == 0


def test_a_payment_abroad_stands_in_both_books_as_mirror_images(pair: Pair) -> None:
    pair.pay(60)
    assert pair.stands() == (60, -60)


def test_up_to_the_line_may_be_owed_and_not_a_minute_more(pair: Pair) -> None:
    pair.pay(100)
    with pytest.raises(service.NotEnough), pair.here.session.begin_nested():
        pair.pay(1, "more")
    assert pair.stands() == (100, -100)


def test_the_database_keeps_the_line_too(pair: Pair) -> None:
    pair.pay(100)
    one_more = (
        "INSERT INTO transfer (entry_id, seq, book_id, period_id, unit, debit_id, credit_id, amount) "
        "SELECT entry_id, 3, book_id, period_id, unit, debit_id, credit_id, 1 FROM transfer "
        "WHERE entry_id = :entry AND seq = 1"
    )
    draft = entry(
        pair.there.book_id,
        transfer(pair.theirs, pair.there.coins["ann"], 5),
        transfer(pair.there.coins["ann"], pair.theirs, 5),
        kind="inter_branch",
    )
    pair.decide(200)
    posted = service.post(pair.here.session, draft, now=NOW)
    pair.decide(100, key="back")
    with pytest.raises(sa.exc.IntegrityError), pair.here.session.begin_nested():
        pair.here.session.execute(sa.text(one_more), {"entry": posted.entry_id})


def test_the_other_direction_has_a_line_of_its_own(pair: Pair) -> None:
    pair.pay(100)
    back = entry(
        pair.there.book_id, transfer(pair.there.coins["ann"], pair.theirs, 100), kind="inter_branch", key="back"
    )
    home = entry(pair.here.book_id, transfer(pair.ours, pair.here.coins["bo"], 100), kind="inter_branch", key="back")
    service.post_many(pair.here.session, [back, home], now=NOW)
    assert pair.stands() == (0, 0)
    assert pair.floor() == -100  # what comes back does not eat the line


def test_a_line_is_raised(pair: Pair) -> None:
    pair.pay(100)
    pair.decide(130)
    pair.pay(30, "more")
    assert pair.stands() == (130, -130)


def test_a_line_cut_below_what_is_owed_stops_everything_until_it_has_come_down(pair: Pair) -> None:
    pair.pay(80)
    pair.decide(50)
    assert pair.floor() == -80
    with pytest.raises(service.NotEnough), pair.here.session.begin_nested():
        pair.pay(1, "more")
    service.post(
        pair.here.session,
        entry(pair.there.book_id, transfer(pair.there.coins["ann"], pair.theirs, 50), kind="inter_branch", key="b"),
        now=NOW,
    )
    assert pair.floor() == -50
    service.post(
        pair.here.session,
        entry(pair.here.book_id, transfer(pair.ours, pair.here.coins["ann"], 50), kind="inter_branch", key="b"),
        now=NOW,
    )
    pair.pay(20, "again")
    assert pair.stands() == (50, -50)


def test_space_is_reserved_on_a_line_and_given_back(pair: Pair) -> None:
    session = pair.here.session
    draft = service.HoldDraft(
        account_id=pair.theirs,
        amount=70,
        key="space",
        expires_at=LATER,
        source_type="proposal",
        source_id=1,
        actor_id=None,
    )
    hold_id = service.hold(session, draft, now=NOW)
    with pytest.raises(service.NotEnough), session.begin_nested():
        pair.pay(31)
    pair.pay(30)
    service.void_hold(session, hold_id, actor_id=None, now=NOW)
    assert pair.floor() == -100
    pair.pay(70, "rest")


def test_reserved_space_is_taken_by_the_payment_it_is_for(pair: Pair) -> None:
    session = pair.here.session
    draft = service.HoldDraft(
        account_id=pair.theirs,
        amount=100,
        key="space",
        expires_at=LATER,
        source_type="proposal",
        source_id=1,
        actor_id=None,
    )
    hold_id = service.hold(session, draft, now=NOW)
    here, there = pair.sides(90)
    service.post(session, here, now=NOW)
    service.post_hold(session, hold_id, there, now=NOW)
    assert pair.stands() == (90, -90)
    pair.pay(10, "rest")


def test_both_sides_come_back_together(pair: Pair) -> None:
    posted = pair.pay(60)
    undone = pair.undo(posted)
    assert pair.stands() == (0, 0)
    assert pair.here.stands("ann")[0] == 300
    seen = [queries.get_entry(pair.here.session, one.entry_id) for one in undone]
    assert [(one.kind, one.reverses_id) for one in seen] == [("inter_branch", one.entry_id) for one in posted]


def test_the_same_reversal_abroad_again_is_the_first(pair: Pair) -> None:
    posted = pair.pay(60)
    first = pair.undo(posted)
    assert [(one.entry_id, one.repeated) for one in pair.undo(posted)] == [(one.entry_id, True) for one in first]
    with pytest.raises(service.AlreadyReversed), pair.here.session.begin_nested():
        pair.undo(posted, key="another")


@pytest.mark.parametrize("spent", [0, 200])
def test_less_takes_the_place_of_both_sides(pair: Pair, spent: int) -> None:
    """Where the payer has spent the rest meanwhile, what comes back pays for what takes its place."""
    posted = pair.pay(60)
    if spent:
        pair.here.pay("ann", "bo", 240)
    wanted = Reversal(key="undo", reason="少做了", actor_id=1)
    ids = [one.entry_id for one in posted]
    for _ in range(2):
        done = service.reverse_across(pair.here.session, ids, wanted, replacements=pair.sides(25, "anew"), now=NOW)
    assert pair.stands() == (25, -25)
    anew = [queries.get_entry(pair.here.session, one.replacement.entry_id) for one in done if one.replacement]
    assert [(one.kind, one.facts["replaces"]) for one in anew] == [("inter_branch", id_) for id_ in ids]


def test_one_side_alone_is_not_reversed(pair: Pair) -> None:
    posted = pair.pay(60)
    with pytest.raises(service.OneSided):
        pair.undo(posted[:1])
    with pytest.raises(service.OneSided):
        pair.undo(posted[1:])


def test_sides_that_do_not_cancel_out_are_not_reversed(pair: Pair) -> None:
    one, other = pair.pay(60), pair.pay(30, "other")
    with pytest.raises(service.OneSided):
        pair.undo([one[0], other[1]])


def test_an_ordinary_entry_is_not_reversed_as_one_between_branches(pair: Pair) -> None:
    with pytest.raises(service.OneSided):
        pair.undo([pair.here.pay("ann", "bo", 5)])


def test_what_the_taker_spent_meanwhile_is_owed_only_by_a_decision_of_two(pair: Pair) -> None:
    posted = pair.pay(60)
    pair.there.pay("ann", "bo", 50)
    with pytest.raises(service.BelowFloor), pair.here.session.begin_nested():
        pair.undo(posted)
    pair.undo(posted, decided_by_id=2)
    assert pair.there.stands("ann")[0] == -50


def test_what_is_owed_is_not_decided_by_one(pair: Pair) -> None:
    posted = pair.pay(60)
    pair.there.pay("ann", "bo", 50)
    with pytest.raises(service.OneHand), pair.here.session.begin_nested():
        pair.undo(posted, decided_by_id=1)


def test_a_reversal_needs_the_line_of_the_other_direction(pair: Pair) -> None:
    """What was owed was netted meanwhile; given back now, the other branch would owe."""
    posted = pair.pay(60)
    back = entry(
        pair.there.book_id, transfer(pair.there.coins["ann"], pair.theirs, 60), kind="inter_branch", key="back"
    )
    home = entry(pair.here.book_id, transfer(pair.ours, pair.here.coins["bo"], 60), kind="inter_branch", key="back")
    service.post_many(pair.here.session, [back, home], now=NOW)
    pair.there.earn("ann", 60)
    pair.decide(20, account=pair.ours)
    with pytest.raises(service.NotEnough), pair.here.session.begin_nested():
        pair.undo(posted)
    pair.decide(60, account=pair.ours, key="more")
    pair.undo(posted)
    assert pair.stands() == (-60, 60)


def test_a_line_is_decided_once_under_a_key(pair: Pair) -> None:
    pair.decide(120)
    pair.decide(120)
    assert pair.here.session.scalar(sa.select(sa.func.count()).select_from(LineDecision)) == 3
    with pytest.raises(service.KeyReused):
        pair.decide(121)


@pytest.mark.parametrize("minutes", [-1, 10_000_001, True, 1.5])
def test_a_line_is_a_whole_number(pair: Pair, minutes: int) -> None:
    with pytest.raises(BadAmount):
        pair.decide(minutes)


def test_only_clearing_accounts_have_lines(pair: Pair) -> None:
    with pytest.raises(service.AccountNotFound):
        pair.decide(10, account=pair.here.coins["ann"])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE line_decision SET minutes = 1",
        "DELETE FROM line_decision",
        "UPDATE account SET resting_floor = -900 WHERE id = :theirs",
        "UPDATE account SET resting_floor = -900, floor = -900 WHERE id = :theirs",
        "UPDATE account SET floor = -900 WHERE id = :theirs",
        f"{DECIDE} (:ann, 5, '', :now, 'raw')",
        f"{DECIDE} (:theirs, -5, '', :now, 'raw')",
        f"{OPEN} SELECT book_id, 'c:ZZ', kind, unit, runs, 0, 0, 0, 0, -5, closed FROM account WHERE id = :theirs",
        f"{OPEN} SELECT book_id, 'member:zz', kind, unit, runs, 0, 0, 0, 0, -5, closed FROM account WHERE id = :ann",
    ],
)
def test_the_database_refuses_lines_nobody_decided(pair: Pair, statement: str) -> None:
    session = pair.here.session
    values = {"theirs": pair.theirs, "ann": pair.here.coins["ann"], "now": "2026-09-01 00:00:00.000000"}
    named = {name: value for name, value in values.items() if f":{name}" in statement}
    with pytest.raises(sa.exc.IntegrityError), session.begin_nested():
        session.execute(sa.text(statement), named)


def test_lines_do_not_lower_anybody_elses_floor(pair: Pair) -> None:
    account = Account.__table__
    assert pair.here.session.scalars(sa.select(account.c.floor).where(account.c.kind == "member")).all() == [0] * 12


def test_what_stands_in_two_books_is_posted_in_one_month(pair: Pair) -> None:
    """One branch closed September already, the other did not: both sides go to October."""
    session = pair.here.session
    service.close_period(session, pair.there.book_id, "2026-09", actor=SYSTEM, keys=KEYS, now=LATER)
    at = service.common_instant(session, [pair.here.book_id, pair.there.book_id], now=NOW)
    posted = service.post_many(session, pair.sides(10), now=at)
    assert {queries.get_entry(session, one.entry_id).month for one in posted} == {"2026-10"}
