"""What approved records count now: as approved, with every correction since. Whatever sums attendance sums these."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, cast, func, select

from timebank.attendance.models import Attendance, AttendanceCorrection

# Summed by record before it is joined: a record that was corrected twice still counts once.
_SUMS = (
    select(
        AttendanceCorrection.attendance_id,
        cast(func.sum(AttendanceCorrection.signed_minutes), Integer).label("signed"),
        cast(func.sum(AttendanceCorrection.manual_minutes), Integer).label("manual"),
        cast(func.sum(AttendanceCorrection.points), Integer).label("points"),
    )
    .group_by(AttendanceCorrection.attendance_id)
    .subquery("corrected")
)
SIGNED: ColumnElement[int] = Attendance.signed_minutes + func.coalesce(_SUMS.c.signed, 0)
MANUAL: ColumnElement[int] = Attendance.manual_minutes + func.coalesce(_SUMS.c.manual, 0)
MINUTES: ColumnElement[int] = SIGNED + MANUAL
POINTS: ColumnElement[int] = Attendance.points + func.coalesce(_SUMS.c.points, 0)
IS_CORRECTED: ColumnElement[bool] = _SUMS.c.attendance_id.is_not(None)


def with_corrections(chosen: Any) -> Any:
    """A selection from attendance that may use ``SIGNED``, ``MANUAL``, ``MINUTES`` and ``POINTS``."""
    return chosen.outerjoin(_SUMS, _SUMS.c.attendance_id == Attendance.id)
