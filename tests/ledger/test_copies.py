"""A stranger takes a copy of the whole database, and somebody tampered with it: the command names check and row.

Real copies (the SQLite file; PostgreSQL's CREATE DATABASE … TEMPLATE), raw SQL over a plain driver connection with the
triggers dropped, and ``flask ledger verify --json`` as a process of its own.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.archives.months import NOVEMBER, small_town
from tests.world import KEYS
from timebank import __version__
from timebank.core.actor import SYSTEM
from timebank.ledger import service as ledger

ROOT = Path(__file__).parents[2]
SECRET = "only-for-tests-0123456789-0123456789"
Report = dict[str, Any]


@pytest.fixture
def town(fresh_database: str) -> str:
    """URL of a branch with three sealed months and nobody connected."""
    engine = databases.make_engine(fresh_database)
    with Session(engine) as session:
        branch, *_ = small_town(session)
        for month in ("2026-08", "2026-09", "2026-10"):
            ledger.close_period(session, branch.id, month, actor=SYSTEM, keys=KEYS, now=NOVEMBER)
        session.commit()
    engine.dispose()
    return fresh_database


@pytest.fixture
def copy(town: str) -> Iterator[str]:
    with databases.copy_of(town) as url:
        yield url


def run(url: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as an inspector types it, in a process of its own."""
    settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET, "TIMEBANK_DATA": str(folder / "var")}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "ledger", "verify", *words],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def found_in(answer: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Check → the rows it names."""
    report: Report = json.loads(answer.stdout)
    [branch] = report["branches"]
    rows = {check["name"]: [found["row"] for found in check["findings"]] for check in branch["checks"]}
    assert all(check["ok"] is not bool(rows[check["name"]]) for check in branch["checks"])
    return {name: found for name, found in rows.items() if found}


def tamper(url: str, statements: Sequence[str]) -> None:
    """Take the guards away for good, then change what is to be changed, without a line of our own code."""
    target = sa.make_url(url)
    if target.get_backend_name() == "sqlite":
        with sqlite3.connect(str(target.database)) as file:
            names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
            for name in names:
                file.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                assert file.execute(statement).rowcount == 1
        file.close()
        return
    place = {"host": target.query["host"], "dbname": target.database, "user": target.username}
    with psycopg.connect(**place) as server:
        server.execute("SET session_replication_role = replica")  # type: ignore[arg-type]
        for statement in statements:
            assert server.execute(statement).rowcount == 1  # type: ignore[call-overload]


def test_a_copy_nobody_touched_is_clean(copy: str, tmp_path: Path) -> None:
    answer = run(copy, tmp_path, "--json")
    assert (answer.returncode, found_in(answer)) == (0, {})
    report: Report = json.loads(answer.stdout)
    assert (report["shape"], report["ok"], report["count"]) == ("timebank-verify-1", True, 0)
    assert report["program"] == {"name": "timebank", "version": __version__}
    assert report["at"].endswith("Z")
    [branch] = report["branches"]
    assert (branch["branch"], branch["ok"]) == ("BL", True)
    assert {tuple(check) for check in branch["checks"]} == {
        ("name", "title", "ok", "milliseconds", "count", "findings")
    }


# ``anna`` earned 180 in August and had her hair cut for 60 in October.
ANNA = "(SELECT id FROM account WHERE unit = 'coin' AND posted_in = 180 AND posted_out = 60)"
AUGUST = "(SELECT id FROM period WHERE month = '2026-08')"
OTHER = "CASE substr({0}, 1, 1) WHEN '0' THEN '1' ELSE '0' END || substr({0}, 2)"
BALANCE = [f"UPDATE account SET posted_in = posted_in + 1 WHERE id = {ANNA}"]
SEAL_BYTE = [f"UPDATE seal SET hash = {OTHER.format('hash')} WHERE period_id = {AUGUST}"]
CLOSING_ROW = [f"DELETE FROM closing WHERE month = '2026-08' AND account_id = {ANNA}"]
HOLD_END = ["DELETE FROM hold_end"]
TRANSFER = [f"DELETE FROM transfer WHERE unit = 'coin' AND credit_id = {ANNA}"]


@pytest.fixture
def names(town: str) -> dict[str, str]:
    """How the rows are called that the tests change."""
    engine = databases.make_engine(town)
    with engine.connect() as connection:
        code = connection.exec_driver_sql(f"SELECT code FROM account WHERE id = {ANNA}").scalar_one()
        entry = connection.exec_driver_sql(
            f"SELECT entry_id FROM transfer WHERE unit = 'coin' AND credit_id = {ANNA}"
        ).scalar_one()
    engine.dispose()
    return {"anna": code, "entry": f"entry {entry}"}


def test_one_balance_changed(names: dict[str, str], copy: str, tmp_path: Path) -> None:
    tamper(copy, BALANCE)
    answer = run(copy, tmp_path, "--json")
    assert (answer.returncode, found_in(answer)) == (1, {"replay": [f"account {names['anna']}/coin"]})


def test_one_byte_of_a_seal(copy: str, tmp_path: Path) -> None:
    tamper(copy, SEAL_BYTE)
    answer = run(copy, tmp_path, "--json")
    # Its own month: hash and signature; the month after it, which names the hash that was.
    assert answer.returncode == 1
    assert found_in(answer) == {"seals": ["period 2026-08", "period 2026-08", "period 2026-09"]}


def test_one_closing_row_deleted(names: dict[str, str], copy: str, tmp_path: Path) -> None:
    tamper(copy, CLOSING_ROW)
    answer = run(copy, tmp_path, "--json")
    assert (answer.returncode, found_in(answer)) == (1, {"closings": [f"closing 2026-08 {names['anna']}/coin"]})


def test_the_end_of_a_hold_deleted(names: dict[str, str], copy: str, tmp_path: Path) -> None:
    tamper(copy, HOLD_END)
    answer = run(copy, tmp_path, "--json")
    assert (answer.returncode, found_in(answer)) == (1, {"holds": [f"account {names['anna']}/coin"]})


def test_one_transfer_deleted(names: dict[str, str], copy: str, tmp_path: Path) -> None:
    tamper(copy, TRANSFER)
    answer = run(copy, tmp_path, "--json")
    found = found_in(answer)
    anna = names["anna"]
    assert answer.returncode == 1
    assert found["complete"] == [names["entry"]]
    assert found["replay"] == [f"account {anna}/coin"]
    assert found["numbering"] == [names["entry"], "period 2026-08"]
    assert set(found["seals"]) == {"period 2026-08"}
    assert f"closing 2026-08 {anna}/coin" in found["closings"]
    assert set(found) == {"complete", "replay", "numbering", "seals", "closings"}


def test_without_json_the_same_is_said_in_words(names: dict[str, str], copy: str, tmp_path: Path) -> None:
    tamper(copy, BALANCE)
    answer = run(copy, tmp_path)
    assert answer.returncode == 1
    assert f"account {names['anna']}/coin: 账户记着转入 181" in answer.stdout
    assert answer.stdout.endswith("发现 1 个问题。\n")
