"""Processes and servers killed under load, a short turn: ``python -m bench.crash`` does the long one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import databases

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = "40"  # seconds of silence; tests share the machine with other tests, the script has it to itself


@pytest.mark.parametrize("engine", databases.ENGINES)
def test_nothing_answered_is_lost_or_doubled_when_processes_and_servers_die(engine: str) -> None:
    words = ["--engine", engine, "--rounds", "2", "--seconds", "2", "--silence", PATIENCE]
    done = subprocess.run(
        [sys.executable, "-m", "bench.crash", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *rounds, summary = map(json.loads, done.stdout.splitlines())
    assert len(rounds) == summary["rounds"] == 2
    assert (summary["lost"], summary["doubled"], summary["other_faults"]) == (0, 0, 0)
    assert summary["processes_killed"] >= 2 * 8
    assert summary["server_stops"] == (2 if engine == "postgresql" else 0)
    assert min(each["answered"] for each in rounds) > 10
    assert min(each["asked_again"] for each in rounds) > 0
