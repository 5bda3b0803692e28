"""How a shift is counted, read from wherever its times and its activity's settings were read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from timebank.activities.models import PLANNED, Activity, Shift
from timebank.attendance.rules import Policy


def policy_of(shift: Shift | Row[*tuple[Any, ...]], activity: Activity | Row[*tuple[Any, ...]]) -> Policy:
    """The policy of a shift of this activity; rows of columns named like the models' do as well."""
    return Policy(
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        break_minutes=shift.break_minutes,
        by_plan=activity.judged_by == PLANNED,
        rounding_minutes=activity.rounding_minutes,
    )
