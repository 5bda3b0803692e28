"""Posting beside the same rows written by hand in SQLAlchemy Core: same tables, same triggers, same commit.

The hand-written side knows in advance what ``post`` has to find out: which month is open, that the key is new, which
accounts keep running figures, that the draft is sound. PostgreSQL runs without flushing to disk, which leaves
the differences in our own work nowhere to hide.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.harness import compare
from tests import databases
from timebank.core.db import WRITE, write_session
from timebank.ledger import queries, service
from timebank.ledger.models import Account, Entry, Period, Transfer
from timebank.ledger.rules import EntryDraft, TransferDraft

NOW = datetime(2026, 9, 15, 2, tzinfo=UTC)
MEMBERS = 1_000
POSTINGS = 200  # in one measurement, each with its own commit
BATCH = 1_000

ACCOUNT, ENTRY, TRANSFER = (cast(sa.Table, model.__table__) for model in (Account, Entry, Transfer))
PERIOD = cast(sa.Table, Period.__table__)


@dataclass(frozen=True, kw_only=True)
class Town:
    """A book with funded members on a database of its own."""

    engine: sa.Engine
    book_id: int
    issuance: int
    members: list[int]


def measure() -> None:
    databases.begin_run()
    try:
        for engine_name, short in (("sqlite", "sqlite"), ("postgresql", "pg")):
            with _town(engine_name) as town:
                compare(f"post_{short}", "entries/s", _rate(_posts(town), POSTINGS), _rate(_plain(town), POSTINGS))
                compare(
                    f"post_many_{short}", "entries/s", _rate(_batches(town), BATCH), _rate(_plain_batches(town), BATCH)
                )
    finally:
        databases.end_run()


def _rate(work: Callable[[], None], amount: int) -> Callable[[], float]:
    work()  # once to warm up what both sides keep: connections, compiled statements

    def taken() -> float:
        start = time.perf_counter()
        work()
        return amount / (time.perf_counter() - start)

    return taken


@contextmanager
def _town(engine_name: str) -> Iterator[Town]:
    with databases.fresh(engine_name) as url:
        engine = databases.make_engine(url)
        with Session(engine) as session, write_session(session):
            book_id = service.open_book(session, code="BENCH")
            issuance = queries.find_house_account(session, book_id, "issuance")
            members = [
                service.open_account(session, book_id=book_id, code=f"member:{number}", kind="member", unit="coin")
                for number in range(MEMBERS)
            ]
            town = Town(engine=engine, book_id=book_id, issuance=issuance, members=members)
            service.post_many(session, [_draft(town, "start", issuance, id_, 100_000) for id_ in members], now=NOW)
        yield town
        engine.dispose()


def _draft(town: Town, key: str, debit_id: int, credit_id: int, amount: int) -> EntryDraft:
    return EntryDraft(
        book_id=town.book_id,
        kind="earn",
        key=f"{key}:{credit_id}",
        transfers=(TransferDraft(debit_id=debit_id, credit_id=credit_id, amount=amount, unit="coin"),),
        source_type="bench",
        source_id=credit_id,
        occurred_at=NOW,
        actor_id=1,
    )


_numbers = itertools.count()


def _moves(town: Town) -> Iterator[tuple[str, int, int]]:
    """Keys and accounts: a deposit and a payment from one member to another, in turn."""
    for place in range(POSTINGS):
        number = next(_numbers)
        payer = town.members[(place * 7) % MEMBERS] if place % 2 else town.issuance
        yield f"move:{number}", payer, town.members[(place * 13 + 1) % MEMBERS]


def _posts(town: Town) -> Callable[[], None]:
    def work() -> None:
        with Session(town.engine) as session:
            for key, debit_id, credit_id in _moves(town):
                with write_session(session):
                    service.post(session, _draft(town, key, debit_id, credit_id, 1), now=NOW)

    return work


def _batches(town: Town) -> Callable[[], None]:
    def work() -> None:
        key = f"batch:{next(_numbers)}"
        with Session(town.engine) as session, write_session(session):
            drafts = [_draft(town, key, town.issuance, member, 60) for member in town.members]
            service.post_many(session, drafts, now=NOW)

    return work


# --- by hand -------------------------------------------------------------------------------------------------------

OPEN_MONTH = (
    sa.select(PERIOD.c.id)
    .where(PERIOD.c.book_id == sa.bindparam("book"), PERIOD.c.month == "2026-09", PERIOD.c.closed_at.is_(None))
    .with_for_update(read=True)
)
ADD_ENTRY = sa.insert(ENTRY).returning(ENTRY.c.id)
ADD_TRANSFER = sa.insert(TRANSFER)
AMOUNT = sa.bindparam("amount", type_=sa.BigInteger)
TAKE = (
    sa.update(ACCOUNT)
    .where(
        ACCOUNT.c.id == sa.bindparam("account"),
        ACCOUNT.c.posted_in - ACCOUNT.c.posted_out - ACCOUNT.c.held - AMOUNT >= ACCOUNT.c.floor,
    )
    .values(posted_out=ACCOUNT.c.posted_out + AMOUNT)
)
GIVE = (
    sa.update(ACCOUNT)
    .where(ACCOUNT.c.id == sa.bindparam("account"))
    .values(posted_in=ACCOUNT.c.posted_in + AMOUNT)
)  # fmt: skip


def _entry(town: Town, period_id: int, key: str, member_id: int) -> dict[str, Any]:
    return {
        "book_id": town.book_id,
        "period_id": period_id,
        "kind": "earn",
        "key": key,
        "content_hash": "0" * 64,
        "transfer_count": 1,
        "source_type": "bench",
        "source_id": member_id,
        "actor_id": 1,
        "for_member_id": None,
        "occurred_at": NOW,
        "posted_at": NOW,
        "reverses_id": None,
        "rule": None,
        "facts": {},
    }


def _transfer(town: Town, entry_id: int, debit_id: int, credit_id: int, amount: int) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "seq": 1,
        "book_id": town.book_id,
        "unit": "coin",
        "debit_id": debit_id,
        "credit_id": credit_id,
        "amount": amount,
    }


def _plain(town: Town) -> Callable[[], None]:
    def work() -> None:
        for key, debit_id, credit_id in _moves(town):
            with town.engine.connect().execution_options(**WRITE) as connection, connection.begin():
                period_id = connection.execute(OPEN_MONTH, {"book": town.book_id}).scalar_one()
                entry_id = connection.execute(ADD_ENTRY, _entry(town, period_id, key, credit_id)).scalar_one()
                if debit_id != town.issuance:
                    taken = connection.execute(TAKE, {"account": debit_id, "amount": 1})
                    assert taken.rowcount == 1
                connection.execute(GIVE, {"account": credit_id, "amount": 1})
                connection.execute(ADD_TRANSFER, _transfer(town, entry_id, debit_id, credit_id, 1))

    return work


def _plain_batches(town: Town) -> Callable[[], None]:
    def work() -> None:
        key = f"plain:{next(_numbers)}"
        with town.engine.connect().execution_options(**WRITE) as connection, connection.begin():
            period_id = connection.execute(OPEN_MONTH, {"book": town.book_id}).scalar_one()
            rows = [_entry(town, period_id, f"{key}:{member}", member) for member in town.members]
            entry_ids = connection.execute(ADD_ENTRY, rows).scalars().all()
            transfers = [
                _transfer(town, entry_id, town.issuance, member, 60)
                for entry_id, member in zip(entry_ids, town.members, strict=True)
            ]
            connection.execute(ADD_TRANSFER, transfers)
            connection.execute(GIVE, [{"account": member, "amount": 60} for member in town.members])

    return work
