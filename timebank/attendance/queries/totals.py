"""Sums of approved service as it counts now, for cards, desks and reports: corrections included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import APPROVED, Attendance
from timebank.attendance.queries.corrected import MANUAL, MINUTES, POINTS, SIGNED, with_corrections
from timebank.core.clock import month_range


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberTotals:
    """What one member served, or was served at one activity: minutes of door and hand, how often, points."""

    signed_minutes: int
    manual_minutes: int
    count: int
    points: int

    @property
    def minutes(self) -> int:
        """All service minutes."""
        return self.signed_minutes + self.manual_minutes


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
    counted = func.count().filter(MINUTES > 0)  # a point that rounding moved stays with a record that was undone
    sums = select(_sum(SIGNED), _sum(MANUAL), counted, _sum(POINTS)).select_from(Attendance)
    row = session.execute(
        with_corrections(sums).where(Attendance.member_id == member_id, Attendance.status == APPROVED)
    ).one()
    return MemberTotals(signed_minutes=row[0], manual_minutes=row[1], count=row[2], points=row[3])


def list_approved_totals(session: Session, activity_ids: Sequence[int]) -> dict[int, MemberTotals]:
    """All approved service at some activities, by activity; those without any are left out."""
    counted = func.count().filter(MINUTES > 0)
    sums = select(Shift.activity_id, _sum(SIGNED), _sum(MANUAL), counted, _sum(POINTS)).select_from(Attendance)
    chosen = with_corrections(sums).join(Shift, Shift.id == Attendance.shift_id)
    rows = session.execute(
        chosen.where(Shift.activity_id.in_(activity_ids), Attendance.status == APPROVED).group_by(Shift.activity_id)
    )
    return {
        row[0]: MemberTotals(signed_minutes=row[1], manual_minutes=row[2], count=row[3], points=row[4]) for row in rows
    }


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
