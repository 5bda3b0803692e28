"""``close_100k``, ``close_1m``: a month with so many transfers of 10,000 members is checked, frozen, sealed and packed.

Each close runs in a process of its own on a fresh copy; so do hledger (where it is installed), beancount and a plain
pass in Python, which come to the same balances from the journal of the same month. Linear: beside ten times (for
100,000: twice) the time of a tenth (half) of it. Memory: beside the bar of 300 MB. ``BENCH_LONG=1`` adds the million.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.harness import say
from bench.histories import ENTRIES
from bench.peers import ROOT, Measured, list_peers
from bench.town import people
from tests import databases
from tests.world import make_branch
from timebank.core.clock import month_range
from timebank.core.db import write_session
from timebank.ledger.models import Period
from timebank.ledger.queries import find_house_account

MONTH = "2026-09"
NOW = datetime(2026, 8, 15, 2, tzinfo=UTC)
MEMBERS = 10_000
MEMORY_BAR_MB = 300
HALF, WHOLE, MILLION = 50_000, 100_000, 1_000_000
ROUNDS = {HALF: 3, WHOLE: 3, MILLION: 1}

# As ENTRIES has it, every other entry is a deposit; the member who got it then pays half of it to another.
TRANSFERS = """
WITH somebody AS (SELECT coin_account_id AS account, row_number() OVER (ORDER BY id) - 1 AS place FROM member)
INSERT INTO transfer (entry_id, seq, book_id, period_id, unit, debit_id, credit_id, amount)
SELECT e.id, 1, :book, :period, 'coin', CASE WHEN e.source_id % 2 = 0 THEN :issuance ELSE giver.account END,
       CASE WHEN e.source_id % 2 = 0 THEN giver.account ELSE taker.account END,
       CASE WHEN e.source_id % 2 = 0 THEN 60 ELSE 30 END
FROM entry e
JOIN somebody giver ON giver.place = (e.source_id / 2) % :members
JOIN somebody taker ON taker.place = (e.source_id / 2 + :members / 2 + 1) % :members
WHERE e.period_id = :period ORDER BY e.id
"""
_AT = "strftime('%Y-%m-%d %H:%M:%S.000000', :start, '+' || (i * :step) || ' seconds')"
_SERIES = "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1) SELECT i FROM n)"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Medians of some closes of one size, and of the peers beside them."""

    closed: float
    packed: float
    closed_cpu: float
    packed_cpu: float
    closed_mb: float
    packed_mb: float
    peers: dict[str, Measured]


def measure() -> None:
    sizes = [HALF, WHOLE, *([MILLION] if os.environ.get("BENCH_LONG") else [])]
    databases.begin_run()
    try:
        with tempfile.TemporaryDirectory() as folder:
            databases_of = {size: filled(Path(folder), size) for size in sizes}
            taken = {size: _rounds(databases_of[size], size) for size in sizes}
    finally:
        databases.end_run()
    _tell("close_100k", taken[WHOLE], 2 * taken[HALF].closed, 2 * taken[HALF].packed)
    if MILLION in taken:
        _tell("close_1m", taken[MILLION], 10 * taken[WHOLE].closed, 10 * taken[WHOLE].packed)


def _tell(name: str, taken: Taken, closed: float, packed: float) -> None:
    for peer, found in taken.peers.items():
        say(name, "s", taken.closed, found.seconds, against=peer, baseline_mb=round(found.megabytes))
        say(f"{name}_cpu", "s", taken.closed_cpu, found.cpu, against=peer)
        say(f"{name}_packed", "s", taken.packed, found.seconds, against=peer)
        say(f"{name}_packed_cpu", "s", taken.packed_cpu, found.cpu, against=peer)
    say(f"{name}_linear", "s", taken.closed, closed)
    say(f"{name}_packed_linear", "s", taken.packed, packed)
    say(f"{name}_memory", "MB", taken.closed_mb, MEMORY_BAR_MB)
    say(f"{name}_packed_memory", "MB", taken.packed_mb, MEMORY_BAR_MB)


def filled(folder: Path, transfers: int) -> Path:
    """An SQLite file with a month of so many transfers, written in bulk past no guard: triggers keep the figures."""
    path = folder / f"{transfers}.db"
    with databases.fresh("sqlite") as url:
        engine = databases.make_engine(url)
        with Session(engine) as session:
            with write_session(session):
                branch = make_branch(session, now=NOW)
                people(session, branch, MEMBERS, now=NOW)
                given = {"book": branch.id, "issuance": find_house_account(session, branch.id, "issuance")}
            with write_session(session):
                start = month_range(MONTH)[0]
                period = Period(book_id=given["book"], month=MONTH)
                session.add(period)
                session.flush()
                given |= {"period": period.id, "count": transfers, "members": MEMBERS}
                when = {"start": start.replace(tzinfo=None).isoformat(" "), "step": 2_000_000 // transfers}
                marks = {"month": MONTH, "mark": "0" * 64}
                session.execute(sa.text(ENTRIES.format(at=_AT, series=_SERIES)), given | when | marks)
                session.execute(sa.text(TRANSFERS), given)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        shutil.copyfile(sa.make_url(url).database or "", path)
    return path


def _rounds(filled: Path, size: int) -> Taken:
    closes: list[dict[str, float]] = []
    peers: dict[str, list[Measured]] = {}
    for number in range(ROUNDS[size]):
        with tempfile.TemporaryDirectory() as folder:
            closes.append(_close(filled, Path(folder)))
            for peer in list_peers(size) if size != HALF and number < 2 else ():
                found = peer.measure(Path(folder))
                if found.standing != closes[-1]["standing"]:
                    raise RuntimeError(f"{peer.name} comes to {found.standing}, we to {closes[-1]['standing']}")
                peers.setdefault(peer.name, []).append(found)
    middle = {name: statistics.median(one[name] for one in closes) for name in closes[0]}
    return Taken(
        closed=middle["closed"],
        packed=middle["packed"],
        closed_cpu=middle["closed_cpu"],
        packed_cpu=middle["packed_cpu"],
        closed_mb=middle["closed_mb"],
        packed_mb=middle["packed_mb"],
        peers={name: min(found, key=lambda one: one.seconds) for name, found in peers.items()},
    )


def _close(filled: Path, folder: Path) -> dict[str, float]:
    """One close of a fresh copy; the journals stay in ``folder`` for the peers."""
    copy = folder / "copy.db"
    shutil.copyfile(filled, copy)
    command = [sys.executable, "-m", "bench.close_once", f"sqlite:///{copy}", "BL", MONTH, str(folder)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told
