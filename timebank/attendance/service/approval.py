"""From a reviewed list to the books, in rounds: sent by one person, approved by others, booked for those they chose.

A round is booked in one transaction, everybody chosen or nobody. Who is held back goes back to the organiser and may be
sent again in a later round, as may whatever came late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from timebank.attendance.models import PENDING, READY, ApprovalHeld, Attendance, ShiftApproval
from timebank.attendance.queries import find_overtime, find_own_hand, list_rounds
from timebank.attendance.rules import Limits, second_reasons, shift_room
from timebank.attendance.service.absences import count_absences
from timebank.attendance.service.booking import book_records, lock_records, tell_booked
from timebank.attendance.service.cases import refuse_open_cases
from timebank.attendance.service.judged import rejudge_all
from timebank.attendance.service.named import naming_refusals
from timebank.attendance.service.refusals import (
    AlreadySubmitted,
    BeyondShift,
    ChangedMeanwhile,
    FourEyes,
    NobodyChosen,
    NoHeldReason,
    NothingToSend,
    NotSubmitted,
    StillPending,
    StillRunning,
)
from timebank.attendance.service.shifts import LockedShift, ReviewClosed, lock_shift
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.errors import NotAllowed
from timebank.core.minutes import hours
from timebank.notices.service import tell
from timebank.rulebook.queries import find_rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Yes:
    """What an approver says of a round.

    ``seen`` the submission they looked at (``submitted_at`` as ISO text) · ``number`` the round (None: the last one) ·
    ``held`` member → why this person is not approved now; everybody else is.
    """

    seen: str | None = None
    number: int | None = None
    held: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """What an approval did: what it booked, or that another person has to say yes too (``second`` says why).

    ``repeated`` when this person had said so before.
    """

    number: int
    people: int
    minutes: int
    points: int
    held: int
    second: tuple[str, ...]
    repeated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Deciding:
    """A round under somebody's hands."""

    shift: LockedShift
    approval: ShiftApproval
    actor: Actor
    now: datetime


def submit_shift(
    session: Session, shift_id: int, *, actor: Actor, now: datetime, leave_open: bool = False
) -> ShiftApproval:
    """Send what is reviewed and not booked yet as a new round; ``leave_open``: although others still want a decision.

    Raises StillRunning, AlreadySubmitted, CasesOpen, StillPending, NothingToSend.
    """
    shift = lock_shift(session, shift_id)
    actor.require("attendance.review", branch_id=shift.branch_id)
    if now < shift.ends_at:
        raise StillRunning(ends=f"{local(shift.ends_at):%m-%d %H:%M}")
    if shift.approval is not None and shift.approval.undecided:
        raise AlreadySubmitted()
    if not leave_open:
        refuse_open_cases(session, shift_id)
    rejudge_all(session, shift_id, shift.policy)  # the shift may have been moved, or left, since people checked in
    if not leave_open:
        _refuse_pending(session, shift_id)
    return _send(session, shift, actor, now)


def _send(session: Session, shift: LockedShift, actor: Actor, now: datetime) -> ShiftApproval:
    ready = (
        Attendance.shift_id == shift.id,
        Attendance.status == READY,
        Attendance.submitted_in_id.is_(None),
    )
    minutes = Attendance.signed_minutes + Attendance.manual_minutes
    found, people, total = session.execute(
        select(func.count(), func.count().filter(minutes > 0), func.coalesce(func.sum(minutes), 0)).where(*ready)
    ).one()
    before = list_rounds(session, shift.id)
    booked_before = any(one.approved_at is not None for one in before)
    if not found and (booked_before or _any_pending(session, shift.id)):
        raise NothingToSend()
    limits = limits_of(session, shift)
    approval = ShiftApproval(
        shift_id=shift.id,
        number=len(before) + 1,
        submitted_by_id=_person(actor),
        submitted_at=now,
        large_minutes=limits.large_minutes,
        hand_share=limits.hand_share,
        backdated=limits.backdated,
        people=people,
        minutes=total,
    )
    session.add(approval)
    session.flush()
    session.execute(
        update(Attendance).where(*ready).values(submitted_in_id=approval.id),
        execution_options={"synchronize_session": False},
    )
    return approval


