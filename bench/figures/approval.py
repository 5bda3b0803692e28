"""``approve_1000``: the approval of a whole shift of 1,000 people, coins and points for everybody in one transaction,
beside a hand-written bulk insert of as many entries and transfers (two each: coins and points) and nothing else.
"""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from functools import partial
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.harness import compare
from bench.town import attend, open_shift, people
from tests import databases
from tests.world import NOW, actor_of, make_member
from timebank.attendance.service import approve_shift, submit_shift
from timebank.core.db import write_session
from timebank.ledger.models import Account, Entry, Period, Transfer
from timebank.ledger.queries import find_house_account
from timebank.members.models import Member

PEOPLE = 1_000
_numbers = itertools.count()
ENTRY, TRANSFER = cast(sa.Table, Entry.__table__), cast(sa.Table, Transfer.__table__)


def measure() -> None:
    databases.begin_run()
    try:
        for name, short in (("sqlite", "sqlite"), ("postgresql", "pg")):
            with databases.fresh(name) as url:
                engine = databases.make_engine(url)
                compare(f"approve_1000_{short}", "s", partial(_approval, engine), partial(_by_hand, engine))
                engine.dispose()
    finally:
        databases.end_run()


def _approval(engine: sa.Engine) -> float:
    """Seconds for one approval with its commit; the shift and its people are made before the clock runs."""
    starts_at = NOW - timedelta(hours=4)
    with Session(engine) as session:
        with write_session(session):
            branch, shift_id = open_shift(session, starts_at=starts_at, now=NOW - timedelta(days=1))
            members = people(session, branch, PEOPLE, now=NOW - timedelta(days=1))
            reviewer = actor_of(session, make_member(session, branch, roles=("organiser",)))
            approver = actor_of(session, make_member(session, branch, roles=("manager",)))
            attend(session, shift_id, members, starts_at=starts_at)
            submit_shift(session, shift_id, actor=reviewer, now=NOW)
        start = time.perf_counter()
        with write_session(session):
            approved = approve_shift(session, shift_id, actor=approver, now=NOW)
        taken = time.perf_counter() - start
    if approved.people != PEOPLE:
        raise RuntimeError(f"{approved.people} people were booked")
    return taken


def _by_hand(engine: sa.Engine) -> float:
    with Session(engine) as session, write_session(session):
        accounts = sa.select(Member.coin_account_id, Member.point_account_id).where(Member.coin_account_id.is_not(None))
        members = [(coin or 0, point or 0) for coin, point in session.execute(accounts.limit(PEOPLE))]
        period = session.execute(sa.select(Period.id, Period.book_id).limit(1)).one()
        houses = [find_house_account(session, period.book_id, "issuance", unit) for unit in ("coin", "point")]
        units = dict(session.execute(sa.select(Account.id, Account.unit)).all())
        start = time.perf_counter()
        rows = [_entry(period.book_id, period.id) for _ in members]
        ids = session.scalars(sa.insert(ENTRY).returning(ENTRY.c.id), rows).all()
        session.execute(
            sa.insert(TRANSFER),
            [
                _transfer((entry_id, seq), period, (house, account), units[account])
                for entry_id, accounts in zip(ids, members, strict=True)
                for seq, (house, account) in enumerate(zip(houses, accounts, strict=True), 1)
            ],
        )
        session.commit()
        return time.perf_counter() - start


def _entry(book_id: int, period_id: int) -> dict[str, object]:
    return {
        "book_id": book_id,
        "period_id": period_id,
        "kind": "hand",
        "key": f"hand:{next(_numbers)}",
        "content_hash": "0" * 64,
        "transfer_count": 2,
        "source_type": "bench",
        "occurred_at": NOW,
        "posted_at": NOW,
        "facts": {},
    }


def _transfer(
    place: tuple[int, int], period: sa.Row[int, int], accounts: tuple[int, int], unit: str
) -> dict[str, object]:
    entry_id, seq = place
    return {
        "entry_id": entry_id,
        "seq": seq,
        "book_id": period.book_id,
        "period_id": period.id,
        "unit": unit,
        "debit_id": accounts[0],
        "credit_id": accounts[1],
        "amount": 120,
    }
