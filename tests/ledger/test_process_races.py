"""Real processes on one database, let go at one instant: what must happen once happens once, nothing is spent twice.

A deadlock, a database that stays locked, or any other error in a process fails the test. After each race the audit of
every book is clean, and the figures of all accounts are what the answers add up to.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.ledger.bank import Bank, entry, open_bank, transfer
from tests.ledger.processes import (
    Close,
    Crew,
    Expire,
    Outcome,
    Place,
    Post,
    Reckoning,
    Take,
    Undo,
    Verb,
    Void,
    crew,
    differences,
    do,
    findings,
)
from timebank.ledger import service
from timebank.ledger.models import Account, Entry, Hold, HoldEnd, Period, Seal
from timebank.ledger.queries import list_entries
from timebank.ledger.rules import EntryDraft
from timebank.ledger.service import HoldDraft

pytestmark = pytest.mark.slow

PROCESSES = 16
NOW = datetime(2026, 9, 15, 2, tzinfo=UTC)
LATER = datetime(2026, 10, 3, 2, tzinfo=UTC)
EXPIRED = NOW + timedelta(days=8)


@dataclass(kw_only=True)
class Town:
    """Committed books, the processes that work on them, and what their answers add up to."""

    url: str
    engine: sa.Engine
    crew: Crew
    bank: Bank
    reckoning: Reckoning = field(default_factory=Reckoning)

    @property
    def book(self) -> int:
        return self.bank.book_id

    @property
    def coins(self) -> dict[str, int]:
        return self.bank.coins

    def alone(self, *verbs: Verb) -> list[Any]:
        """Each verb here, one after another; their answers. None may be refused."""
        outcomes = [do(self.engine, verb) for verb in verbs]
        assert not [outcome for outcome in outcomes if outcome.refusal or outcome.error], outcomes
        self.reckoning.add_all([outcomes])
        return [outcome.answer for outcome in outcomes]

    def together(self, scripts: Sequence[Sequence[Verb]]) -> list[list[Outcome]]:
        outcomes = self.crew.together(self.url, scripts)
        self.reckoning.add_all(outcomes)
        return outcomes

    def each(self, verbs: Sequence[Verb]) -> list[Outcome]:
        return [outcome for [outcome] in self.together([[verb] for verb in verbs])]

    def read(self, chosen: Any) -> list[Any]:
        with Session(self.engine) as session:
            return list(session.execute(chosen).all())

    def count(self, table: Any) -> int:
        return int(self.read(sa.select(sa.func.count()).select_from(table))[0][0])

    def available(self, name: str) -> int:
        figures = Account.posted_in - Account.posted_out - Account.held
        return int(self.read(sa.select(figures).where(Account.id == self.coins[name]))[0][0])

    def earn(self, name: str, amount: int, key: str, *, now: datetime = NOW) -> Post:
        moved = transfer(self.issuance, self.coins[name], amount)
        return Post(drafts=(entry(self.book, moved, key=key),), now=now)

    def pay(self, payer: str, payee: str, amount: int, key: str, *, now: datetime = NOW) -> Post:
        return Post(drafts=(self.payment(payer, payee, amount, key),), now=now)

    def payment(self, payer: str, payee: str, amount: int, key: str) -> EntryDraft:
        return entry(self.book, transfer(self.coins[payer], self.coins[payee], amount), key=key, kind="redeem")

    def place(self, name: str, amount: int, key: str, *, source_type: str = "order") -> Place:
        draft = HoldDraft(
            account_id=self.coins[name],
            amount=amount,
            key=key,
            expires_at=NOW + timedelta(days=7),
            source_type=source_type,
            source_id=1,
            actor_id=None,
        )
        return Place(draft=draft, now=NOW)

    @property
    def issuance(self) -> int:
        with Session(self.engine) as session:
            return replace(self.bank, session=session).issuance

    def assert_sound(self) -> None:
        with Session(self.engine) as session:
            assert findings(session) == []
            assert differences(session, self.reckoning.figures()) == []


@pytest.fixture(scope="module")
def workers() -> Iterator[Crew]:
    with crew(PROCESSES) as started:
        yield started


@pytest.fixture
def town(fresh_database: str, workers: Crew) -> Iterator[Town]:
    engine = databases.make_engine(fresh_database)
    with Session(engine) as session:
        bank = open_bank(session)
        session.commit()
    town = Town(url=fresh_database, engine=engine, crew=workers, bank=bank)
    town.alone(town.earn("ann", 900, "start"))
    yield town
    engine.dispose()


def refusals(outcomes: Sequence[Outcome]) -> Counter[str | None]:
    return Counter(outcome.refusal for outcome in outcomes)


def flat(outcomes: Sequence[Sequence[Outcome]]) -> list[Outcome]:
    return [outcome for script in outcomes for outcome in script]


# --- one account ----------------------------------------------------------------------------------------------------


def test_of_many_spenders_just_as_many_succeed_as_there_is_money_for(town: Town) -> None:
    scripts = [[town.pay("ann", "bo", 60, f"{place}:{turn}") for turn in range(2)] for place in range(PROCESSES)]
    assert refusals(flat(town.together(scripts))) == {None: 15, "NotEnough": 2 * PROCESSES - 15}
    assert (town.available("ann"), town.available("bo")) == (0, 900)
    assert town.count(Entry) == 16
    town.assert_sound()


def test_holds_and_spending_share_what_is_there(town: Town) -> None:
    scripts: list[list[Verb]] = [
        [town.place("ann", 60, f"{place}:a"), town.pay("ann", "bo", 60, f"{place}:b")][:: 1 if place % 2 else -1]
        for place in range(PROCESSES)
    ]
    assert refusals(flat(town.together(scripts))) == {None: 15, "NotEnough": 2 * PROCESSES - 15}
    assert town.available("ann") == 0
    assert town.count(Hold) + town.count(Entry) == 16
    town.assert_sound()


@pytest.mark.parametrize("keys", ["one", "each its own"])
def test_an_entry_is_reversed_once(town: Town, keys: str) -> None:
    paid = town.alone(*[town.pay("ann", "bo", 60, f"paid:{number}") for number in range(3)])
    scripts = [
        [
            Undo(entry_id=entry_id, key=f"undo:{entry_id}" + (f":{place}" if keys != "one" else ""), now=NOW)
            for [entry_id] in paid
        ]
        for place in range(PROCESSES)
    ]
    outcomes = town.together(scripts)
    for turn in range(3):
        answers = [script[turn] for script in outcomes]
        assert len({outcome.answer for outcome in answers if outcome.refusal is None}) == 1
        refused = 0 if keys == "one" else PROCESSES - 1
        assert refusals(answers)["AlreadyReversed"] == refused
    assert town.count(Entry) == 1 + 3 + 3
    assert town.available("ann") == 900
    town.assert_sound()


def test_fulfilment_expiry_and_cancellation_end_a_hold_one_way(town: Town) -> None:
    holds = town.alone(*[town.place("ann", 60, f"hold:{number}") for number in range(12)])

    def script(place: int) -> list[Verb]:
        ways: list[list[Verb]] = [
            [Take(hold_id=id_, draft=town.payment("ann", "bo", 50, f"take:{id_}"), now=NOW) for id_ in holds],
            [Void(hold_id=id_, now=NOW) for id_ in reversed(holds)],
            [Expire(source_type="order", now=EXPIRED)],
            [
                Take(hold_id=id_, draft=town.payment("ann", "bo", 40, f"other:{id_}"), now=NOW)
                for id_ in reversed(holds)
            ],
        ]
        return ways[place % len(ways)]

    outcomes = flat(town.together([script(place) for place in range(12)]))
    assert set(refusals(outcomes)) <= {None, "HoldEnded"}
    assert town.reckoning.ended == dict(town.read(sa.select(HoldEnd.hold_id, HoldEnd.how)))
    assert set(town.reckoning.ended) == set(holds)
    taken = town.read(sa.select(Entry.key, HoldEnd.hold_id).join(Entry, Entry.id == HoldEnd.entry_id))
    assert all(int(key.partition(":")[2]) == hold_id for key, hold_id in taken)
    assert town.count(Entry) == 1 + len(taken)
    town.assert_sound()


# --- keys -----------------------------------------------------------------------------------------------------------


def test_one_key_from_sixteen_processes_has_one_answer(town: Town) -> None:
    [first] = town.alone(town.pay("ann", "bo", 60, "first"))
    hold_id, other = town.alone(town.place("ann", 60, "hold"), town.place("ann", 60, "other"))
    batch = tuple(town.payment("ann", "chen", 1, f"batch:{number}") for number in range(50))
    script: list[Verb] = [
        town.pay("ann", "bo", 60, "pay"),
        town.place("ann", 60, "place"),
        Take(hold_id=hold_id, draft=town.payment("ann", "bo", 45, "take"), now=NOW),
        Void(hold_id=other, now=NOW),
        Post(drafts=batch, now=NOW),
        Undo(entry_id=first[0], key="undo", now=NOW),
        Close(book_id=town.book, month="2026-09", now=LATER),
    ]
    outcomes = town.together([script] * PROCESSES)
    assert refusals(flat(outcomes)) == {None: len(script) * PROCESSES}
    for turn in range(len(script)):
        assert all(each[turn].answer == outcomes[0][turn].answer for each in outcomes)
    assert (town.count(Entry), town.count(Hold), town.count(HoldEnd), town.count(Seal)) == (2 + 1 + 1 + 50 + 1, 3, 2, 1)
    town.assert_sound()


def test_one_key_for_different_things_is_booked_for_one_of_them(town: Town) -> None:
    outcomes = town.each([town.pay("ann", "bo", 1 + place, "key") for place in range(PROCESSES)])
    assert refusals(outcomes) == {None: 1, "KeyReused": PROCESSES - 1}
    assert town.count(Entry) == 2
    town.assert_sound()


# --- months ---------------------------------------------------------------------------------------------------------


def test_a_close_amid_postings_covers_just_what_came_before_it(town: Town) -> None:
    closers, turns = 2, 6
    posting = [[town.earn("bo", 1, f"{place}:{turn}") for turn in range(turns)] for place in range(PROCESSES - closers)]
    waiting: list[Verb] = [town.pay("ann", "chen", 1, f"closer:{turn}") for turn in range(2)]
    closing = [*waiting, Close(book_id=town.book, month="2026-09", now=LATER)]
    closing_too = [*(town.pay("ann", "chen", 1, f"other:{turn}") for turn in range(2)), closing[-1]]
    outcomes = town.together([*posting, closing, closing_too])
    assert refusals(flat(outcomes)) == {None: sum(map(len, [*posting, closing, closing_too]))}
    (seal, count), (other, _) = outcomes[-1][-1].answer, outcomes[-2][-1].answer
    assert seal == other
    months = dict(town.read(sa.select(Entry.id, Period.month).join(Period, Period.id == Entry.period_id)))
    assert Counter(months.values())["2026-09"] == count
    assert set(months.values()) <= {"2026-09", "2026-10"}
    first, last = (pick(each[-1].ended for each in outcomes[-2:]) for pick in (min, max))
    begun = min(each[-1].began for each in outcomes[-2:])
    for outcome in flat(outcomes):
        if not isinstance(outcome.verb, Post):
            continue
        month = months[outcome.answer[0]]
        assert outcome.ended > begun or month == "2026-09"  # answered before any close began
        assert outcome.began < first or month == "2026-10"  # began when a close had been answered
    assert first <= last
    _assert_numbers_without_gaps(town, months)
    town.assert_sound()


def _assert_numbers_without_gaps(town: Town, months: dict[int, str]) -> None:
    with Session(town.engine) as session:
        for month in set(months.values()):
            shown, total = list_entries(session, town.book, month=month, per_page=1_000)
            numbers = {view.number: view.id for view in shown}
            assert sorted(numbers) == list(range(1, total + 1))
            assert [numbers[number] for number in sorted(numbers)] == sorted(
                id_ for id_, stands_in in months.items() if stands_in == month
            )


def test_closes_in_a_row_from_many_processes_make_one_chain(town: Town) -> None:
    months = ["2026-09", "2026-10", "2026-11"]
    later = datetime(2026, 12, 2, tzinfo=UTC)
    outcomes = town.together(
        [[Close(book_id=town.book, month=month, now=later) for month in months] for _ in range(PROCESSES)]
    )
    assert refusals(flat(outcomes)) == {None: 3 * PROCESSES}
    assert all([each.answer for each in script] == [each.answer for each in outcomes[0]] for script in outcomes)
    assert town.count(Seal) == 3
    town.assert_sound()


# --- locks ----------------------------------------------------------------------------------------------------------


def test_batches_over_the_same_accounts_in_opposite_orders_pass_each_other(town: Town) -> None:
    names = _more_members(town, 30)
    town.alone(Post(drafts=tuple(_start(town, name) for name in names), now=NOW))

    def batch(place: int, turn: int) -> Post:
        ring = list(zip(names, [*names[1:], names[0]], strict=True))
        drafts = [town.payment(payer, payee, 1, f"{place}:{turn}:{payer}") for payer, payee in ring]
        return Post(drafts=tuple(drafts if place % 2 else reversed(drafts)), now=NOW)

    outcomes = town.together([[batch(place, turn) for turn in range(4)] for place in range(8)])
    assert refusals(flat(outcomes)) == {None: 4 * 8}
    assert {town.available(name) for name in names} == {1_000}
    town.assert_sound()


def test_one_batch_in_opposite_orders_is_booked_once(town: Town) -> None:
    drafts = [town.payment("ann", "bo", 1, f"batch:{number:03}") for number in range(50)]
    outcomes = town.each([Post(drafts=tuple(drafts[:: 1 if place % 2 else -1]), now=NOW) for place in range(8)])
    assert refusals(outcomes) == {None: 8}
    assert town.count(Entry) == 1 + len(drafts)
    town.assert_sound()


@pytest.mark.parametrize("engine_url", ["postgresql"], indirect=True)
def test_batches_that_share_keys_in_opposite_orders_do_not_lock_each_other_out(town: Town) -> None:
    """Not by luck: both batches have begun and wait for a key in the middle, which a third posting then lets go."""
    keys = ("a", "m", "z")
    drafts = [town.payment("ann", "bo", 1, key) for key in keys]
    with Session(town.engine) as third:
        service.post(third, drafts[1], now=NOW)
        told = town.crew.tell(
            town.url, [[Post(drafts=tuple(drafts), now=NOW)], [Post(drafts=tuple(drafts[::-1]), now=NOW)]]
        )
        _wait_for_lock_waiters(town.engine, 2)
        third.rollback()
    outcomes = told.hear()
    town.reckoning.add_all(outcomes)
    assert refusals(flat(outcomes)) == {None: 2}
    town.assert_sound()


def _wait_for_lock_waiters(engine: sa.Engine, count: int) -> None:
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.scalar(waiting) >= count:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits for a lock")


def test_two_books_pay_each_other_to_and_fro(town: Town) -> None:
    there = _second_book(town)
    ways = [_abroad(town, there, place, turn) for place in range(PROCESSES) for turn in range(6)]
    outcomes = town.together([ways[place * 6 : place * 6 + 6] for place in range(PROCESSES)])
    assert refusals(flat(outcomes)) == {None: 6 * PROCESSES}
    with Session(town.engine) as session:
        here, mirror = (sa.select(Account.id).where(Account.code == f"clearing:{code}") for code in ("XG", "BL"))
        out, back = (
            sum(came - went for came, went, _ in [town.reckoning.figures()[session.scalars(each).one()]])
            for each in (here, mirror)
        )
    assert (out, back) == (0, 0)  # as many to as fro
    town.assert_sound()


def test_every_verb_at_once_waits_for_nobody_for_ever(town: Town) -> None:
    names = _more_members(town, 6)
    there = _second_book(town)
    town.alone(Post(drafts=tuple(_start(town, name) for name in names), now=NOW))
    late = [town.place(name, 20, f"hold:{turn}:{name}", source_type="late") for turn in range(8) for name in names]
    holds = town.alone(*late)
    paid = [id_ for [id_] in town.alone(*[town.pay(name, "bo", 1, f"paid:{name}") for name in names])]

    def script(place: int) -> list[Verb]:
        luck = random.Random(place)

        def one(turn: int) -> Verb:
            payer, payee = luck.sample(names, 2)
            key = f"{place}:{turn}"
            some = luck.sample(names, 5)
            ring = [town.payment(a, b, 1, f"{key}:{a}") for a, b in zip(some, [*some[1:], some[0]], strict=True)]
            return luck.choice(
                [
                    town.pay(payer, payee, 30, key),
                    Post(drafts=tuple(ring), now=NOW),
                    town.place(payer, 10, key),
                    Take(hold_id=luck.choice(holds), draft=town.payment(payer, payee, 5, key), now=NOW),
                    Void(hold_id=luck.choice(holds), now=NOW),
                    Expire(source_type="late", now=EXPIRED),
                    Undo(entry_id=luck.choice(paid), key=key, now=NOW),
                    _abroad(town, there, place, turn),
                    Close(book_id=town.book, month="2026-09", now=LATER),
                ]
            )

        return [one(turn) for turn in range(8)]

    outcomes = flat(town.together([script(place) for place in range(PROCESSES)]))
    assert set(refusals(outcomes)) <= {None, "HoldEnded", "NotFromHold", "AlreadyReversed", "NotEnough", "BelowFloor"}
    town.assert_sound()


def _more_members(town: Town, count: int) -> list[str]:
    names = [f"m{number:02}" for number in range(count)]
    with Session(town.engine) as session:
        codes = [f"member:{name}" for name in names]
        found = service.open_accounts(session, book_id=town.book, codes=codes, kind="member", unit="coin")
        session.commit()
    town.coins.update({name: found[f"member:{name}"] for name in names})
    return names


def _start(town: Town, name: str) -> EntryDraft:
    return entry(town.book, transfer(town.issuance, town.coins[name], 1_000), key=f"start:{name}")


def _second_book(town: Town) -> Bank:
    """Books of a second branch, and a clearing account on each side."""
    with Session(town.engine) as session:
        there = open_bank(session, "XG")
        for bank, code in ((town.bank, "XG"), (there, "BL")):
            bank.coins["clearing"] = replace(bank, session=session).clearing(code, line=900)
        start = entry(there.book_id, transfer(there.issuance, there.coins["ann"], 900), key="start")
        session.commit()
    town.alone(Post(drafts=(start,), now=NOW))
    return there


def _abroad(town: Town, there: Bank, place: int, turn: int) -> Post:
    """From a member of one book to a member of the other, over both clearing accounts; either side is named first."""
    here, key = town.bank, f"abroad:{place}:{turn}"
    sides = [
        entry(here.book_id, transfer(here.coins["ann"], here.coins["clearing"], 3), key=key, kind="inter_branch"),
        entry(there.book_id, transfer(there.coins["clearing"], there.coins["ann"], 3), key=key, kind="inter_branch"),
    ]
    if turn % 2:
        sides = [_turned(side) for side in sides]
    return Post(drafts=tuple(sides if place % 2 else reversed(sides)), now=NOW)


def _turned(draft: EntryDraft) -> EntryDraft:
    [moved] = draft.transfers
    return replace(draft, transfers=(replace(moved, debit_id=moved.credit_id, credit_id=moved.debit_id),))
