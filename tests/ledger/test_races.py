"""Real threads on one database: what must happen once happens once, and nothing is spent twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.ledger.bank import NOW, Bank, entry, open_bank, transfer
from timebank.core.db import write_session
from timebank.core.errors import Refusal
from timebank.ledger import service
from timebank.ledger.models import Entry, Hold, HoldEnd, Period, Seal
from timebank.ledger.rules import EntryDraft

THREADS = 16


@dataclass(frozen=True, kw_only=True)
class Town:
    """A committed bank that threads open their own sessions on."""

    engine: sa.Engine
    bank: Bank

    def alone(self, verb: Callable[[Bank], Any]) -> Any:
        """One unit of work of its own, as a door opens it."""
        with Session(self.engine, expire_on_commit=False) as session, write_session(session):
            return verb(replace(self.bank, session=session))

    def together(self, verbs: list[Callable[[Bank], Any]]) -> list[Any]:
        """Each verb in its own thread and transaction, let go at once; their answers or the kinds of their refusals."""
        start = threading.Barrier(len(verbs))

        def run(verb: Callable[[Bank], Any]) -> Any:
            start.wait()
            try:
                return self.alone(verb)
            except Refusal as refusal:
                return type(refusal)

        with ThreadPoolExecutor(len(verbs)) as pool:
            return list(pool.map(run, verbs))

    def count(self, table: Any) -> int:
        return int(self.alone(lambda bank: bank.session.scalar(sa.select(sa.func.count()).select_from(table))))

    def stands(self, name: str) -> tuple[int, int, int]:
        found: tuple[int, int, int] = self.alone(lambda bank: bank.stands(name))
        return found

    def assert_sound(self) -> None:
        assert self.alone(lambda bank: bank.findings()) == set()


@pytest.fixture
def town(fresh_database: str) -> Iterator[Town]:
    engine = sa.create_engine(fresh_database, pool_size=THREADS, max_overflow=4)
    databases.prepare_engine(engine, databases.KEYS)
    with Session(engine) as session, write_session(session):
        bank = open_bank(session)
        bank.earn("ann", 300)
    yield Town(engine=engine, bank=bank)
    engine.dispose()


def test_of_many_spenders_just_as_many_succeed_as_there_is_money_for(town: Town) -> None:
    answers = town.together([lambda bank: bank.pay("ann", "bo", 60)] * THREADS)
    assert Counter(answer is service.NotEnough for answer in answers) == {False: 5, True: THREADS - 5}
    assert (town.stands("ann"), town.stands("bo")) == ((0, 0, 0), (300, 0, 300))
    assert town.count(Entry) == 6
    town.assert_sound()


def test_many_deposits_pass_each_other(town: Town) -> None:
    town.together([lambda bank: bank.earn("bo", 1)] * THREADS)
    assert town.stands("bo") == (THREADS, 0, THREADS)
    town.assert_sound()


def test_payments_to_and_fro_never_wait_for_each_other_for_ever(town: Town) -> None:
    town.alone(lambda bank: bank.earn("bo", 300))
    there, back = (lambda bank: bank.pay("ann", "bo", 1)), (lambda bank: bank.pay("bo", "ann", 1))
    answers = town.together([there, back] * (THREADS // 2))
    assert service.NotEnough not in answers
    assert (town.stands("ann")[0], town.stands("bo")[0]) == (300, 300)
    town.assert_sound()


def test_holds_and_spending_share_what_is_there(town: Town) -> None:
    verbs: list[Callable[[Bank], Any]] = [lambda bank: bank.hold("ann", 60), lambda bank: bank.pay("ann", "bo", 60)]
    answers = town.together(verbs * (THREADS // 2))
    assert sum(answer is not service.NotEnough for answer in answers) == 5
    balance, held, available = town.stands("ann")
    assert (available, held) == (0, 60 * town.count(Hold))
    assert balance == held
    town.assert_sound()


def test_one_key_from_many_threads_is_one_entry(town: Town) -> None:
    answers = town.together([lambda bank: bank.pay("ann", "bo", 60, key="order:1")] * THREADS)
    assert len({answer.entry_id for answer in answers}) == 1
    assert sum(not answer.repeated for answer in answers) == 1
    assert town.stands("bo") == (60, 0, 60)
    town.assert_sound()


def test_one_key_from_many_threads_is_one_hold(town: Town) -> None:
    answers = town.together([lambda bank: bank.hold("ann", 60, key="order:1")] * THREADS)
    assert len(set(answers)) == 1
    assert town.stands("ann") == (300, 60, 240)


def test_one_batch_from_many_threads_is_booked_once(town: Town) -> None:
    def post_all(bank: Bank) -> Any:
        drafts: list[EntryDraft] = [
            entry(bank.book_id, transfer(bank.issuance, account, 60), key=f"shift:{account}")
            for account in bank.coins.values()
        ]
        return tuple(posted.entry_id for posted in service.post_many(bank.session, drafts, now=NOW))

    assert len(set(town.together([post_all] * THREADS))) == 1
    assert town.count(Entry) == 4
    town.assert_sound()


@pytest.mark.parametrize("keys", ["one", "each its own"])
def test_two_reversals_of_one_entry_are_one(town: Town, keys: str) -> None:
    first = town.alone(lambda bank: bank.pay("ann", "bo", 60))

    def undo(number: int) -> Callable[[Bank], Any]:
        key = "undo" if keys == "one" else f"undo:{number}"
        return lambda bank: bank.undo(first.entry_id, key=key).entry_id

    answers = town.together([undo(number) for number in range(8)])
    done = {answer for answer in answers if answer is not service.AlreadyReversed}
    assert len(done) == 1
    assert town.stands("ann") == (300, 0, 300)
    town.assert_sound()


def test_a_hold_ends_one_way_only(town: Town) -> None:
    for _ in range(5):
        hold_id = town.alone(lambda bank: bank.hold("ann", 60))
        before = town.stands("ann")[0]

        def take(bank: Bank, hold_id: int = hold_id) -> Any:
            return bank.take(hold_id, "ann", "bo", 60)

        def void(bank: Bank, hold_id: int = hold_id) -> Any:
            return service.void_hold(bank.session, hold_id, actor_id=None, now=NOW)

        def expire(bank: Bank) -> Any:
            return service.expire_holds(bank.session, source_type="order", now=NOW + timedelta(days=8))

        town.together([take, void, expire, take, void, expire])
        end = town.alone(lambda bank, hold_id=hold_id: bank.session.get_one(HoldEnd, hold_id).how)
        left = before - 60 if end == "post" else before
        assert town.stands("ann") == (left, 0, left)
    town.assert_sound()


def test_closes_at_once_make_one_seal(town: Town) -> None:
    seals = town.together([lambda bank: bank.close().hash] * 8)
    assert len(set(seals)) == 1
    assert town.count(Seal) == 1
    town.assert_sound()


def test_a_close_waits_for_postings_and_postings_for_a_close(town: Town) -> None:
    """Postings dated in the closing month: each stands in a month that was open, and the seal covers what is its."""

    def post_some(number: int) -> Callable[[Bank], Any]:
        def post(bank: Bank) -> Any:
            return [bank.earn("bo", 1, key=f"{number}:{n}").entry_id for n in range(3)]

        return post

    verbs = [post_some(number) for number in range(12)]
    verbs[6:6] = [lambda bank: bank.close().entry_count, lambda bank: bank.close().entry_count]
    answers = town.together(verbs)
    sealed = answers[6]
    months = town.alone(
        lambda bank: Counter(
            bank.session.scalars(sa.select(Period.month).join(Entry, Entry.period_id == Period.id)).all()
        )
    )
    assert months["2026-09"] == sealed
    assert months.total() == 1 + 12 * 3
    assert set(months) <= {"2026-09", "2026-10"}
    assert town.stands("bo")[0] == 36
    town.assert_sound()


@pytest.mark.parametrize("engine_url", ["postgresql"], indirect=True)
def test_a_posting_in_flight_is_in_the_seal(town: Town) -> None:
    """Not by luck: the close begins while a posting has not committed, and has to wait for it."""
    answers: list[Any] = []
    with Session(town.engine) as session:
        replace(town.bank, session=session).earn("bo", 7)
        closing = threading.Thread(target=lambda: answers.append(town.alone(lambda bank: bank.close().entry_count)))
        closing.start()
        closing.join(0.5)
        assert closing.is_alive()
        session.commit()
    closing.join()
    assert answers == [2]
    posted = town.alone(lambda bank: bank.earn("bo", 7))
    month = sa.select(Period.month).join(Entry, Entry.period_id == Period.id).where(Entry.id == posted.entry_id)
    assert town.alone(lambda bank: bank.session.scalar(month)) == "2026-10"
    town.assert_sound()
