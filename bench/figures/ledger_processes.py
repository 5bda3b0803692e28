"""``post_pg_P``: 1, 4 and 8 processes pay everybody out of the hot issuance account on PostgreSQL that flushes to disk.

Beside the same processes with the hand-written transaction, which keeps no running balance on the hot account either.
``post_pg_P_hot_row`` is that transaction with one row that every deposit updates, beside itself without: why there is
none.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from sqlalchemy import Engine

from bench import by_hand, paying
from bench.harness import medians, say
from tests.ledger.processes import CONTEXT, connect
from tests.postgres import DURABLE, cluster_in
from timebank.cli.database import run_alembic

PROCESSES = (1, 4, 8)
DEPOSITS = 200  # in one measurement, shared out among the processes
ROUNDS = 5
_PATIENCE = 120
_runs = itertools.count()


def measure() -> None:
    CONTEXT.set_forkserver_preload(["bench.paying"])
    with _server() as engine:
        town = by_hand.make_town(engine)
        by_hand.fund(town)
        facts = (town.book_id, town.issuance, town.members, town.now)
        url = engine.url.render_as_string(hide_password=False)
        with _workers(max(PROCESSES), (url, facts)) as workers:
            for count in PROCESSES:
                chosen = workers[:count]
                ways = {way: partial(_rate, chosen, way) for way in paying.WAYS}
                for warm_up in ways.values():
                    warm_up()
                found = medians(ways, ROUNDS)
                say(f"post_pg_{count}", "entries/s", found["ours"], found["hand"])
                say(f"post_pg_{count}_hot_row", "entries/s", found["hot_row"], found["hand"])


@contextmanager
def _server() -> Iterator[Engine]:
    """A migrated database on a cluster of its own that writes to the disk before it answers."""
    with TemporaryDirectory(prefix="tp", dir="/tmp") as folder:
        cluster = cluster_in(Path(folder) / "pg", DURABLE)
        cluster.start()
        engine = connect(cluster.url)
        try:
            run_alembic(connect(cluster.url), command.upgrade, revision="head")
            with engine.begin() as connection:
                for statement in (paying.HOT_ROW, paying.HOT_ROW_START):
                    connection.exec_driver_sql(statement)
            yield engine
        finally:
            engine.dispose()
            cluster.stop()


@contextmanager
def _workers(count: int, place: tuple[str, object]) -> Iterator[list[Connection]]:
    started = []
    for _ in range(count):
        ours, theirs = CONTEXT.Pipe()
        process = CONTEXT.Process(target=paying.work, args=(*place, theirs), daemon=True)
        process.start()
        started.append((process, ours))
    yield [ours for _, ours in started]
    for process, ours in started:
        ours.send(None)
        process.join(10)


def _rate(workers: list[Connection], way: str) -> float:
    """Deposits per second of all processes together, from the common instant to the last commit."""
    run, share = next(_runs), DEPOSITS // len(workers)
    for number, orders in enumerate(workers):
        orders.send(paying.Order(way=way, count=share, run=f"{run}:{number}"))
    for orders in workers:
        _hear(orders)
    go_at = time.monotonic() + 0.05
    for orders in workers:
        orders.send(go_at)
    last = max(float(str(_hear(orders))) for orders in workers)
    return share * len(workers) / (last - go_at)


def _hear(orders: Connection) -> object:
    if not orders.poll(_PATIENCE):
        raise RuntimeError("a process did not answer")
    return orders.recv()
