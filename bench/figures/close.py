"""``close_100k``: a month with 100,000 transfers is checked, frozen, sealed and packed, in a process of its own.

Linear: beside twice the time for half the transfers (ratio about 1). Memory: beside the bar of 300 MB.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.town import people
from tests import databases
from tests.world import make_branch
from timebank.core.db import write_session
from timebank.ledger.queries import find_house_account
from timebank.ledger.rules import EntryDraft, TransferDraft
from timebank.ledger.service import post_many
from timebank.members.models import Member

MONTH = "2026-09"
NOW = datetime(2026, 9, 15, 2, tzinfo=UTC)
TRANSFERS = 100_000
MEMBERS = 1_000
ROUNDS = 5
MEMORY_BAR_MB = 300
ROOT = Path(__file__).resolve().parents[2]


def measure() -> None:
    databases.begin_run()
    try:
        with tempfile.TemporaryDirectory() as folder:
            whole, half = (filled(Path(folder), count) for count in (TRANSFERS, TRANSFERS // 2))
            taken = [(_close(whole), _close(half)) for _ in range(ROUNDS)]
    finally:
        databases.end_run()
    seconds = statistics.median(full[0] for full, _ in taken)
    _say("close_100k", "s", seconds, 2 * statistics.median(part[0] for _, part in taken))
    _say("close_100k_memory", "MB", statistics.median(full[1] for full, _ in taken), MEMORY_BAR_MB)


def _say(name: str, unit: str, value: float, baseline: float) -> None:
    figure = {"name": name, "value": round(value, 3), "unit": unit, "baseline": round(baseline, 3)}
    print(json.dumps(figure | {"ratio": round(value / baseline, 3)}), flush=True)


def filled(folder: Path, transfers: int) -> Path:
    """An SQLite file with a month of so many deposits, made through the ledger."""
    path = folder / f"{transfers}.db"
    with databases.fresh("sqlite") as url:
        engine = databases.make_engine(url)
        with Session(engine) as session:
            with write_session(session):
                branch = make_branch(session, now=NOW)
                ids = people(session, branch, MEMBERS, now=NOW)
            accounts = list(session.scalars(sa.select(Member.coin_account_id).where(Member.id.in_(ids))))
            issuance = find_house_account(session, branch.id, "issuance")
            for batch in range(transfers // MEMBERS):
                with write_session(session):
                    post_many(session, [_deposit(branch.id, issuance, to, batch) for to in accounts if to], now=NOW)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        shutil.copyfile(sa.make_url(url).database or "", path)
    return path


def _deposit(book_id: int, issuance: int, account_id: int, batch: int) -> EntryDraft:
    return EntryDraft(
        book_id=book_id,
        kind="earn",
        key=f"bench:{batch}:{account_id}",
        transfers=(TransferDraft(debit_id=issuance, credit_id=account_id, amount=60, unit="coin"),),
        source_type="bench",
        source_id=account_id,
        occurred_at=NOW,
        actor_id=None,
    )


def _close(filled: Path) -> tuple[float, float]:
    """Seconds and peak megabytes of one close of a fresh copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        shutil.copyfile(filled, copy)
        command = [sys.executable, "-m", "bench.close_once", f"sqlite:///{copy}", "BL", MONTH, folder]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    seconds, megabytes = done.stdout.split()[-2:]
    return float(seconds), float(megabytes)
