"""Posting beside the same rows written by hand in SQLAlchemy Core: same tables, same triggers, same commit.

What the hand-written side is told is said in ``bench.by_hand``. PostgreSQL runs without flushing to disk, which leaves
the differences in our own work nowhere to hide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy.orm import Session

from bench import by_hand
from bench.by_hand import Town, draft, entry_row, numbers, transfer_row
from bench.harness import compare
from tests import databases
from timebank.core.db import WRITE, write_session
from timebank.ledger import service

POSTINGS = 200  # in one measurement, each with its own commit


def measure() -> None:
    databases.begin_run()
    try:
        for engine_name, short in (("sqlite", "sqlite"), ("postgresql", "pg")):
            with _town(engine_name) as town:
                posts, plain = (
                    _rate(partial(work, town, POSTINGS), POSTINGS)
                    for work in (by_hand.post_all, by_hand.plain_post_all)
                )
                compare(f"post_{short}", "entries/s", posts, plain)
                batches, plain = (_rate(partial(work, town), len(town.members)) for work in (_batch, _plain_batch))
                compare(f"post_many_{short}", "entries/s", batches, plain)
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
        town = by_hand.make_town(engine)
        by_hand.fund(town)
        yield town
        engine.dispose()


def _batch(town: Town) -> None:
    key = f"batch:{next(numbers)}"
    with Session(town.engine) as session, write_session(session):
        drafts = [draft(town, f"{key}:{member}", town.issuance, member, 60) for member in town.members]
        service.post_many(session, drafts, now=town.now)


def _plain_batch(town: Town) -> None:
    key = f"plain:{next(numbers)}"
    with town.engine.connect().execution_options(**WRITE) as connection, connection.begin():
        period_id = connection.execute(by_hand.OPEN_MONTH, {"book": town.book_id, "month": town.month}).scalar_one()
        rows = [entry_row(town, period_id, f"{key}:{member}", member) for member in town.members]
        entry_ids = connection.execute(by_hand.ADD_ENTRY, rows).scalars().all()
        transfers = [
            transfer_row(town, period_id, entry_id, (town.issuance, member), 60)
            for entry_id, member in zip(entry_ids, town.members, strict=True)
        ]
        connection.execute(by_hand.ADD_TRANSFER, transfers)
