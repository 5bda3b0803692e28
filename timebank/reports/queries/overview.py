"""What an inspector sees of an activity before asking for the whole evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import Activity, Shift, SignUp
from timebank.attendance.models import (
    APPROVED,
    Attendance,
    AttendanceCorrection,
    Scan,
    ScanCase,
    Sheet,
    SheetPhoto,
    ShiftApproval,
)
from timebank.attendance.queries import list_approved_totals
from timebank.core.clock import month_range
from timebank.members.models import Member
from timebank.reports.models import EvidencePack, SpotFinding, SpotPick


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """An activity in the list of a month: how much was booked, how many packs were made, whether it was checked."""

    id: int
    title: str
    organiser: str
    starts_at: datetime
    shifts: int
    records: int
    minutes: int
    packs: int
    sampled: bool
    finding: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """How much there is of each kind of evidence, and what somebody should look at first."""

    signed_up: int
    scans: int
    refused: int
    open_cases: int
    cases: int
    records: int
    approved: int
    signed: int
    manual: int
    sheets: int
    photos: int
    rounds: int
    returned: int
    corrections: int


def list_activities(session: Session, branch_id: int, month: str) -> list[Checked]:
    """The activities of a branch with a shift in the month, by the time of their first one."""
    start, end = month_range(month)
    begins = func.min(Shift.starts_at).label("starts_at")
    rows = session.execute(
        select(Activity.id, Activity.title, Member.name, begins, func.count(Shift.id.distinct()).label("shifts"))
        .join(Shift, Shift.activity_id == Activity.id)
        .join(Member, Member.id == Activity.organiser_id)
        .where(Activity.branch_id == branch_id, Activity.status != "draft")
        .where(Shift.starts_at >= start, Shift.starts_at < end)
        .group_by(Activity.id, Activity.title, Member.name)
        .order_by(begins, Activity.id)
    ).all()
    ids = [row.id for row in rows]
    totals = list_approved_totals(session, ids)
    packs = dict(_counts(session, EvidencePack.activity_id, ids))
    sampled = set(session.scalars(select(SpotPick.activity_id).where(SpotPick.activity_id.in_(ids))))
    said = session.execute(
        select(SpotFinding.activity_id, SpotFinding.result)
        .where(SpotFinding.activity_id.in_(ids))
        .order_by(SpotFinding.id)
    )
    findings = {row.activity_id: row.result for row in said}
    return [
        Checked(
            id=row.id,
            title=row.title,
            organiser=row.name,
            starts_at=row.starts_at,
            shifts=row.shifts,
            records=totals[row.id].count if row.id in totals else 0,
            minutes=totals[row.id].minutes if row.id in totals else 0,
            packs=packs.get(row.id, 0),
            sampled=row.id in sampled,
            finding=findings.get(row.id, ""),
        )
        for row in rows
    ]


def _counts(session: Session, column: object, ids: Sequence[int]) -> list[tuple[int, int]]:
    chosen = select(column, func.count()).where(column.in_(ids)).group_by(column)  # type: ignore[attr-defined,call-overload]
    return [(row[0], row[1]) for row in session.execute(chosen)]


def overview_of(session: Session, activity: Activity) -> Overview:
    """The counts of one activity."""
    shifts = [shift.id for shift in activity.shifts]
    sheets = select(Sheet.id).where(Sheet.shift_id.in_(shifts))
    records = select(Attendance.id).where(Attendance.shift_id.in_(shifts))
    totals = list_approved_totals(session, [activity.id]).get(activity.id)

    def many(column: object, *where: object) -> int:
        return session.scalar(select(func.count()).select_from(column).where(*where)) or 0  # type: ignore[arg-type]

    return Overview(
        signed_up=many(SignUp, SignUp.shift_id.in_(shifts)),
        scans=many(Scan, Scan.shift_id.in_(shifts)),
        refused=many(Scan, Scan.shift_id.in_(shifts), Scan.refused != ""),
        cases=many(ScanCase, ScanCase.shift_id.in_(shifts)),
        open_cases=many(ScanCase, ScanCase.shift_id.in_(shifts), ScanCase.decision == ""),
        records=many(Attendance, Attendance.shift_id.in_(shifts)),
        approved=many(Attendance, Attendance.shift_id.in_(shifts), Attendance.status == APPROVED),
        signed=totals.signed_minutes if totals else 0,
        manual=totals.manual_minutes if totals else 0,
        sheets=many(Sheet, Sheet.shift_id.in_(shifts)),
        photos=many(SheetPhoto, SheetPhoto.sheet_id.in_(sheets)),
        rounds=many(ShiftApproval, ShiftApproval.shift_id.in_(shifts)),
        returned=many(ShiftApproval, ShiftApproval.shift_id.in_(shifts), ShiftApproval.returned_at.is_not(None)),
        corrections=many(AttendanceCorrection, AttendanceCorrection.attendance_id.in_(records)),
    )


def list_packs(session: Session, activity_id: int) -> Sequence[EvidencePack]:
    """The packs that were made of an activity, newest first."""
    chosen = select(EvidencePack).where(EvidencePack.activity_id == activity_id)
    return session.scalars(chosen.options(joinedload(EvidencePack.made_by)).order_by(EvidencePack.id.desc())).all()