def return_shift(
    session: Session, shift_id: int, *, reason: str, actor: Actor, now: datetime, seen: str | None = None
) -> None:
    """Give a round back to be changed, with a reason; the submitter is told.

    ``seen`` is the submission that was looked at. Raises NotSubmitted, ReviewClosed, ChangedMeanwhile.
    """
    shift = lock_shift(session, shift_id)
    actor.require("attendance.approve", branch_id=shift.branch_id)
    approval = shift.approval
    if approval is None or approval.returned_at is not None:
        raise NotSubmitted()
    if approval.approved_at is not None:
        raise ReviewClosed()
    if seen is not None and seen != approval.submitted_at.isoformat():
        raise ChangedMeanwhile()
    approval.returned_at, approval.returned_reason = now, reason
    session.flush()
    session.execute(
        update(Attendance).where(Attendance.submitted_in_id == approval.id).values(submitted_in_id=None),
        execution_options={"synchronize_session": False},
    )
    at = _Deciding(shift=shift, approval=approval, actor=actor, now=now)
    _tell_submitter(session, at, kind="attendance.returned", facts={"reason": reason})


def approve_shift(
    session: Session, shift_id: int, *, actor: Actor, now: datetime, seen: str | None = None, yes: Yes | None = None
) -> Approved:
    """Book coins and points for everybody of a round who is not held back, in one go, or refuse and book nothing.

    Where one yes is too little, the first is kept and the second, of another person, books. Approving again answers
    with the first result. Raises NotSubmitted, ChangedMeanwhile, FourEyes, NobodyChosen, NoHeldReason, BeyondShift, and
    what the ledger refuses.
    """
    yes = yes or Yes(seen=seen)
    shift = lock_shift(session, shift_id)
    actor.require("attendance.approve", branch_id=shift.branch_id)
    approval, me = _round(session, shift, yes), _person(actor)
    if approval.approved_at is not None:
        return _result(session, approval, repeated=True)
    if yes.seen is not None and yes.seen != approval.submitted_at.isoformat():
        raise ChangedMeanwhile()
    if approval.submitted_by_id == me:
        raise FourEyes(why="这份名单是您提交的")
    if approval.first_approved_by_id == me:
        return _result(session, approval, second=_second(lock_records(session, approval.id), approval), repeated=True)
    chosen, held = _choose(session, shift, approval, yes.held)
    why = find_own_hand(session, approval.id, me, without=[record.member_id for record in held])
    if why:
        raise FourEyes(why=why)
    with naming_refusals():
        at = _Deciding(shift=shift, approval=approval, actor=actor, now=now)
        _hold_back(session, at, held, yes.held)
        second = _second(chosen, approval)
        if second and approval.first_approved_by_id is None:
            approval.first_approved_by_id, approval.first_approved_at = me, now
            _sum_up(approval, chosen)
            session.flush()
            return _result(session, approval, second=second)
        due = book_records(session, shift, approval, chosen, actor=actor, now=now)
    tell_booked(session, shift, due, now)
    count_absences(session, shift_id, actor=actor, now=now)
    return _result(session, approval)


def limits_of(session: Session, shift: LockedShift) -> Limits:
    """What one person's yes is enough for at this shift, by the rules of its day."""
    rule = find_rule(session, shift.branch_id, local(shift.ends_at).date())
    return Limits(large_minutes=rule.large_minutes, hand_share=rule.hand_share, backdated=shift.backdated)


def _round(session: Session, shift: LockedShift, yes: Yes) -> ShiftApproval:
    """The round that is meant. Raises NotSubmitted."""
    approval = shift.approval
    if yes.number is not None:
        approval = next((one for one in list_rounds(session, shift.id) if one.number == yes.number), None)
    if approval is None or approval.returned_at is not None:
        raise NotSubmitted()
    return approval


