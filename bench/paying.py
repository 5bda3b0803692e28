"""A process that pays deposits out of the hot issuance account, each with its own commit: ours, by hand, or naively."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.by_hand import Town, draft, plain_post
from tests.ledger.processes import connect
from timebank.core.db import write_session
from timebank.ledger import service

# What we do not do: one row that every deposit updates and so keeps locked until its commit.
HOT_ROW = "CREATE TABLE IF NOT EXISTS bench_hot_row (id int PRIMARY KEY, posted_out bigint NOT NULL)"
HOT_ROW_START = "INSERT INTO bench_hot_row VALUES (1, 0) ON CONFLICT DO NOTHING"
HOT_ROW_MOVE = "UPDATE bench_hot_row SET posted_out = posted_out + 1 WHERE id = 1"
WAYS = ("ours", "hand", "hot_row")


@dataclass(frozen=True, kw_only=True)
class Order:
    """So many deposits one way, from an instant on the machine's clock; ``run`` makes the keys new."""

    way: str
    count: int
    run: str


def work(url: str, facts: tuple[int, int, list[int], datetime], orders: Connection) -> None:
    """Carry out orders until None comes; answers with the instant at which the last commit returned."""
    engine = connect(url)
    book_id, issuance, members, now = facts
    town = Town(engine=engine, book_id=book_id, issuance=issuance, members=members, now=now)
    luck = random.Random()
    while (order := orders.recv()) is not None:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
        orders.send("ready")
        time.sleep(max(0.0, orders.recv() - time.monotonic()))
        for number in range(order.count):
            _pay(town, order.way, f"{order.run}:{number}", luck.choice(members))
        orders.send(time.monotonic())


def _pay(town: Town, way: str, key: str, member: int) -> None:
    if way == "ours":
        with Session(town.engine) as session, write_session(session):
            service.post(session, draft(town, key, town.issuance, member, 1), now=town.now)
        return
    with town.engine.begin() as connection:
        if way == "hot_row":  # before the other writes, as a debit is; the row stays locked until the commit
            connection.exec_driver_sql(HOT_ROW_MOVE)
        plain_post(connection, town, key, town.issuance, member)
