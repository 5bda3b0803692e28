"""Jobs around shifts: places that are free again, people who come tomorrow, records that are due."""

from __future__ import annotations

from datetime import datetime

from timebank.activities import queries as activities
from timebank.activities import service as signing
from timebank.attendance import service as attendance
from timebank.core.db import db, transaction
from timebank.jobs.tasks.base import BATCH, BranchesFailed, Place, each_branch, log


def settle_lines(_place: Place, now: datetime) -> int:
    """Let unanswered offers of places end and ask the next in line; returns how many were asked.

    Each shift is a unit of work of its own.
    """
    asked = 0
    for shift_id in activities.list_unsettled(db.session(), now=now, limit=BATCH):
        with transaction() as session:
            asked += signing.settle_shift(session, shift_id, now=now)
    return asked


def remind_people(_place: Place, now: datetime) -> int:
    """Remind people of shifts the day before and two hours before; returns how many. Each shift on its own."""
    told = 0
    for shift_id in signing.list_to_remind(db.session(), now=now):
        with transaction() as session:
            told += signing.remind_shift(session, shift_id, now=now)
    return told


def remind_due(_place: Place, now: datetime) -> int:
    """Remind organisers of services that are due and managers of those that are late; returns of how many shifts.

    Says nothing on days off. A branch where it fails does not stop the others; BranchesFailed is raised after the last.
    """
    shifts, failed = each_branch("reminder_failed", lambda branch_id, code: _remind_at(branch_id, code, now))
    if failed:
        others = f"其余网点提醒了 {shifts} 个班次"
        raise BranchesFailed(branches=failed, what="到期提醒", others=others, where="运行日志")
    return shifts


def _remind_at(branch_id: int, code: str, now: datetime) -> int:
    with transaction() as session:
        shifts = attendance.remind_branch(session, branch_id, now=now)
    if shifts:
        log.info("services_due", branch=code, shifts=shifts)
    return shifts
