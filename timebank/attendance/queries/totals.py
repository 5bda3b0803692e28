"""Sums of approved service, for cards, desks and reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import APPROVED, Attendance
from timebank.core.clock import month_range


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
    """All approved service of a member; shifts with no minutes do not count."""
    row = session.execute(
        select(
            _sum(Attendance.signed_minutes), _sum(Attendance.manual_minutes), func.count(), _sum(Attendance.points)
        ).where(
            Attendance.member_id == member_id,
            Attendance.status == APPROVED,
            Attendance.signed_minutes + Attendance.manual_minutes > 0,
        )
    ).one()
    return MemberTotals(signed_minutes=row[0], manual_minutes=row[1], count=row[2], points=row[3])


def list_member_attendance(
    session: Session, member_id: int, limit: int = 20, *, approved_only: bool = False
) -> Sequence[Attendance]:
    """A member's attendance in any state, with shift, activity and branch, latest shift first."""
    chosen = (
        select(Attendance)
        .join(Attendance.shift)
        .join(Shift.activity)
        .join(Activity.branch)
        .options(contains_eager(Attendance.shift).contains_eager(Shift.activity).contains_eager(Activity.branch))
        .where(Attendance.member_id == member_id)
        .order_by(Shift.starts_at.desc(), Attendance.id.desc())
        .limit(limit)
    )
    if approved_only:
        chosen = chosen.where(Attendance.status == APPROVED)
    return session.scalars(chosen).all()


def month_totals(session: Session, branch_ids: frozenset[int] | None, month: str) -> MonthTotals:
    """Approved service at the branches' shifts (None: everywhere) that ended in ``month`` (``YYYY-MM``)."""
    start, end = month_range(month)
    chosen = (
        select(
            _sum(Attendance.signed_minutes),
            _sum(Attendance.manual_minutes),
            func.count(Attendance.member_id.distinct()),
            func.count(),
            func.count(Attendance.shift_id.distinct()),
        )
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(
            Attendance.status == APPROVED,
            Attendance.signed_minutes + Attendance.manual_minutes > 0,
            Shift.ends_at >= start,
            Shift.ends_at < end,
        )
    )
    if branch_ids is not None:
        chosen = chosen.where(Activity.branch_id.in_(branch_ids))
    signed, manual, people, count, shifts = session.execute(chosen).one()
    return MonthTotals(
        minutes=signed + manual, signed_minutes=signed, manual_minutes=manual, people=people, count=count, shifts=shifts
    )
