"""The tables of service records and of shifts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from heapq import merge
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from timebank.activities.models import CATEGORIES, Activity, Shift
from timebank.archives.queries.tables.booked import BATCH, EntryNumbers, booked, corrected, name_of
from timebank.attendance.models import Attendance, AttendanceCorrection
from timebank.branches.models import Branch
from timebank.core.clock import month_range
from timebank.core.masking import mask_name
from timebank.members.models import Member


def attendance_rows(session: Session, branch: Branch, numbers: EntryNumbers) -> Iterator[tuple[Any, ...]]:
    """The service records whose entry lies in the month, and the corrections booked in it, in the order of entries.

    A correction says by how much it changed a record, and which month's entry it corrects: that month stays as sealed.
    """
    chosen = (
        booked(
            branch.id, numbers, Member.number, Member.name, Activity.title, Shift.starts_at,
            Attendance.in_at, Attendance.out_at, Attendance.points,
        )
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .order_by(Attendance.entry_id, Attendance.id)
    )  # fmt: skip
    made_right = (
        corrected(
            branch.id, numbers, Member.number, Member.name, Activity.title, Shift.starts_at,
            Attendance.in_at, Attendance.out_at,
        )
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
    )  # fmt: skip
    corrections = session.execute(made_right).all()
    corrects = {row.entry_id: name_of(session, row.corrects_id) for row in corrections}
    for row in merge(session.execute(chosen), corrections, key=lambda row: row.entry_id):
        number = numbers.number(row.entry_id)
        if number is not None:
            yield (
                number, row.number, mask_name(row.name), row.title, row.starts_at, row.in_at, row.out_at,
                row.signed_minutes, row.manual_minutes, row.points, corrects.get(row.entry_id, ""),
            )  # fmt: skip


def activity_rows(session: Session, branch: Branch, month: str, numbers: EntryNumbers) -> Iterator[tuple[Any, ...]]:
    """The branch's shifts that began in the month, and all shifts for which its members were booked in it, by start.

    Corrections count in the month they were booked in, so those of an earlier month's shift can go below zero.
    """
    start, end = month_range(month)
    counted: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in session.execute(booked(branch.id, numbers, Attendance.shift_id)):
        if numbers.number(row.entry_id):
            counted[row.shift_id][0] += 1
            counted[row.shift_id][1] += row.signed_minutes + row.manual_minutes
    for row in session.execute(corrected(branch.id, numbers, Attendance.shift_id, _left_after())):
        if numbers.number(row.entry_id):
            counted[row.shift_id][0] -= row.left == 0
            counted[row.shift_id][1] += row.signed_minutes + row.manual_minutes
    columns = select(
        Shift.id, Shift.activity_id, Activity.title, Activity.category, Activity.status, Shift.starts_at, Shift.ends_at,
        Shift.capacity, Shift.cancelled_at, func.coalesce(func.nullif(Shift.place, ""), Activity.place).label("place"),
    ).join(Activity, Activity.id == Shift.activity_id)  # fmt: skip
    rows: list[Row[*tuple[Any, ...]]] = []
    begun = columns.where(Activity.branch_id == branch.id, Shift.starts_at >= start, Shift.starts_at < end)
    rows += session.execute(begun.where(Activity.status != "draft"))
    known = {row.id for row in rows}
    missing = [shift_id for shift_id in counted if shift_id not in known]
    for at in range(0, len(missing), BATCH):
        rows += session.execute(columns.where(Shift.id.in_(missing[at : at + BATCH])))
    for row in sorted(rows, key=lambda row: (row.starts_at, row.id)):
        people, minutes = counted.get(row.id, (0, 0))
        cancelled = row.cancelled_at is not None or row.status == "cancelled"
        yield (
            row.activity_id, row.id, row.title, CATEGORIES.get(row.category, row.category), row.place,
            row.starts_at, row.ends_at, row.capacity, people, minutes,
            "已取消" if cancelled else "已入账" if people > 0 else "更正" if row.id in counted else "未入账",
        )  # fmt: skip


def _left_after() -> Any:
    """The minutes left of a record after a correction of it: none, and one person less was there."""
    earlier = aliased(AttendanceCorrection)
    changed = (
        select(func.sum(earlier.signed_minutes + earlier.manual_minutes))
        .where(earlier.attendance_id == AttendanceCorrection.attendance_id, earlier.id <= AttendanceCorrection.id)
        .correlate(AttendanceCorrection)
        .scalar_subquery()
    )
    return (Attendance.signed_minutes + Attendance.manual_minutes + changed).label("left")
