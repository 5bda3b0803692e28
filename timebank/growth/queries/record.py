"""The list behind the card: every service record of a member."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager, selectinload

from timebank.activities.models import Shift
from timebank.attendance.models import APPROVED, VOID, Attendance
from timebank.core import clock
from timebank.core.paging import Page, read_page


@dataclass(frozen=True, kw_only=True)
class RecordFilter:
    """What of the record is wanted: a calendar year, or all; approved service only, or also what is on its way."""

    year: int | None = None
    approved_only: bool = False


def list_record(
    session: Session, member_id: int, wanted: RecordFilter, *, number: int = 1, size: int = 20
) -> Page[Attendance]:
    """The service records of a member with shift and activity, latest first; void ones and those of
    cancelled shifts are left out."""
    chosen = (
        select(Attendance)
        .join(Attendance.shift)
        .join(Shift.activity)
        .options(contains_eager(Attendance.shift).contains_eager(Shift.activity), selectinload(Attendance.corrections))
        .where(Attendance.member_id == member_id, Attendance.status != VOID, Shift.cancelled_at.is_(None))
        .order_by(Shift.starts_at.desc(), Attendance.id.desc())
    )
    if wanted.approved_only:
        chosen = chosen.where(Attendance.status == APPROVED)
    if wanted.year is not None:
        start, end = clock.year_range(wanted.year)
        chosen = chosen.where(Shift.starts_at >= start, Shift.starts_at < end)
    return read_page(session, chosen, number=number, size=size)


def list_years(session: Session, member_id: int) -> list[int]:
    """The calendar years in which a member served, newest first."""
    ends = session.execute(
        select(func.min(Shift.starts_at), func.max(Shift.starts_at))
        .join(Attendance, Attendance.shift_id == Shift.id)
        .where(Attendance.member_id == member_id, Attendance.status != VOID, Shift.cancelled_at.is_(None))
    ).one()
    years = [clock.local(end).year for end in ends if end is not None]
    return list(range(max(years), min(years) - 1, -1)) if years else []
