"""Who did not come: marked in the review, counted with the approval. The marks themselves belong to activities."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.service import count_no_shows, mark_no_shows
from timebank.attendance.models import PENDING, READY, VOID, Attendance
from timebank.attendance.service.shifts import LockedShift, ReviewClosed, lock_shift, refuse_closed
from timebank.core.actor import Actor
from timebank.core.errors import Conflict


class WasSeen(Conflict):
    """Something is recorded of somebody who is to be marked as absent."""

    code = "attendance.was_seen"
    text = "有人已经有签到或补录的记录，不能记缺席。请刷新页面再看一看。"


def mark_absences(session: Session, shift_id: int, marks: Mapping[int, str], *, actor: Actor, now: datetime) -> int:
    """Mark people of a list under review who were never seen: ``absent``, ``excused``, or nothing.

    Returns how many are marked. Raises ReviewClosed, WasSeen, NotOver, OwnMark.
    """
    shift = lock_shift(session, shift_id)
    actor.require("attendance.review", branch_id=shift.branch_id)
    refuse_closed(shift)
    _refuse_finished(session, shift)
    seen = select(Attendance.id).where(Attendance.shift_id == shift_id, Attendance.member_id.in_(marks))
    if session.scalar(seen.limit(1)):
        raise WasSeen()
    return mark_no_shows(session, shift_id, marks, actor=actor, now=now)


def _refuse_finished(session: Session, shift: LockedShift) -> None:
    """Marks count with a round; where everything is booked none will come any more."""
    left = select(Attendance.id).where(
        Attendance.shift_id == shift.id, Attendance.status.in_((PENDING, READY)), Attendance.submitted_in_id.is_(None)
    )
    booked = shift.approval is not None and shift.approval.approved_at is not None
    if booked and session.scalar(left.limit(1)) is None:
        raise ReviewClosed()


def count_absences(session: Session, shift_id: int, *, actor: Actor, now: datetime) -> None:
    """Let the marks of an approved list count, but for those who came after all."""
    came = session.scalars(
        select(Attendance.member_id).where(Attendance.shift_id == shift_id, Attendance.status != VOID)
    ).all()
    count_no_shows(session, shift_id, came=came, actor=actor, now=now)
