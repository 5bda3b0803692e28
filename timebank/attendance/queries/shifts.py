"""Shifts by what they wait for: the door, the review, the approval."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from timebank.activities.models import CONFIRMED, PUBLISHED, Activity, Shift, SignUp
from timebank.attendance.models import (
    PENDING,
    READY,
    ApprovalHeld,
    Attendance,
    AttendanceCorrection,
    ShiftApproval,
)
from timebank.attendance.queries.corrected import IS_CORRECTED, MINUTES, with_corrections
from timebank.branches.models import Branch
from timebank.members.models import Member


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftCard:
    """A shift in a list, or one round of it: what it is, whom it concerns, and where it stands.

    ``minutes`` and ``points`` are what counts now, after ``corrected`` records were corrected.
    """

    shift_id: int
    activity_id: int
    branch_id: int
    branch_name: str
    organiser_id: int
    organiser: str
    backdated: bool
    title: str
    starts_at: datetime
    ends_at: datetime
    expected: int
    attended: int
    pending: int
    minutes: int
    round_number: int | None
    submitted_by_id: int | None
    submitted_by: str
    submitted_at: datetime | None
    first_approved_by: str
    first_approved_at: datetime | None
    returned_at: datetime | None
    returned_reason: str
    approved_by: str
    approved_at: datetime | None
    points: int
    corrected: int

    @property
    def waits_for_approval(self) -> bool:
        """Sent, and not decided; else the organiser has to review and send it."""
        return self.submitted_at is not None and self.approved_at is None and self.returned_at is None


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldBack:
    """Somebody left out of a round: who, why, by whom, when."""

    member_id: int
    name: str
    reason: str
    by_id: int
    at: datetime


_Round = aliased(ShiftApproval)
# Which round a card shows and which records it counts: the last and the whole shift, what waits, what was booked.
_LAST: Final = ShiftApproval.number == (
    select(func.max(_Round.number)).where(_Round.shift_id == Shift.id).correlate(Shift).scalar_subquery()
)
_WHOLE: Final = (and_(ShiftApproval.shift_id == Shift.id, _LAST), Attendance.shift_id == Shift.id)
_SENT: Final = (ShiftApproval.shift_id == Shift.id, Attendance.submitted_in_id == ShiftApproval.id)
_BOOKED: Final = (ShiftApproval.shift_id == Shift.id, Attendance.approval_id == ShiftApproval.id)


def _cards(scope: tuple[Any, Any] = _WHOLE) -> Select[Any]:
    submitter, approver, first, organiser = aliased(Member), aliased(Member), aliased(Member), aliased(Member)
    counted = Attendance.status != "void"
    of_round, of_shift = scope
    columns: tuple[Any, ...] = (
        Shift.id.label("shift_id"),
        Shift.activity_id,
        Shift.starts_at,
        Shift.ends_at,
        Activity.branch_id,
        Activity.title,
        Branch.name.label("branch_name"),
        Activity.organiser_id,
        organiser.name.label("organiser"),
        (Activity.backdated_reason != "").label("backdated"),
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
        ShiftApproval.number.label("round_number"),
        ShiftApproval.submitted_by_id,
        func.coalesce(submitter.name, "").label("submitted_by"),
        ShiftApproval.submitted_at,
        func.coalesce(first.name, "").label("first_approved_by"),
        ShiftApproval.first_approved_at,
        ShiftApproval.returned_at,
        func.coalesce(ShiftApproval.returned_reason, "").label("returned_reason"),
        func.coalesce(approver.name, "").label("approved_by"),
        ShiftApproval.approved_at,
        (func.coalesce(ShiftApproval.points, 0) + _corrected_points(of_shift)).label("points"),
        with_corrections(select(func.count()).select_from(Attendance))
        .where(of_shift, IS_CORRECTED)
        .scalar_subquery()
        .label("corrected"),
    )
    return (
        select(*columns)
        .join(Activity, Activity.id == Shift.activity_id)
        .join(Branch, Branch.id == Activity.branch_id)
        .join(organiser, organiser.id == Activity.organiser_id)
        .outerjoin(ShiftApproval, of_round)
        .outerjoin(submitter, submitter.id == ShiftApproval.submitted_by_id)
        .outerjoin(first, first.id == ShiftApproval.first_approved_by_id)
        .outerjoin(approver, approver.id == ShiftApproval.approved_by_id)
    )


def _corrected_points(of_shift: Any) -> Any:
    return (
        select(func.coalesce(func.sum(AttendanceCorrection.points), 0))
        .join(Attendance, Attendance.id == AttendanceCorrection.attendance_id)
        .where(of_shift)
        .correlate(Shift, ShiftApproval)
        .scalar_subquery()
    )


def _read(session: Session, chosen: Select[Any]) -> list[ShiftCard]:
    return [ShiftCard(**row._mapping) for row in session.execute(chosen)]


def _in_branches(chosen: Select[Any], branch_ids: frozenset[int] | None) -> Select[Any]:
    return chosen if branch_ids is None else chosen.where(Activity.branch_id.in_(branch_ids))


def list_waiting_review(
    session: Session, branch_ids: frozenset[int] | None, *, now: datetime, limit: int | None = 100
) -> list[ShiftCard]:
    """Shifts that are over and have somebody to review, oldest first.

    Those that were not sent, or were sent back, with anybody listed or at the door; and those whose list was decided in
    part, with records that are neither booked nor void.
    """
    return _read(session, _waiting_review(branch_ids, now).order_by(Shift.ends_at, Shift.id).limit(limit))


def _waiting_review(branch_ids: frozenset[int] | None, now: datetime) -> Select[Any]:
    anybody = or_(
        select(SignUp.id).where(SignUp.shift_id == Shift.id, SignUp.status == CONFIRMED).exists(),
        select(Attendance.id).where(Attendance.shift_id == Shift.id).exists(),
        Activity.backdated_reason != "",  # posted because somebody was there
    )
    return _in_branches(_cards(), branch_ids).where(
        Activity.status == PUBLISHED,
        Shift.cancelled_at.is_(None),
        Shift.ends_at <= now,
        not_(_round_of_shift(undecided())),
        or_(and_(not_(_round_of_shift(ShiftApproval.approved_at.is_not(None))), anybody), _left_over()),
    )


def list_unrecorded(
    session: Session, branch_ids: frozenset[int] | None, *, now: datetime, ended_before: datetime | None = None
) -> list[ShiftCard]:
    """Every shift whose service is not booked yet, oldest first, whoever has to act; with an end before an instant."""
    cards = [
        *list_waiting_review(session, branch_ids, now=min(now, ended_before or now), limit=None),
        *list_waiting_approval(session, branch_ids, limit=None),
    ]
    cards.sort(key=lambda card: (card.ends_at, card.shift_id))
    return [card for card in cards if ended_before is None or card.ends_at < ended_before]


def standing_of(session: Session, shift_ids: Collection[int], *, now: datetime) -> dict[int, str]:
    """What shifts that are over wait for: ``review``, ``approval``, or nothing more (left out)."""
    if not shift_ids:
        return {}
    some = Shift.id.in_(shift_ids)
    reviews = _read(session, _waiting_review(None, now).where(some))
    sent = _read(session, _waiting_approval(None).where(some))
    return {card.shift_id: "approval" if card.waits_for_approval else "review" for card in (*reviews, *sent)}


def list_waiting_approval(
    session: Session, branch_ids: frozenset[int] | None, *, limit: int | None = 100
) -> list[ShiftCard]:
    """Rounds sent for approval and not decided, oldest first; minutes and people are the round's."""
    chosen = _waiting_approval(branch_ids)
    return _read(session, chosen.order_by(ShiftApproval.submitted_at, Shift.id).limit(limit))


