"""The blueprint that all pages of attendance hang on, and what they share."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from flask import Blueprint
from sqlalchemy.orm import Session

from timebank.activities.models import CANCELLED, DRAFT, Shift
from timebank.activities.queries import ShiftNotFound, get_shift
from timebank.attendance.rules import Policy
from timebank.core import clock
from timebank.web.guards import current_actor

blueprint = Blueprint("attendance", __name__)


def reached(session: Session, shift_id: int, permission: str) -> Shift:
    """The shift, if this person may do that at its branch. Raises ShiftNotFound, NotAllowed."""
    shift = get_shift(session, shift_id)
    if shift.activity.status == DRAFT:
        raise ShiftNotFound()
    current_actor().require(permission, branch_id=shift.activity.branch_id)
    return shift


def is_cancelled(shift: Shift) -> bool:
    """Whether the shift does not take place."""
    return shift.cancelled_at is not None or shift.activity.status == CANCELLED


def instant_near(shift: Shift | Policy, at: time | None) -> datetime | None:
    """When a clock shows ``at`` around this shift: from an hour before its start on, the next day included."""
    if at is None:
        return None
    opens = shift.starts_at - timedelta(hours=1)
    found = clock.instant(clock.today(opens), at)
    return found if found >= opens.replace(second=0, microsecond=0) else found + timedelta(days=1)
