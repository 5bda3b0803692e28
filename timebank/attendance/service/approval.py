"""From a reviewed list to the books: sent by one person, approved by another, booked for everybody or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.attendance.models import PENDING, READY, Attendance, ShiftApproval
from timebank.attendance.queries import find_own_hand
from timebank.attendance.rules import shift_room
from timebank.attendance.service.absences import count_absences
from timebank.attendance.service.booking import book_records, lock_records, tell_booked
from timebank.attendance.service.judged import rejudge_all
from timebank.attendance.service.shifts import lock_shift, refuse_closed
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.errors import Conflict, NotAllowed
from timebank.core.minutes import hours
from timebank.notices.service import tell


class StillRunning(Conflict):
    """The shift is not over."""

    code = "attendance.still_running"
    text = "班次还没有结束，{ends} 结束后才能提交审核。"


class StillPending(Conflict):
    """Somebody's record waits for a decision."""

    code = "attendance.still_pending"
    text = "还有 {count} 人的时间不全，或者要核实。请逐个补记、更正，或者标为“不计”，再提交。"


class AlreadySubmitted(Conflict):
    """Sent before and not given back."""

    code = "attendance.already_submitted"
    text = "这个班次已经提交过了，正在等另一位工作人员审核。"


class NotSubmitted(Conflict):
    """There is nothing to approve: not sent yet, or given back."""

    code = "attendance.not_submitted"
    text = "这个班次还没有提交审核，或者已经退回给组织者修改。请等组织者提交后再审核。"


class ChangedMeanwhile(Conflict):
    """What the approver saw is not what would be booked."""

    code = "attendance.changed_meanwhile"
    text = "这份名单在您打开以后又改过并重新提交。请再看一遍新的名单，然后审核。"


class BeyondShift(Conflict):
    """Somebody would get more than the whole shift."""

    code = "attendance.beyond_shift"
    text = "有 {count} 人的时长超过了整个班次（最多 {most}）。请退回给组织者核对后重新提交。"


class FourEyes(NotAllowed):
    """The approver has a hand in it."""

    code = "attendance.four_eyes"
    text = "{why}，按规定要由另一位工作人员审核。请让别的组织者或网点管理员来办。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """What an approval booked; ``repeated`` when it had been given before."""

    people: int
    minutes: int
    points: int
    repeated: bool


def submit_shift(session: Session, shift_id: int, *, actor: Actor, now: datetime) -> None:
    """Send a reviewed list for approval. Refuses while the shift runs, after it was sent, while a decision is missing.

    Raises StillRunning, AlreadySubmitted, StillPending.
    """
    shift = lock_shift(session, shift_id)
    actor.require("attendance.review", branch_id=shift.branch_id)
    if now < shift.ends_at:
        raise StillRunning(ends=f"{local(shift.ends_at):%m-%d %H:%M}")
    if shift.approval is not None and shift.approval.returned_at is None:
        raise AlreadySubmitted()
    rejudge_all(session, shift_id, shift.policy)  # the shift may have been moved, or left, since people checked in
    _refuse_pending(session, shift_id)
    minutes = Attendance.signed_minutes + Attendance.manual_minutes
    people, total = session.execute(
        select(func.count(), func.coalesce(func.sum(minutes), 0)).where(
            Attendance.shift_id == shift_id, Attendance.status == READY, minutes > 0
        )
    ).one()
    approval = shift.approval or ShiftApproval(shift_id=shift_id)
    approval.submitted_by_id, approval.submitted_at = _person(actor), now
    approval.returned_at, approval.returned_reason = None, ""
    approval.people, approval.minutes = people, total
    session.add(approval)
    session.flush()


def return_shift(session: Session, shift_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """Give a list back to be changed, with a reason; the submitter is told. Raises NotSubmitted, ReviewClosed."""
    shift = lock_shift(session, shift_id)
    actor.require("attendance.approve", branch_id=shift.branch_id)
    approval = shift.approval
    if approval is None or approval.returned_at is not None:
        raise NotSubmitted()
    if approval.approved_at is not None:
        refuse_closed(shift)
    approval.returned_at, approval.returned_reason = now, reason
    session.flush()
    if approval.submitted_by_id != actor.member_id:
        tell(
            session,
            member_id=approval.submitted_by_id,
            kind="attendance.returned",
            facts={"title": shift.title, "start": shift.starts_at, "reason": reason},
            link=f"/organise/shifts/{shift.id}/review",
            key=f"attendance.returned:{shift.id}:{now.isoformat()}",
            now=now,
        )


def approve_shift(session: Session, shift_id: int, *, actor: Actor, now: datetime, seen: str | None = None) -> Approved:
    """Book coins and points for everybody of a submitted list, in one go, or refuse and book nothing.

    ``seen`` is the submission that the approver looked at (``submitted_at`` as ISO text). Approving again answers with
    the first result. Raises NotSubmitted, ChangedMeanwhile, FourEyes, StillPending, BeyondShift, and what the
    ledger refuses.
    """
    shift = lock_shift(session, shift_id)
    actor.require("attendance.approve", branch_id=shift.branch_id)
    approval = shift.approval
    if approval is None or approval.returned_at is not None:
        raise NotSubmitted()
    if approval.approved_at is not None:
        return _answer(approval, repeated=True)
    if seen is not None and seen != approval.submitted_at.isoformat():
        raise ChangedMeanwhile()
    if approval.submitted_by_id == _person(actor):
        raise FourEyes(why="这份名单是您提交的")
    _refuse_pending(session, shift_id)
    records = lock_records(session, shift_id)
    why = find_own_hand(session, shift_id, _person(actor))
    if why:
        raise FourEyes(why=why)
    room = shift_room(shift.policy)
    beyond = sum(record.minutes > room for record in records)
    if beyond:
        raise BeyondShift(count=beyond, most=hours(room))
    due = book_records(session, shift, approval, records, actor=actor, now=now)
    approval.approved_by_id, approval.approved_at = _person(actor), now
    session.flush()
    tell_booked(session, shift, due, now)
    count_absences(session, shift_id, now=now)
    return _answer(approval, repeated=False)


def _answer(approval: ShiftApproval, *, repeated: bool) -> Approved:
    return Approved(people=approval.people, minutes=approval.minutes, points=approval.points, repeated=repeated)


def _person(actor: Actor) -> int:
    """The id of who acts; sending and approving need a person, never the system."""
    if actor.member_id is None:
        raise NotAllowed(permission="attendance.approve")
    return actor.member_id


def _refuse_pending(session: Session, shift_id: int) -> None:
    count = session.scalar(select(func.count()).where(Attendance.shift_id == shift_id, Attendance.status == PENDING))
    if count:
        raise StillPending(count=count)
