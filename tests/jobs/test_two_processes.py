"""Two real ``flask jobs run``: one leads and makes up for three months; it is killed, and the other takes over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

import config
from tests.archives.conftest import bare_app as bare_app
from tests.archives.months import small_town
from tests.conftest import SECRET
from timebank.archives import queries as archives
from timebank.core.db import db, transaction
from timebank.ledger import queries as ledger
from timebank.watch import queries as watch
from timebank.watch.models import JobRun

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
PATIENCE = 90.0


@pytest.fixture
def start(fresh_database: str, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that runs the schedule; whatever still runs at the end is killed."""
    settings = {"DATABASE_URL": fresh_database, "TIMEBANK_DATA": str(tmp_path), "SECRET_KEY": SECRET}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "jobs", "run"]
    with ExitStack() as started:

        def begin() -> subprocess.Popen[str]:
            process = subprocess.Popen(
                command, cwd=config.ROOT, env=os.environ | settings, stdout=subprocess.PIPE, text=True
            )
            started.enter_context(process)  # waits for it, and closes its pipe
            started.callback(process.kill)
            return process

        yield begin


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that another process brings about."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        db.session.rollback()
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
    db.session.rollback()


def leads(process: subprocess.Popen[str]) -> bool:
    found = watch.find_watch(db.session())
    return found is not None and found.process.endswith(f":{process.pid}") and found.left_at is None


def test_one_leads_the_next_takes_over_from_the_killed_one_and_leaves_in_good_order(
    bare_app: Flask, start: Callable[[], subprocess.Popen[str]]
) -> None:
    with transaction() as session:
        branch_id = small_town(session)[0].id
    first = start()
    until(lambda: len(archives.list_archives(db.session(), branch_id)) >= 3)
    assert ledger.closed_months(db.session(), branch_id)[:3] == ["2026-08", "2026-09", "2026-10"]
    assert leads(first)
    second = start()
    assert second.stdout is not None
    assert "本进程等待接替" in second.stdout.readline()
    assert leads(first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    until(lambda: leads(second))
    assert "定时任务已启动" in second.stdout.readline()

    def mine() -> list[JobRun]:
        found = watch.page_runs(db.session(), size=100).items
        return [run for run in found if run.process.endswith(f":{second.pid}")]

    until(lambda: any(run.job == "close_months" and run.result == "done" for run in mine()))
    assert {run.cause for run in mine()} == {"start"}
    second.send_signal(signal.SIGTERM)
    assert second.wait(PATIENCE) == 0
    assert "定时任务已停止" in second.stdout.read()
    db.session.rollback()
    found = watch.find_watch(db.session())
    assert found is not None
    assert found.left_at is not None
