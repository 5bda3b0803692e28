"""Sums of approved service as it counts now, for cards, desks and reports: corrections included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import APPROVED, Attendance, AttendanceCorrection, ShiftApproval
from timebank.attendance.queries.corrected import MANUAL, MINUTES, POINTS, SIGNED, with_corrections
from timebank.core.clock import local, month_range, year_range
from timebank.core.paging import batched


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberTotals:
    """What one member served: minutes recorded at the door, minutes entered by hand, how often, points earned."""

    signed_minutes: int
    manual_minutes: int
    count: int
    points: int

    @property
    def minutes(self) -> int:
        """All service minutes."""
        return self.signed_minutes + self.manual_minutes


NO_SERVICE: Final = MemberTotals(signed_minutes=0, manual_minutes=0, count=0, points=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthTotals:
    """What was served at a branch's shifts that ended in a month."""

    minutes: int
    signed_minutes: int
    manual_minutes: int
    people: int
    count: int
    shifts: int


def _sum(column: object):  # type: ignore[no-untyped-def]
    return func.coalesce(func.sum(column), 0)


def member_totals(session: Session, member_id: int) -> MemberTotals:
    """All approved service of a member; shifts with no minutes, or none any more, do not count."""
    return totals_of(session, [member_id])[member_id]


def totals_of(session: Session, member_ids: Sequence[int], *, year: int | None = None) -> dict[int, MemberTotals]:
    """The approved service of each of these members, all of it or at the shifts that began in a calendar year."""
    counted = func.count().filter(MINUTES > 0)  # a point that rounding moved stays with a record that was undone
    sums = select(Attendance.member_id, _sum(SIGNED), _sum(MANUAL), counted, _sum(POINTS)).select_from(Attendance)
    approved = with_corrections(sums).where(Attendance.status == APPROVED).group_by(Attendance.member_id)
    if year is not None:
        start, end = year_range(year)
        approved = approved.join(Shift, Shift.id == Attendance.shift_id)
        approved = approved.where(Shift.starts_at >= start, Shift.starts_at < end)
    found = dict.fromkeys(member_ids, NO_SERVICE)
    for some in batched(member_ids):
        for member_id, *figures in session.execute(approved.where(Attendance.member_id.in_(some))):
            found[member_id] = _member_totals(*figures)
    return found


def list_gains(session: Session, member_ids: Sequence[int]) -> dict[int, list[tuple[datetime, int]]]:
    """When the approved minutes of each of these members grew, or were corrected, and by how much; in no order."""
    approved = select(
        Attendance.member_id, ShiftApproval.approved_at, Attendance.signed_minutes + Attendance.manual_minutes
    ).join(ShiftApproval, ShiftApproval.id == Attendance.approval_id)
    corrected = select(
        Attendance.member_id,
        AttendanceCorrection.at,
        AttendanceCorrection.signed_minutes + AttendanceCorrection.manual_minutes,
    ).join(AttendanceCorrection, AttendanceCorrection.attendance_id == Attendance.id)
    found: dict[int, list[tuple[datetime, int]]] = {member_id: [] for member_id in member_ids}
    for some in batched(member_ids):
        for chosen in (approved, corrected):
            for member_id, at, minutes in session.execute(chosen.where(Attendance.member_id.in_(some))):
                if at is not None:
                    found[member_id].append((at, minutes))
    return found


def minutes_by_day(session: Session, member_ids: Sequence[int], *, since: datetime) -> dict[int, Counter[date]]:
    """Approved minutes, as they count now, of each of these members per local day on which the shift began."""
    rows = with_corrections(select(Attendance.member_id, Shift.starts_at, MINUTES).select_from(Attendance))
    rows = rows.join(Shift, Shift.id == Attendance.shift_id)
    rows = rows.where(Attendance.status == APPROVED, Shift.starts_at >= since)
    found: dict[int, Counter[date]] = {member_id: Counter() for member_id in member_ids}
    for some in batched(member_ids):
        for member_id, starts_at, minutes in session.execute(rows.where(Attendance.member_id.in_(some))):
            found[member_id][local(starts_at).date()] += minutes
    return found


def _member_totals(signed: int, manual: int, count: int, points: int) -> MemberTotals:
    return MemberTotals(signed_minutes=signed, manual_minutes=manual, count=count, points=points)


def month_totals(session: Session, branch_ids: frozenset[int] | None, month: str) -> MonthTotals:
    """Approved service at the branches' shifts (None: everywhere) that ended in ``month`` (``YYYY-MM``)."""
    chosen = _month_sums(month)
    if branch_ids is not None:
        chosen = chosen.where(Activity.branch_id.in_(branch_ids))
    return _month_totals(*session.execute(chosen).one())


def month_totals_by_branch(session: Session, month: str) -> dict[int, MonthTotals]:
    """``month_totals`` of each branch where there was any service, in one question."""
    chosen = _month_sums(month).add_columns(Activity.branch_id).group_by(Activity.branch_id)
    return {branch_id: _month_totals(*sums) for *sums, branch_id in session.execute(chosen)}


def _month_sums(month: str) -> Select[Any]:
    start, end = month_range(month)
    sums = select(
        _sum(SIGNED),
        _sum(MANUAL),
        func.count(Attendance.member_id.distinct()),
        func.count(),
        func.count(Attendance.shift_id.distinct()),
    ).select_from(Attendance)
    chosen: Select[Any] = (
        with_corrections(sums)
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Attendance.status == APPROVED, MINUTES > 0, Shift.ends_at >= start, Shift.ends_at < end)
    )
    return chosen


def _month_totals(signed: int, manual: int, people: int, count: int, shifts: int) -> MonthTotals:
    return MonthTotals(
        minutes=signed + manual, signed_minutes=signed, manual_minutes=manual, people=people, count=count, shifts=shifts
    )