def _waiting_approval(branch_ids: frozenset[int] | None) -> Select[Any]:
    return _in_branches(_cards(_SENT), branch_ids).where(ShiftApproval.id.is_not(None), undecided())


def list_approved(session: Session, branch_ids: frozenset[int] | None, *, limit: int = 10) -> list[ShiftCard]:
    """Rounds approved last, newest first; minutes and people are the round's."""
    chosen = _in_branches(_cards(_BOOKED), branch_ids).where(ShiftApproval.approved_at.is_not(None))
    return _read(session, chosen.order_by(ShiftApproval.approved_at.desc(), Shift.id.desc()).limit(limit))


def undecided() -> ColumnElement[bool]:
    """Whether a round waits for its decision."""
    return and_(ShiftApproval.approved_at.is_(None), ShiftApproval.returned_at.is_(None))


def _round_of_shift(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the shift has a round of this kind, whatever round the card itself shows."""
    return Shift.id.in_(select(ShiftApproval.shift_id).where(which).correlate(None))


def _left_over() -> ColumnElement[bool]:
    """Whether something was recorded that is neither booked, nor in a round, nor void."""
    return (
        select(Attendance.id)
        .where(
            Attendance.shift_id == Shift.id,
            Attendance.status.in_((PENDING, READY)),
            Attendance.submitted_in_id.is_(None),
        )
        .correlate(Shift)
        .exists()
    )


def find_approval(session: Session, shift_id: int) -> ShiftApproval | None:
    """The last round of a shift: where it stands on its way to the books; None while nothing was sent."""
    rounds = list_rounds(session, shift_id)
    return rounds[-1] if rounds else None


def list_rounds(session: Session, shift_id: int) -> Sequence[ShiftApproval]:
    """Every round of a shift, in the order in which they were sent."""
    return session.scalars(
        select(ShiftApproval)
        .where(ShiftApproval.shift_id == shift_id)
        .order_by(ShiftApproval.number)
        .execution_options(populate_existing=True)
    ).all()


def list_held(session: Session, shift_id: int) -> dict[int, list[HeldBack]]:
    """Who was held back in which round of a shift, by the round's number."""
    rows = session.execute(
        select(ShiftApproval.number, Member.id, Member.name, ApprovalHeld.reason, ApprovalHeld.by_id, ApprovalHeld.at)
        .join(ShiftApproval, ShiftApproval.id == ApprovalHeld.approval_id)
        .join(Attendance, Attendance.id == ApprovalHeld.attendance_id)
        .join(Member, Member.id == Attendance.member_id)
        .where(ShiftApproval.shift_id == shift_id)
        .order_by(ApprovalHeld.id)
    )
    held: dict[int, list[HeldBack]] = {}
    for row in rows:
        one = HeldBack(member_id=row.id, name=row.name, reason=row.reason, by_id=row.by_id, at=row.at)
        held.setdefault(row.number, []).append(one)
    return held


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
