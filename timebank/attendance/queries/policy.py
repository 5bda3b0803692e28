"""How a shift is counted, read from wherever its times and its activity's options were read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from timebank.activities.models import Activity, Shift
from timebank.activities.rules import COUNTING_FIELDS, counting_of
from timebank.attendance.models import Overtime
from timebank.attendance.rules import Policy

# What of an activity decides how it counts, for statements that read columns.
COUNTING_COLUMNS: Final[tuple[InstrumentedAttribute[Any], ...]] = tuple(
    getattr(Activity, name) for name in COUNTING_FIELDS
)


def policy_of(shift: Shift | Row[*tuple[Any, ...]], activity: Activity | Row[*tuple[Any, ...]]) -> Policy:
    """The policy of a shift of this activity; rows of columns named like the models' do as well."""
    return Policy(
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        break_minutes=shift.break_minutes,
        counting=counting_of(activity),
    )


def find_overtime(session: Session, shift_id: int, policy: Policy, member_ids: Collection[int] = ()) -> dict[int, int]:
    """Member → minutes past the end that stand confirmed; everybody's unless ``member_ids`` names some."""
    if not policy.counting.overtime_limit_minutes:
        return {}  # asked at every scan
    said = select(Overtime.member_id, Overtime.minutes).where(Overtime.shift_id == shift_id).order_by(Overtime.id)
    if member_ids:
        said = said.where(Overtime.member_id.in_(member_ids))
    return {row.member_id: row.minutes for row in session.execute(said)}  # the last word stands
