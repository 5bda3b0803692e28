"""What the door asks: the ground a scan is decided on, in one statement, and what the screen counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, func, or_, select, true
from sqlalchemy.orm import Session

from timebank.activities.models import CANCELLED, CONFIRMED, DRAFT, Activity, Shift, SignUp
from timebank.activities.queries import get_shift, list_hindrances
from timebank.attendance.models import VOID, Attendance, ShiftApproval
from timebank.attendance.queries.policy import COUNTING_COLUMNS, policy_of
from timebank.attendance.rules import Ground, Place, opens_at
from timebank.core import clock
from timebank.members.models import ACTIVE, Member
from timebank.members.rules import is_minor

_GROUND = (
    select(
        Shift.starts_at,
        Shift.ends_at,
        Shift.break_minutes,
        Shift.cancelled_at,
        Activity.branch_id,
        Activity.title,
        Activity.status,
        Activity.walk_ins,
        Activity.min_age,
        Activity.max_age,
        Activity.needed_papers,
        Activity.risk,
        Activity.spot_latitude,
        Activity.spot_longitude,
        Shift.place,
        *COUNTING_COLUMNS,
        Member.name,
        Member.alias,
        Member.born_on,
        Member.status.label("member_status"),
        SignUp.id.label("sign_up_id"),
        Attendance.id.label("attendance_id"),
        Attendance.in_at,
        Attendance.out_at,
        Attendance.signed_minutes,
        Attendance.submitted_in_id,
        select(ShiftApproval.id)
        .where(ShiftApproval.shift_id == Shift.id, ShiftApproval.returned_at.is_(None))
        .exists()
        .label("submitted"),
    )
    .select_from(Shift)
    .join(Activity, Activity.id == Shift.activity_id)
    .join(Member, true())  # the WHERE names one shift and one member
    .outerjoin(SignUp, and_(SignUp.shift_id == Shift.id, SignUp.member_id == Member.id, SignUp.status == CONFIRMED))
    .outerjoin(Attendance, and_(Attendance.shift_id == Shift.id, Attendance.member_id == Member.id))
    .where(Shift.id == bindparam("shift_id"), Member.id == bindparam("member_id"))
)

_MILLION = 1_000_000
_HOLD = select(Shift.id).where(Shift.id == bindparam("shift_id")).with_for_update(read=True)


def hold_shift(session: Session, shift_id: int) -> None:
    """Nobody sends or approves the list of this shift until this unit of work ends; scans do not wait.

    The lock is a statement of its own: on PostgreSQL a statement that waited still sees what it saw before waiting.
    SQLite writes one at a time and needs none.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_HOLD, {"shift_id": shift_id})


def hold_ground(session: Session, shift_id: int, member_id: int) -> Ground | None:
    """``find_ground`` of a shift that is held (``hold_shift``)."""
    hold_shift(session, shift_id)
    return find_ground(session, shift_id, member_id)


def find_ground(session: Session, shift_id: int, member_id: int) -> Ground | None:
    """Everything that decides a scan of this member at this shift; None for a draft or when either does not exist."""
    session.flush()  # as any query of the session would; through the connection, since no objects are wanted
    row = session.connection().execute(_GROUND, {"shift_id": shift_id, "member_id": member_id}).one_or_none()
    if row is None or row.status == DRAFT:
        return None
    policy = policy_of(row, row)
    # The shift was moved since: what was recorded belongs to the old hour.
    recorded_before = row.in_at is not None and row.in_at < opens_at(policy)
    return Ground(
        shift_id=shift_id,
        branch_id=row.branch_id,
        title=row.title,
        policy=policy,
        cancelled=row.cancelled_at is not None or row.status == CANCELLED,
        submitted=row.submitted,
        walk_ins=row.walk_ins,
        member_id=member_id,
        member_name=row.name,
        member_alias=row.alias,
        member_active=row.member_status == ACTIVE,
        signed_up=row.sign_up_id is not None,
        recorded=row.attendance_id is not None,
        in_at=None if recorded_before else row.in_at,
        out_at=None if recorded_before else row.out_at,
        minutes=0 if recorded_before else row.signed_minutes or 0,
        fits=_fits(session, row, shift_id, member_id),
        booked=row.submitted_in_id is not None,
        spot=_spot(row),
    )


def _fits(session: Session, row: Any, shift_id: int, member_id: int) -> bool:
    """Whether somebody who is not on the list may join; asked only where there is something to ask."""
    if row.sign_up_id is not None or row.attendance_id is not None or not row.walk_ins:
        return True
    minor = is_minor(row.born_on, clock.today(row.starts_at))
    if not (minor or row.min_age or row.max_age or row.needed_papers or row.risk == "high"):
        return True
    against = list_hindrances(session, get_shift(session, shift_id), [session.get_one(Member, member_id)], along=())
    return all(hindrance.code == "skills" for _, hindrance in against)


def _spot(row: Any) -> Place | None:
    """Where the activity said it is held; a shift that is held elsewhere has no such place."""
    if row.spot_latitude is None or row.place:
        return None
    return Place(latitude=row.spot_latitude / _MILLION, longitude=row.spot_longitude / _MILLION)


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorCounts:
    """People at a shift: on the list, here now, gone again, not yet seen; walk-ins are among here and gone."""

    expected: int
    here: int
    gone: int
    missing: int
    walk_ins: int


def door_counts(session: Session, shift_id: int) -> DoorCounts:
    """How many are expected, here, gone and missing."""
    attended = and_(Attendance.in_at.is_not(None), Attendance.status != VOID)
    row = session.execute(
        select(
            func.coalesce(func.sum(case((and_(attended, Attendance.out_at.is_(None)), 1), else_=0)), 0),
            func.coalesce(func.sum(case((and_(attended, Attendance.out_at.is_not(None)), 1), else_=0)), 0),
            func.coalesce(func.sum(case((and_(attended, Attendance.walk_in), 1), else_=0)), 0),
        ).where(Attendance.shift_id == shift_id)
    ).one()
    seen = select(Attendance.id).where(
        Attendance.shift_id == shift_id, Attendance.member_id == SignUp.member_id, Attendance.in_at.is_not(None)
    )
    expected, missing = session.execute(
        select(func.count(), func.coalesce(func.sum(case((seen.exists(), 0), else_=1)), 0)).where(
            SignUp.shift_id == shift_id, SignUp.status == CONFIRMED
        )
    ).one()
    return DoorCounts(expected=expected, here=row[0], gone=row[1], missing=missing, walk_ins=row[2])


@dataclass(frozen=True, kw_only=True, slots=True)
class Latest:
    """One line of the screen: who, by the name that others see, came or left, and when."""

    alias: str
    left: bool
    at: datetime


def list_latest(session: Session, shift_id: int, *, limit: int = 6) -> list[Latest]:
    """Who came or left last, newest first."""
    at = func.coalesce(Attendance.out_at, Attendance.in_at)
    rows = session.execute(
        select(Member.alias, Attendance.in_at, Attendance.out_at)
        .join(Member, Member.id == Attendance.member_id)
        .where(
            Attendance.shift_id == shift_id,
            Attendance.status != VOID,
            or_(Attendance.in_at.is_not(None), Attendance.out_at.is_not(None)),
        )
        .order_by(at.desc(), Attendance.id.desc())
        .limit(limit)
    )
    return [Latest(alias=row.alias, left=row.out_at is not None, at=row.out_at or row.in_at) for row in rows]
