"""Whoever closes a month is killed after each step; then two close it at once: one seal, one package, one row."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.archives.dying import POINTS, close_in_processes
from tests.archives.months import earn
from tests.world import make_branch, make_member
from timebank.archives import queries
from timebank.archives.models import Archive, CloseRun
from timebank.archives.reading import verify_package
from timebank.core.clock import next_month
from timebank.core.db import db, transaction
from timebank.ledger import queries as ledger
from timebank.ledger.verification import verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FIRST = "2025-01"
LONG_AFTER = datetime(2026, 11, 3, 2, tzinfo=UTC)


def _months(count: int) -> list[str]:
    months = [FIRST]
    while len(months) < count:
        months.append(next_month(months[-1]))
    return months


def _rows(table: type[Archive] | type[CloseRun], month: str, *conditions: sa.ColumnElement[bool]) -> int:
    chosen = sa.select(sa.func.count()).select_from(table).where(table.month == month, *conditions)
    return db.session.scalar(chosen) or 0


def test_killed_after_each_step_and_closed_by_two_at_once_there_is_one_of_everything(
    bare_app: Flask, fresh_database: str, tmp_path: Path
) -> None:
    with transaction() as session:
        opened = datetime(2025, 1, 1, tzinfo=UTC)
        branch = make_branch(session, now=opened)
        earn(session, branch, make_member(session, branch, now=opened), 60, at=datetime(2025, 1, 9, tzinfo=UTC))
        branch_id = branch.id
    months = _months(len(POINTS))
    for month, point in zip(months, POINTS, strict=True):
        killed, *_ = close_in_processes(fresh_database, branch_id, month, tmp_path, now=LONG_AFTER, points=(point,))
        assert killed == -signal.SIGKILL, point
        both = close_in_processes(fresh_database, branch_id, month, tmp_path, now=LONG_AFTER, points=("", ""))
        assert both == [0, 0], point
        assert ledger.closed_months(db.session(), branch_id)[-1] == month, point
        assert (_rows(Archive, month), _rows(CloseRun, month, CloseRun.seals)) == (1, 1), point
        package = queries.get_archive(db.session(), branch_id, month)
        assert verify_package(tmp_path / package.file_name) == [], point
        db.session.rollback()
    assert [path.name.split("-v")[0] for path in sorted((tmp_path / "BL").iterdir())] == [f"BL-{m}" for m in months]
    assert [found for check in verify(db.session(), branch_id) for found in check.findings] == []
    for month in months:
        kept = queries.sealed_checks(db.session(), branch_id, month)
        assert {"replay", "trial_balance", "numbering", "mirrors", "unbooked_attendance"} <= {c["check"] for c in kept}
        assert all(check["passed"] for check in kept)