def _choose(
    session: Session, shift: LockedShift, approval: ShiftApproval, held: Mapping[int, str]
) -> tuple[list[Any], list[Any]]:
    """Who is approved and who is held back, locked. Raises NobodyChosen, NoHeldReason, BeyondShift."""
    records = lock_records(session, approval.id)
    chosen = [record for record in records if record.member_id not in held]
    left = [record for record in records if record.member_id in held]
    if records and not chosen:
        raise NobodyChosen()
    if any(not held[record.member_id].strip() for record in left):
        raise NoHeldReason(fields={"held_reason": NoHeldReason.text})
    overtime = find_overtime(session, shift.id, shift.policy)
    beyond = sum(r.minutes > shift_room(shift.policy, overtime.get(r.member_id, 0)) for r in chosen)
    if beyond:
        raise BeyondShift(count=beyond, most=hours(shift_room(shift.policy)))
    return chosen, left


def _hold_back(session: Session, at: _Deciding, records: Sequence[Any], reasons: Mapping[int, str]) -> None:
    """Take people out of a round: open again for the organiser, with the approver's reason."""
    if not records:
        return
    session.execute(
        insert(ApprovalHeld),
        [
            {
                "approval_id": at.approval.id,
                "attendance_id": record.id,
                "reason": reasons[record.member_id].strip(),
                "by_id": _person(at.actor),
                "at": at.now,
            }
            for record in records
        ],
    )
    for record in records:
        session.execute(
            update(Attendance)
            .where(Attendance.id == record.id)
            .values(submitted_in_id=None, status=PENDING, held_reason=reasons[record.member_id].strip()),
            execution_options={"synchronize_session": False},
        )
    facts = {"count": len(records), "reason": next(reasons[record.member_id].strip() for record in records)}
    _tell_submitter(session, at, kind="attendance.held", facts=facts)


def _tell_submitter(session: Session, at: _Deciding, *, kind: str, facts: Mapping[str, object]) -> None:
    if at.approval.submitted_by_id == at.actor.member_id:
        return
    tell(
        session,
        member_id=at.approval.submitted_by_id,
        kind=kind,
        facts={"title": at.shift.title, "start": at.shift.starts_at, **facts},
        link=f"/organise/shifts/{at.shift.id}/review",
        key=f"{kind}:{at.shift.id}:{at.now.isoformat()}",
        now=at.now,
    )


def _second(records: Sequence[Any], approval: ShiftApproval) -> tuple[str, ...]:
    limits = Limits(large_minutes=approval.large_minutes, hand_share=approval.hand_share, backdated=approval.backdated)
    return tuple(second_reasons([record.manual_minutes for record in records if record.minutes], limits))


def _sum_up(approval: ShiftApproval, records: Sequence[Any]) -> None:
    counted = [record.minutes for record in records if record.minutes]
    approval.people, approval.minutes = len(counted), sum(counted)


def _result(
    session: Session, approval: ShiftApproval, *, second: tuple[str, ...] = (), repeated: bool = False
) -> Approved:
    held = session.scalar(select(func.count()).where(ApprovalHeld.approval_id == approval.id)) or 0
    return Approved(
        number=approval.number,
        people=approval.people,
        minutes=approval.minutes,
        points=approval.points,
        held=held,
        second=second,
        repeated=repeated,
    )


def _person(actor: Actor) -> int:
    """The id of who acts; sending and approving need a person, never the system."""
    if actor.member_id is None:
        raise NotAllowed(permission="attendance.approve")
    return actor.member_id


def _refuse_pending(session: Session, shift_id: int) -> None:
    count = session.scalar(select(func.count()).where(Attendance.shift_id == shift_id, Attendance.status == PENDING))
    if count:
        raise StillPending(count=count)


def _any_pending(session: Session, shift_id: int) -> bool:
    pending = select(Attendance.id).where(Attendance.shift_id == shift_id, Attendance.status == PENDING)
    return session.scalar(pending.limit(1)) is not None
