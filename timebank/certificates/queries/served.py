"""What can be certified about a member: everything approved and booked, and who recorded it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from timebank.activities.models import CATEGORIES, Shift
from timebank.attendance.models import APPROVED, Attendance
from timebank.branches.models import Branch
from timebank.certificates.rules import Served
from timebank.core import clock

FOR_REQUEST = "点单服务"


def list_served(session: Session, member_id: int) -> list[Served]:
    """Everything about a member that is approved and stands in the books, oldest first.

    What was served for somebody who asked for it names neither place nor title: they may say who that is, and where
    they live.
    """
    chosen = (
        select(Attendance)
        .where(Attendance.member_id == member_id, Attendance.status == APPROVED)
        .join(Attendance.shift)
        .options(
            joinedload(Attendance.shift, innerjoin=True).joinedload(Shift.activity, innerjoin=True),
            selectinload(Attendance.corrections),
        )
        .order_by(Shift.starts_at, Attendance.id)
        .execution_options(populate_existing=True)
    )
    return [_served(record) for record in session.scalars(chosen) if record.entry_now_id is not None]


def _served(record: Attendance) -> Served:
    shift, activity = record.shift, record.shift.activity
    starts, ends = clock.local(shift.starts_at), clock.local(shift.ends_at)
    return Served(
        attendance_id=record.id,
        entry_id=record.entry_now_id or 0,
        branch_id=activity.branch_id,
        day=starts.date(),
        hours=f"{starts:%H:%M}–{ends:%H:%M}",
        title=FOR_REQUEST if activity.for_request else activity.title,
        category=CATEGORIES[activity.category],
        place="" if activity.for_request else shift.where,
        minutes=record.minutes_now,
    )


def list_recorders(session: Session, served: Collection[Served]) -> list[tuple[Branch, int]]:
    """The branches that recorded service, each with the minutes, most first."""
    minutes: dict[int, int] = {}
    for one in served:
        minutes[one.branch_id] = minutes.get(one.branch_id, 0) + one.minutes
    found = session.scalars(select(Branch).where(Branch.id.in_(minutes)))
    return sorted(((branch, minutes[branch.id]) for branch in found), key=lambda one: (-one[1], one[0].id))
