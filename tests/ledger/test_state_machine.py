"""Random verbs in random order, on both engines, beside a plain model that the books are held against at every step.

An example that breaks them is printed as a program of the machine's verbs; it is kept in ``test_found_examples.py``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy.orm import Session

from tests.ledger.bank import KEYS, NOW, Bank, entry, open_bank, transfer
from tests.ledger.model import ModelBank, ModelEntry, ModelHold, outcome, reversal
from tests.machines import run_machine
from timebank.core.actor import SYSTEM
from timebank.core.clock import month_of, previous_month
from timebank.core.errors import Refusal
from timebank.ledger import queries, service
from timebank.ledger.models import Account, HoldEnd, Seal
from timebank.ledger.rules import EntryDraft
from timebank.ledger.service import HoldDraft, LineDraft, Reversal
from timebank.ledger.verification import verify

BOOKS = ("BL", "XG")
AMOUNTS = st.integers(1, 90)
PLACES = st.integers(0, 1000)  # a place in a list, modulo its length
KEY = st.sampled_from(["new", "new", "new", "key:1", "key:2", "key:3"])  # so few that keys meet again
LINE = 100
TRANSFERS = st.lists(st.tuples(PLACES, PLACES, AMOUNTS), min_size=1, max_size=2)


def is_pair(one: ModelEntry, other: ModelEntry) -> bool:
    """Whether two entries are the two sides of one payment abroad that was no reversal."""
    amounts = {one.draft.transfers[0].amount, other.draft.transfers[0].amount}
    return len(amounts) == 1 and one.draft.book_id != other.draft.book_id and not one.draft.reverses_id


class LedgerMachine(RuleBasedStateMachine):
    """Two books, two units, three members each."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self.connection = engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.now = NOW
        self.seals: dict[int, tuple[str, str]] = {}
        self.entry_ids: list[tuple[int, ModelEntry]] = []
        self.hold_ids: dict[int, ModelHold] = {}
        self.numbers = itertools.count(1)
        self.past: list[tuple[datetime, Counter[int]]] = []

    def teardown(self) -> None:
        """Look through the books once more, however the run ended, and forget them."""
        self.every_check_is_clean()
        self.session.close()
        self.outer.rollback()
        self.connection.close()

    @initialize()
    def open(self) -> None:
        self.banks = [open_bank(self.session, code) for code in BOOKS]
        self.giving = {bank.book_id: bank.give_account("ann") for bank in self.banks}
        self.clearing = [bank.clearing(other) for bank, other in zip(self.banks, BOOKS[::-1], strict=True)]
        self.model = ModelBank(
            {
                account: bank.book_id
                for bank in self.banks
                for account in [*bank.coins.values(), *bank.points.values(), self.giving[bank.book_id]]
            }
            | {account: bank.book_id for account, bank in zip(self.clearing, self.banks, strict=True)}
        )
        for account in self.clearing:
            self.model.decide_line(account, LINE)
        self.accounts = {
            bank.book_id: {
                "coin": [bank.issuance, bank.issuance, *bank.coins.values()],
                "point": [bank.house("issuance", "point"), *bank.points.values()],
            }
            for bank in self.banks
        }
        for bank in self.banks:
            for account in bank.coins.values():
                self.post_drafts([entry(bank.book_id, transfer(bank.issuance, account, 100), key=f"start:{account}")])

    # --- both sides ------------------------------------------------------------------------------------------------

    def both(self, real: Callable[[], Any], modelled: Callable[[], Any]) -> tuple[Any, Any]:
        """Do it really and in the model; they answer both or refuse alike."""
        expected, refusal = outcome(modelled)
        found, refused = outcome(self._kept, real)
        assert refused is refusal
        return found, expected

    def _kept(self, real: Callable[[], Any]) -> Any:
        """A refused verb leaves nothing behind, as when a door rolls its transaction back."""
        with self.session.begin_nested():
            return real()

    def post_drafts(self, drafts: list[EntryDraft]) -> None:
        posted, modelled = self.both(
            lambda: service.post_many(self.session, drafts, now=self.now), lambda: self.model.post(drafts, self.now)
        )
        if posted is not None:
            for found, expected in zip(posted, modelled, strict=True):
                self.remember(found.entry_id, expected)

    def remember(self, entry_id: int, modelled: ModelEntry) -> None:
        known = dict(self.entry_ids)
        assert known.get(entry_id, modelled) is modelled
        if entry_id not in known:
            self.entry_ids.append((entry_id, modelled))

    def key(self, key: str) -> str:
        return f"new:{next(self.numbers)}" if key == "new" else key

    def draft(self, place: int, unit: str, moves: list[tuple[int, int, int]], key: str) -> EntryDraft:
        book_id = self.banks[place % 2].book_id
        accounts = self.accounts[book_id][unit]
        moved = []
        for debit, step, amount in moves:
            payer = accounts[debit % len(accounts)]
            others = [account for account in accounts if account != payer]
            moved.append(transfer(payer, others[step % len(others)], amount, unit))
        return entry(book_id, *moved, key=self.key(key), occurred_at=self.now)

    # --- verbs -----------------------------------------------------------------------------------------------------

    @rule(place=PLACES, unit=st.sampled_from(["coin", "coin", "point"]), moves=TRANSFERS, key=KEY)
    def post(self, place: int, unit: str, moves: list[tuple[int, int, int]], key: str) -> None:
        self.post_drafts([self.draft(place, unit, moves, key)])

    @rule(wanted=st.lists(st.tuples(PLACES, st.sampled_from(["coin", "point"]), TRANSFERS, KEY), max_size=4))
    def post_many(self, wanted: list[tuple[int, str, list[tuple[int, int, int]], str]]) -> None:
        self.post_drafts([self.draft(*one) for one in wanted])

    @rule(place=PLACES, amount=st.sampled_from([0, -5, 60]))
    def post_what_is_unsound(self, place: int, amount: int) -> None:
        bank = self.banks[place % 2]
        self.post_drafts([entry(bank.book_id, transfer(bank.coins["bo"], bank.coins["bo"], amount))])

    @rule(place=PLACES)
    def repeat(self, place: int) -> None:
        """The same entry again, as after a lost answer, perhaps from another door and a month later."""
        entry_id, modelled = self.entry_ids[place % len(self.entry_ids)]
        posted = service.post(self.session, modelled.draft, now=self.now)
        assert (posted.entry_id, posted.repeated) == (entry_id, True)

    @rule(place=PLACES, amount=AMOUNTS, days=st.integers(1, 20), key=KEY)
    def hold(self, place: int, amount: int, days: int, key: str) -> None:
        running = sorted(account for bank in self.banks for account in [*bank.coins.values(), bank.points["ann"]])
        draft = HoldDraft(
            account_id=running[place % len(running)],
            amount=amount,
            key=self.key(key),
            expires_at=self.now + timedelta(days=days),
            source_type="order",
            source_id=None,
            actor_id=None,
        )
        hold_id, placed = self.both(
            lambda: service.hold(self.session, draft, now=self.now), lambda: self.model.hold(draft)
        )
        if placed is not None:
            assert self.hold_ids.setdefault(hold_id, placed) is placed

    @precondition(lambda self: self.hold_ids)
    @rule(place=PLACES, to=PLACES, part=st.sampled_from([100, 100, 100, 50, 50, 110]), key=KEY)
    def post_hold(self, place: int, to: int, part: int, key: str) -> None:
        hold_id, held = list(self.hold_ids.items())[place % len(self.hold_ids)]
        unit = "coin" if held.draft.account_id in self.accounts[held.book_id]["coin"] else "point"
        accounts = self.accounts[held.book_id][unit]
        moved = transfer(held.draft.account_id, accounts[to % len(accounts)], held.draft.amount * part // 100, unit)
        draft = entry(held.book_id, moved, key=self.key(key), kind="redeem")
        posted, modelled = self.both(
            lambda: service.post_hold(self.session, hold_id, draft, now=self.now),
            lambda: self.model.post_hold(held, draft, self.now),
        )
        if posted is not None:
            self.remember(posted.entry_id, modelled)

    @precondition(lambda self: self.hold_ids)
    @rule(place=PLACES)
    def void(self, place: int) -> None:
        hold_id, held = list(self.hold_ids.items())[place % len(self.hold_ids)]
        self.both(
            lambda: service.void_hold(self.session, hold_id, actor_id=None, now=self.now),
            lambda: self.model.void_hold(held),
        )

    @precondition(lambda self: self.hold_ids)
    @rule()
    def expire(self) -> None:
        ended, modelled = self.both(
            lambda: service.expire_holds(self.session, source_type="order", now=self.now),
            lambda: self.model.expire_holds(self.now),
        )
        assert [self.hold_ids[hold_id] for hold_id in ended] == modelled

    @rule(place=PLACES, key=KEY, decided=st.booleans(), part=st.sampled_from([None, None, 30, 80, 150]))
    def reverse(self, place: int, key: str, decided: bool, part: int | None) -> None:
        """Undo an entry, or correct it to another amount; with or without two people who let somebody owe it."""
        entry_id, first = self.entry_ids[place % len(self.entry_ids)]
        key = self.key(key)
        drafts = [reversal(entry_id, first, key, self.now, actor_id=1 if decided else None)]
        if part is not None:
            drafts.insert(0, self.instead(first.draft, part))
        wanted = Reversal(
            key=key,
            reason="录错了",
            actor_id=1 if decided else None,
            decided_by_id=2 if decided else None,
            replacement=drafts[0] if part is not None else None,
        )
        found, modelled = self.both(
            lambda: service.reverse(self.session, entry_id, wanted, now=self.now),
            lambda: self.model.reverse(first, drafts, self.now, decided=decided),
        )
        if found is not None:
            self.remember(found.reversal.entry_id, modelled[-1])
            if found.replacement is not None:
                self.remember(found.replacement.entry_id, modelled[0])

    def instead(self, first: EntryDraft, part: int) -> EntryDraft:
        changed = tuple(
            transfer(t.debit_id, t.credit_id, max(1, t.amount * part // 100), t.unit) for t in first.transfers
        )
        return replace(first, key=self.key("new"), transfers=changed, reverses_id=None, occurred_at=self.now)

    @rule(place=PLACES, amount=AMOUNTS, kind=st.sampled_from(["earn", "gift", "redeem"]), into=st.booleans())
    def give_away(self, place: int, amount: int, kind: str, into: bool) -> None:
        """Coins that may only be given away: given by a gift, spent by nothing."""
        bank = self.banks[place % 2]
        giving = self.giving[bank.book_id]
        moved = transfer(bank.issuance, giving, amount) if into else transfer(giving, bank.coins["bo"], amount)
        draft = entry(bank.book_id, moved, kind=kind, key=self.key("new"), occurred_at=self.now)
        if into or kind == "gift" or self.model.balance[giving] < amount:
            self.post_drafts([draft])
        else:
            self.refused_by_the_database([draft])

    @rule(place=PLACES, amount=AMOUNTS, kind=st.sampled_from(["inter_branch", "inter_branch", "redeem"]))
    def pay_abroad(self, place: int, amount: int, kind: str) -> None:
        """A member of one branch pays one of the other: mirror entries in both books, of their own kind only."""
        at = place % 2
        here, there = self.banks[at], self.banks[1 - at]
        out = transfer(here.coins["ann"], self.clearing[at], amount)
        into = transfer(self.clearing[1 - at], there.coins["chen"], amount)
        drafts = [
            entry(bank.book_id, moved, kind=kind, key=self.key("new"), occurred_at=self.now)
            for bank, moved in ((here, out), (there, into))
        ]
        covered = all(
            self.model.balance[account] - self.model.held[account] - self.model.floor[account] >= amount
            for account in (here.coins["ann"], self.clearing[1 - at])
        )
        if kind == "inter_branch" or not covered:
            self.post_drafts(drafts)
        else:
            self.refused_by_the_database(drafts)

    @rule(place=PLACES, minutes=st.sampled_from([0, 20, 80, 200]))
    def decide_a_line(self, place: int, minutes: int) -> None:
        """Raised, or cut below what is owed already."""
        account = self.clearing[place % 2]
        draft = LineDraft(account_id=account, minutes=minutes, reason="调整", key=self.key("new"), decided_by_id=1)
        self.both(
            lambda: service.decide_line(self.session, draft, now=self.now),
            lambda: self.model.decide_line(account, minutes),
        )

    @rule(place=PLACES)
    def reverse_abroad(self, place: int) -> None:
        """Both sides of what went abroad come back together, or neither."""
        sides = [(id_, one) for id_, one in self.entry_ids if one.draft.kind == "inter_branch"]
        pairs = [pair for pair in itertools.pairwise(sides) if is_pair(pair[0][1], pair[1][1])]
        if pairs:
            (one_id, one), (other_id, other) = pairs[place % len(pairs)]
            key = self.key("new")
            wanted = Reversal(key=key, reason="录错了", actor_id=None)
            drafts = [
                replace(reversal(id_, side, key, self.now), kind="inter_branch")
                for id_, side in ((one_id, one), (other_id, other))
            ]
            posted, modelled = self.both(
                lambda: service.reverse_across(self.session, [one_id, other_id], wanted, now=self.now),
                lambda: self.model.reverse_across([one, other], drafts, self.now),
            )
            if posted is not None:
                for found, expected in zip(posted, modelled, strict=True):
                    self.remember(found.reversal.entry_id, expected)

    def refused_by_the_database(self, drafts: list[EntryDraft]) -> None:
        with pytest.raises(sa.exc.IntegrityError):
            self._kept(lambda: service.post_many(self.session, drafts, now=self.now))

    @rule(days=st.sampled_from([1, 8, 8, 31]))
    def wait(self, days: int) -> None:
        self.past.append((self.now + timedelta(microseconds=1), Counter(self.model.balance)))
        self.now += timedelta(days=days)

    @precondition(lambda self: self.past)
    @rule(place=PLACES)
    def look_back(self, place: int) -> None:
        """What stood anywhere at any instant is said the same ever after."""
        instant, balances = self.past[place % len(self.past)]
        for account in [*self.model.running, *self.clearing, *(bank.issuance for bank in self.banks)]:
            assert queries.balance(self.session, account, at=instant) == balances[account]

    @rule(place=PLACES, size=st.integers(1, 5))
    def read_a_statement(self, place: int, size: int) -> None:
        accounts = [*self.model.running, *(bank.issuance for bank in self.banks)]
        account = accounts[place % len(accounts)]
        page = queries.statement(self.session, account, size=size)
        lines, running = [*page.lines], self.model.balance[account]
        while page.older:
            page = queries.statement(self.session, account, size=size, before=page.older)
            lines += page.lines
        for line in lines:
            assert line.balance == running
            running -= line.amount
        assert (running, len(lines)) == (0, page.count)

    @precondition(lambda self: self.seals)
    @rule(place=PLACES)
    def open_a_closed_month_again(self, place: int) -> None:
        period = list(self.seals)[place % len(self.seals)]
        reopened = "UPDATE period SET closed_at = NULL, closed_by_id = NULL, closed_by_name = NULL WHERE id = :period"
        with pytest.raises(sa.exc.IntegrityError, match="a closed period stays closed"):
            self._kept(lambda: self.session.execute(sa.text(reopened), {"period": period}))

    @rule(place=PLACES, back=st.sampled_from([1, 1, 1, 2, 0]))
    def close(self, place: int, back: int) -> None:
        bank, month = self.banks[place % 2], month_of(self.now)
        for _ in range(back):
            month = previous_month(month)
        seal, _ = self.both(
            lambda: service.close_period(self.session, bank.book_id, month, actor=SYSTEM, keys=KEYS, now=self.now),
            lambda: self.model.close(bank.book_id, month, self.now),
        )
        if seal is not None:
            assert self.seals.setdefault(seal.period_id, (seal.hash, seal.signature)) == (seal.hash, seal.signature)

    # --- what is true after every step -----------------------------------------------------------------------------

    @rule()
    def every_check_is_clean(self) -> None:
        for bank in self.opened:
            assert [finding for check in verify(self.session, bank.book_id) for finding in check.findings] == []

    @invariant()
    def balances_are_those_of_the_model_and_each_unit_sums_to_zero(self) -> None:
        for bank in self.opened:
            sums: Counter[str] = Counter()
            for row in queries.trial_balance(self.session, bank.book_id):
                assert row.closing == self.model.balance[row.account_id]
                sums[row.unit] += row.closing
            assert not any(sums.values())

    @invariant()
    def running_figures_are_those_of_the_model_and_above_the_floor(self) -> None:
        figures = sa.select(Account.id, Account.posted_in - Account.posted_out, Account.held, Account.floor)
        for account_id, *found in self.session.execute(figures.where(Account.runs)):
            if account_id in self.model_running:
                balance, held, floor = (
                    kept[account_id] for kept in (self.model.balance, self.model.held, self.model.floor)
                )
                assert found == [balance, held, floor]
                assert balance - held >= floor

    @invariant()
    def holds_end_once_and_as_the_model_says(self) -> None:
        ends = {end.hold_id: end.how for end in self.session.scalars(sa.select(HoldEnd))}
        assert ends == {hold_id: held.how for hold_id, held in self.hold_ids.items() if held.how}

    @invariant()
    def closed_months_are_unchanged(self) -> None:
        rows = self.session.execute(sa.select(Seal.period_id, Seal.hash, Seal.signature)).all()
        assert {row.period_id: (row.hash, row.signature) for row in rows} == self.seals

    @invariant()
    def entries_stand_in_the_month_the_model_says(self) -> None:
        if self.entry_ids:
            entry_id, modelled = self.entry_ids[-1]
            assert queries.get_entry(self.session, entry_id).month == modelled.month

    @property
    def model_running(self) -> dict[int, int]:
        return self.model.running if self.opened else {}

    @property
    def opened(self) -> list[Bank]:
        return getattr(self, "banks", [])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_books_hold_whatever_is_done(engine_url: str) -> None:
    run_machine(LedgerMachine, engine_url, sqlite=25, postgresql=12, steps=30)


def test_the_model_refuses_too() -> None:
    """A model that takes everything would prove nothing."""
    model = ModelBank({1: 7})
    drafted = entry(7, transfer(1, 2, 60))
    assert outcome(model.post, [drafted], NOW) == (None, service.NotEnough)
    assert issubclass(service.NotEnough, Refusal)
