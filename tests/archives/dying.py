"""Processes that close a month and may be killed on the way, each with a database connection of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask

from tests import databases
from tests.archives.months import close_of
from tests.ledger.processes import CONTEXT
from timebank.archives import closing, service
from timebank.archives.service import packing
from timebank.branches.models import Branch
from timebank.core.db import db, prepare_engine
from timebank.core.errors import Refusal

CONTEXT.set_forkserver_preload(["__main__", "tests.ledger.processes", "tests.archives.dying"])

# Where to die: what has just been done, and the function that did it.
AFTER: dict[str, tuple[Any, str]] = {
    "checked": (service, "check_month"),
    "sealed_uncommitted": (service, "seal_month"),
    "sealed": (closing, "_seal"),
    "statements": (closing, "seal_statements"),
    "written": (packing, "write_package"),
    "hashed": (packing, "hash_of"),
    "renamed": (service, "make_package"),
    "recorded_uncommitted": (service, "keep_package"),
    "recorded": (closing, "_pack"),
    "attempt_kept": (closing, "_record"),
}
HALF_WRITTEN = "half_written"
POINTS = (*AFTER, HALF_WRITTEN)


def _dies(work: Callable[..., Any]) -> Callable[..., Any]:
    def done_and_dead(*given: Any, **named: Any) -> Any:
        work(*given, **named)
        _die()

    return done_and_dead


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _close(url: str, branch_id: int, month: str, folder: Path, now: datetime, point: str, start: Any) -> None:
    app = Flask("timebank.dying")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    if point in AFTER:
        place, name = AFTER[point]
        setattr(place, name, _dies(getattr(place, name)))
    with app.app_context():
        prepare_engine(db.engine, databases.KEYS)
        close = close_of(db.session.get_one(Branch, branch_id), month, folder, now=now)
        if point == HALF_WRITTEN:
            close = replace(close, progress=lambda title, _rows: _die() if title == "服务记录" else None)
        if start is not None:
            start.wait()
        with suppress(Refusal):
            closing.run(close)
        db.session.remove()
        db.engine.dispose()


def close_in_processes(
    url: str, branch_id: int, month: str, folder: Path, *, now: datetime, points: tuple[str, ...]
) -> list[int | None]:
    """One process for each point, let go at one instant; how each ended: 0, or minus the signal that killed it."""
    start = CONTEXT.Barrier(len(points)) if len(points) > 1 else None
    crew = [
        CONTEXT.Process(target=_close, args=(url, branch_id, month, folder, now, point, start), daemon=True)
        for point in points
    ]
    for process in crew:
        process.start()
    for process in crew:
        process.join(90)
    return [process.exitcode for process in crew]
