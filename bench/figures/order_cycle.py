"""``order_cycle``: one redemption from request to rating, in four units of work with a commit each: set aside, agree,
fulfil by voucher, rate.

Beside it the same writes by hand, in as many commits: SQLAlchemy Core with statements built once, told all that the
services have to find out (that the offer is open, the member active, the coins are there, who may, which rule holds).
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.harness import compare
from tests import databases
from tests.exchange.scene import Scene, give
from tests.world import NOW, actor_of
from timebank.core.actor import Actor
from timebank.core.db import WRITE, write_session
from timebank.exchange import service
from timebank.exchange.models import Order, OrderProposal, Rating
from timebank.ledger.models import Entry, Hold, HoldEnd, Period, Transfer
from timebank.notices.models import Notice

CYCLES = 60
AT = NOW + timedelta(days=1)
_numbers = itertools.count()
TABLES = {model: cast(sa.Table, model.__table__) for model in (
    Order, OrderProposal, Rating, Entry, Hold, HoldEnd, Period, Transfer, Notice,
)}  # fmt: skip
ORDER, PERIOD = TABLES[Order], TABLES[Period]


@dataclass(frozen=True, kw_only=True)
class Street:
    """A barber, a customer with coins for years, and the accounts behind them."""

    engine: sa.Engine
    asker: Actor
    barber: Actor
    offer_id: int
    branch_id: int
    giver: int
    taker: int


def measure() -> None:
    databases.begin_run()
    try:
        for name, short in (("sqlite", "sqlite"), ("postgresql", "pg")):
            with databases.fresh(name) as url:
                engine = databases.make_engine(url)
                street = _street(engine)
                compare(f"order_cycle_{short}", "s", partial(_ours, street), partial(_by_hand, street))
                engine.dispose()
    finally:
        databases.end_run()


def _street(engine: sa.Engine) -> Street:
    with Session(engine) as session, write_session(session):
        scene = Scene(session)
        give(session, scene.asker, 10_000_000)
        return Street(
            engine=engine,
            asker=actor_of(session, scene.asker),
            barber=actor_of(session, scene.barber),
            offer_id=scene.haircut.id,
            branch_id=scene.branch.id,
            giver=scene.asker.coin_account_id or 0,
            taker=scene.barber.coin_account_id or 0,
        )


def _ours(street: Street) -> float:
    """Seconds for one cycle, the middle of many; each step as a door does it, in a session of its own."""
    start = time.perf_counter()
    for _ in range(CYCLES):
        key = f"ours:{next(_numbers)}"
        with Session(street.engine) as session, write_session(session):
            draft = service.OrderDraft(offer_id=street.offer_id, form_key=key, seen_price_minutes=60)
            order = service.request_order(session, draft, actor=street.asker, now=NOW)
            order_id, voucher = order.id, order.voucher
        with Session(street.engine) as session, write_session(session):
            meeting = service.Meeting(at=AT, words="好的", form_key=key)
            service.accept_order(session, order_id, meeting, actor=street.barber, now=NOW)
        with Session(street.engine) as session, write_session(session):
            service.fulfil(session, voucher, actor=street.barber, now=NOW)
        with Session(street.engine) as session, write_session(session):
            service.rate(session, order_id, score=5, words="好", actor=street.asker, now=NOW)
    return (time.perf_counter() - start) / CYCLES


# --- the same writes by hand ---------------------------------------------------------------------------------------

ADD = {model: sa.insert(table) for model, table in TABLES.items()}
ADD_ORDER = ADD[Order].returning(ORDER.c.id)
ADD_HOLD = ADD[Hold].returning(TABLES[Hold].c.id)
ADD_ENTRY = ADD[Entry].returning(TABLES[Entry].c.id)
LOCK = sa.select(ORDER).where(ORDER.c.id == sa.bindparam("order")).with_for_update(key_share=True)
CHANGE = sa.update(ORDER).where(ORDER.c.id == sa.bindparam("order"))
OPEN_MONTH = (
    sa.select(PERIOD.c.id)
    .where(PERIOD.c.book_id == sa.bindparam("book"), PERIOD.c.month == f"{NOW:%Y-%m}", PERIOD.c.closed_at.is_(None))
    .with_for_update(read=True)
)


def _by_hand(street: Street) -> float:
    start = time.perf_counter()
    with street.engine.connect() as bare:
        sqlite = street.engine.dialect.name == "sqlite"
        connection = bare.execution_options(**WRITE) if sqlite else bare
        for _ in range(CYCLES):
            key = f"hand:{next(_numbers)}"
            with connection.begin():
                order_id, hold_id = _request(connection, street, key)
            with connection.begin():
                connection.execute(LOCK, {"order": order_id})
                changed = {"status": "accepted", "agreed_at": AT, "reply": "好的", "accepted_at": NOW, "expires_at": AT}
                connection.execute(CHANGE, {"order": order_id} | changed)
                proposal = {"order_id": order_id, "side": "provider", "by_id": street.barber.member_id, "meet_at": AT}
                connection.execute(ADD[OrderProposal], proposal | {"words": "好的", "at": NOW, "form_key": key})
                _tell(connection, street.asker, "order.accepted", key)
            with connection.begin():
                _fulfil(connection, street, order_id, hold_id)
                _tell(connection, street.asker, "order.fulfilled", key)
                _tell(connection, street.barber, "order.earned", key)
            with connection.begin():
                connection.execute(LOCK, {"order": order_id})
                rating = {"order_id": order_id, "by_id": street.asker.member_id, "score": 5, "words": "好", "at": NOW}
                connection.execute(ADD[Rating], rating)
    return (time.perf_counter() - start) / CYCLES


def _request(connection: sa.Connection, street: Street, key: str) -> tuple[int, int]:
    hold = {
        "book_id": street.branch_id,
        "account_id": street.giver,
        "unit": "coin",
        "amount": 60,
        "key": key,
        "content_hash": "0" * 64,
        "source_type": "order",
        "source_id": None,
        "actor_id": street.asker.member_id,
        "placed_at": NOW,
        "expires_at": AT,
    }
    hold_id = connection.execute(ADD_HOLD, hold).scalar_one()
    order: dict[str, Any] = {
        "branch_id": street.branch_id,
        "offer_id": street.offer_id,
        "member_id": street.asker.member_id,
        "provider_id": street.barber.member_id,
        "quantity": 1,
        "amount_minutes": 60,
        "wish": "",
        "hold_id": hold_id,
        "voucher": key[-16:],
        "status": "requested",
        "form_key": key,
        "requested_at": NOW,
        "expires_at": AT,
        "reply": "",
        "end_reason": "",
        "latest_at": AT,
    }
    order_id = connection.execute(ADD_ORDER, order).scalar_one()
    _tell(connection, street.barber, "order.requested", key)
    return order_id, hold_id


def _fulfil(connection: sa.Connection, street: Street, order_id: int, hold_id: int) -> None:
    connection.execute(LOCK, {"order": order_id})
    period = connection.execute(OPEN_MONTH, {"book": street.branch_id}).scalar_one()
    entry = {
        "book_id": street.branch_id,
        "period_id": period,
        "kind": "redeem",
        "key": f"hand:{order_id}",
        "content_hash": "0" * 64,
        "transfer_count": 1,
        "source_type": "order",
        "source_id": order_id,
        "actor_id": street.barber.member_id,
        "for_member_id": street.asker.member_id,
        "occurred_at": NOW,
        "posted_at": NOW,
        "facts": {"title": "上门理发"},
    }
    entry_id = connection.execute(ADD_ENTRY, entry).scalar_one()
    end = {"hold_id": hold_id, "how": "post", "entry_id": entry_id, "posted_amount": 60, "ended_at": NOW}
    connection.execute(ADD[HoldEnd], end)
    transfer = {
        "entry_id": entry_id,
        "seq": 1,
        "book_id": street.branch_id,
        "period_id": period,
        "unit": "coin",
        "debit_id": street.giver,
        "credit_id": street.taker,
        "amount": 60,
    }
    connection.execute(ADD[Transfer], transfer)
    done = {"status": "fulfilled", "fulfilled_at": NOW, "ended_at": NOW, "entry_id": entry_id}
    by = {"fulfilled_by_id": street.barber.member_id, "ended_by_id": street.barber.member_id}
    connection.execute(CHANGE, {"order": order_id} | done | by)


def _tell(connection: sa.Connection, whom: Actor, kind: str, key: str) -> None:
    row = {"member_id": whom.member_id, "kind": kind, "key": f"{kind}:{key}", "facts": {"title": "上门理发"}}
    connection.execute(ADD[Notice], row | {"link": "/orders", "created_at": NOW})
