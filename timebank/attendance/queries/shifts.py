"""Shifts by what they wait for: the door, the review, the approval."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from timebank.activities.models import CONFIRMED, PUBLISHED, Activity, Shift, SignUp
from timebank.attendance.models import PENDING, Attendance, AttendanceCorrection, ShiftApproval
from timebank.attendance.queries.corrected import IS_CORRECTED, MINUTES, with_corrections
from timebank.branches.models import Branch
from timebank.members.models import Member


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftCard:
    """A shift in a list: what it is, whom it concerns, and where it stands.

    ``minutes`` and ``points`` are what counts now, after ``corrected`` records were corrected.
    """

    shift_id: int
    activity_id: int
    branch_id: int
    branch_name: str
    title: str
    starts_at: datetime
    ends_at: datetime
    expected: int
    attended: int
    pending: int
    minutes: int
    submitted_by_id: int | None
    submitted_by: str
    submitted_at: datetime | None
    returned_at: datetime | None
    returned_reason: str
    approved_by: str
    approved_at: datetime | None
    points: int
    corrected: int


def _cards() -> Select[Any]:
    submitter, approver = aliased(Member), aliased(Member)
    counted = Attendance.status != "void"
    of_shift = Attendance.shift_id == Shift.id
    return (
        select(
            Shift.id.label("shift_id"),
            Shift.activity_id,
            Shift.starts_at,
            Shift.ends_at,
            Activity.branch_id,
            Activity.title,
            Branch.name.label("branch_name"),
            select(func.count())
            .where(SignUp.shift_id == Shift.id, SignUp.status == CONFIRMED)
            .scalar_subquery()
            .label("expected"),
            select(func.count()).where(of_shift, counted).scalar_subquery().label("attended"),
            select(func.count()).where(of_shift, Attendance.status == PENDING).scalar_subquery().label("pending"),
            with_corrections(select(func.coalesce(func.sum(MINUTES), 0)).select_from(Attendance))
            .where(of_shift, counted)
            .scalar_subquery()
            .label("minutes"),
            ShiftApproval.submitted_by_id,
            func.coalesce(submitter.name, "").label("submitted_by"),
            ShiftApproval.submitted_at,
            ShiftApproval.returned_at,
            func.coalesce(ShiftApproval.returned_reason, "").label("returned_reason"),
            func.coalesce(approver.name, "").label("approved_by"),
            ShiftApproval.approved_at,
            (func.coalesce(ShiftApproval.points, 0) + _corrected_points()).label("points"),
            with_corrections(select(func.count()).select_from(Attendance))
            .where(of_shift, IS_CORRECTED)
            .scalar_subquery()
            .label("corrected"),
        )
        .join(Activity, Activity.id == Shift.activity_id)
        .join(Branch, Branch.id == Activity.branch_id)
        .outerjoin(ShiftApproval, ShiftApproval.shift_id == Shift.id)
        .outerjoin(submitter, submitter.id == ShiftApproval.submitted_by_id)
        .outerjoin(approver, approver.id == ShiftApproval.approved_by_id)
    )


def _corrected_points() -> Any:
    return (
        select(func.coalesce(func.sum(AttendanceCorrection.points), 0))
        .join(Attendance, Attendance.id == AttendanceCorrection.attendance_id)
        .where(Attendance.shift_id == Shift.id)
        .correlate(Shift)
        .scalar_subquery()
    )


def _read(session: Session, chosen: Select[Any]) -> list[ShiftCard]:
    return [ShiftCard(**row._mapping) for row in session.execute(chosen)]


def _in_branches(chosen: Select[Any], branch_ids: frozenset[int] | None) -> Select[Any]:
    return chosen if branch_ids is None else chosen.where(Activity.branch_id.in_(branch_ids))


def list_waiting_review(
    session: Session, branch_ids: frozenset[int] | None, *, now: datetime, limit: int = 100
) -> list[ShiftCard]:
    """Shifts that are over, had anybody listed or at the door, and were not sent or were sent back; oldest first."""
    anybody = or_(
        select(SignUp.id).where(SignUp.shift_id == Shift.id, SignUp.status == CONFIRMED).exists(),
        select(Attendance.id).where(Attendance.shift_id == Shift.id).exists(),
    )
    chosen = _in_branches(_cards(), branch_ids).where(
        Activity.status == PUBLISHED,
        Shift.cancelled_at.is_(None),
        Shift.ends_at <= now,
        or_(ShiftApproval.id.is_(None), ShiftApproval.returned_at.is_not(None)),
        anybody,
    )
    return _read(session, chosen.order_by(Shift.ends_at, Shift.id).limit(limit))


def list_waiting_approval(session: Session, branch_ids: frozenset[int] | None, *, limit: int = 100) -> list[ShiftCard]:
    """Shifts sent for approval and not decided, oldest first."""
    open_ones = and_(ShiftApproval.approved_at.is_(None), ShiftApproval.returned_at.is_(None))
    chosen = _in_branches(_cards(), branch_ids).where(ShiftApproval.id.is_not(None), open_ones)
    return _read(session, chosen.order_by(ShiftApproval.submitted_at, Shift.id).limit(limit))


def list_approved(session: Session, branch_ids: frozenset[int] | None, *, limit: int = 10) -> list[ShiftCard]:
    """Shifts approved last, newest first."""
    chosen = _in_branches(_cards(), branch_ids).where(ShiftApproval.approved_at.is_not(None))
    return _read(session, chosen.order_by(ShiftApproval.approved_at.desc(), Shift.id.desc()).limit(limit))


def find_approval(session: Session, shift_id: int) -> ShiftApproval | None:
    """Where a shift stands on its way to the books; None while nothing was sent."""
    found: Sequence[ShiftApproval] = session.scalars(
        select(ShiftApproval).where(ShiftApproval.shift_id == shift_id).execution_options(populate_existing=True)
    ).all()
    return found[0] if found else None


def list_gate_shifts(session: Session, branch_ids: Collection[int] | None, *, now: datetime) -> Sequence[Shift]:
    """The published shifts of these branches (None: all) that a gate is or will soon be open for, the first first."""
    near = timedelta(hours=12)
    statement = (
        select(Shift)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(
            Activity.status == PUBLISHED,
            Shift.cancelled_at.is_(None),
            Shift.starts_at < now + near,
            Shift.ends_at > now - near,
        )
        .options(joinedload(Shift.activity))
        .order_by(Shift.starts_at, Shift.id)
        .limit(30)
    )
    if branch_ids is not None:
        statement = statement.where(Activity.branch_id.in_(branch_ids))
    return session.scalars(statement).all()
