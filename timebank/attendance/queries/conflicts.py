"""The conflict desk: cases with everything that was recorded of the person that day, and what they change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import (
    APPROVED,
    COUNT,
    VOID,
    Attendance,
    Scan,
    ScanCase,
    ScanEvidence,
    UnreadScan,
)
from timebank.branches.models import Branch
from timebank.core.clock import instant
from timebank.members.models import Member


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseLine:
    """One case with its scan, and how it was decided, if it was."""

    id: int
    kind: str
    opened_at: datetime
    decision: str
    decided_at: datetime | None
    decided_by: str
    reason: str
    member_id: int
    name: str
    number: str
    scan_id: int
    scan_kind: str
    wanted: str | None
    claimed_at: datetime
    device: str
    roster_by_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DayScan:
    """One scan of a person on a day, at whatever shift, with where its time comes from."""

    id: int
    member_id: int
    shift_id: int
    title: str
    kind: str
    source: str
    refused: str
    reason: str
    decision: str | None
    claimed_at: datetime
    received_at: datetime
    actor: str
    wanted: str | None
    device: str | None
    device_at: datetime | None
    loaded_offset: int | None
    sent_offset: int | None
    roster_by: str | None
    roster_at: datetime | None
    card: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenShift:
    """A shift with cases that wait, for the list over all shifts."""

    shift_id: int
    title: str
    branch_name: str
    starts_at: datetime
    ends_at: datetime
    cases: int
    people: int
    oldest: datetime


def list_cases(session: Session, shift_id: int) -> list[CaseLine]:
    """Every case of a shift, by person and time."""
    decider = aliased(Member)
    rows = session.execute(
        select(
            ScanCase.id,
            ScanCase.kind,
            ScanCase.opened_at,
            ScanCase.decision,
            ScanCase.decided_at,
            func.coalesce(decider.name, "").label("decided_by"),
            ScanCase.reason,
            Scan.member_id,
            Member.name,
            Member.number,
            Scan.id.label("scan_id"),
            Scan.kind.label("scan_kind"),
            ScanEvidence.wanted,
            Scan.claimed_at,
            func.coalesce(ScanEvidence.device, "").label("device"),
            ScanEvidence.roster_by_id,
        )
        .join(Scan, Scan.id == ScanCase.scan_id)
        .join(Member, Member.id == Scan.member_id)
        .outerjoin(ScanEvidence, ScanEvidence.scan_id == Scan.id)
        .outerjoin(decider, decider.id == ScanCase.decided_by_id)
        .where(ScanCase.shift_id == shift_id)
        .order_by(Member.name, Member.id, Scan.claimed_at, Scan.id)
    )
    return [CaseLine(**row._mapping) for row in rows]


def count_open_cases(session: Session, shift_id: int) -> int:
    """How many cases of a shift nobody has decided."""
    open_ones = select(func.count()).where(ScanCase.shift_id == shift_id, ScanCase.decision == "")
    return session.scalar(open_ones) or 0


def list_open_shifts(session: Session, branch_ids: Collection[int] | None) -> list[OpenShift]:
    """The shifts of these branches (None: all) with cases that nobody has decided, the longest waiting first."""
    oldest = func.min(ScanCase.opened_at)
    statement = (
        select(
            Shift.id.label("shift_id"),
            Activity.title,
            Branch.name.label("branch_name"),
            Shift.starts_at,
            Shift.ends_at,
            func.count().label("cases"),
            func.count(Scan.member_id.distinct()).label("people"),
            oldest.label("oldest"),
        )
        .select_from(ScanCase)
        .join(Scan, Scan.id == ScanCase.scan_id)
        .join(Shift, Shift.id == ScanCase.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .join(Branch, Branch.id == Activity.branch_id)
        .where(ScanCase.decision == "")
        .group_by(Shift.id, Activity.title, Branch.name, Shift.starts_at, Shift.ends_at)
        .order_by(oldest, Shift.id)
    )
    if branch_ids is not None:
        statement = statement.where(Activity.branch_id.in_(branch_ids))
    return [OpenShift(**row._mapping) for row in session.execute(statement)]


def list_day_scans(session: Session, member_ids: Collection[int], day: date) -> list[DayScan]:
    """Every scan of these people on a day by the branch's clock, at any shift, refused ones too, in order of time."""
    start = instant(day, datetime.min.time())
    holder, actor = aliased(Member), aliased(Member)
    rows = session.execute(
        select(
            Scan.id,
            Scan.member_id,
            Scan.shift_id,
            Activity.title,
            Scan.kind,
            Scan.source,
            Scan.refused,
            Scan.reason,
            ScanCase.decision,
            Scan.claimed_at,
            Scan.received_at,
            func.coalesce(actor.name, "").label("actor"),
            ScanEvidence.wanted,
            ScanEvidence.device,
            ScanEvidence.device_at,
            ScanEvidence.loaded_offset,
            ScanEvidence.sent_offset,
            holder.name.label("roster_by"),
            ScanEvidence.roster_at,
            ScanEvidence.card,
        )
        .join(Shift, Shift.id == Scan.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .outerjoin(ScanEvidence, ScanEvidence.scan_id == Scan.id)
        .outerjoin(ScanCase, ScanCase.scan_id == Scan.id)
        .outerjoin(holder, holder.id == ScanEvidence.roster_by_id)
        .outerjoin(actor, actor.id == Scan.actor_id)
        .where(Scan.member_id.in_(member_ids), Scan.claimed_at >= start, Scan.claimed_at < start + timedelta(days=1))
        .order_by(Scan.claimed_at, Scan.id)
    )
    return [DayScan(**row._mapping) for row in rows]


def list_unread(session: Session, shift_id: int) -> Sequence[UnreadScan]:
    """What was read at a shift and names nobody."""
    return session.scalars(
        select(UnreadScan).where(UnreadScan.shift_id == shift_id).order_by(UnreadScan.claimed_at, UnreadScan.id)
    ).all()


@dataclass(frozen=True, kw_only=True, slots=True)
class Elsewhere:
    """Somebody who was at this shift and at another one at the same time."""

    member_id: int
    name: str
    in_at: datetime
    out_at: datetime
    other_id: int
    other_title: str
    other_in_at: datetime
    other_out_at: datetime


def list_elsewhere(session: Session, shift_id: int) -> list[Elsewhere]:
    """Whose time here overlaps with their time at another shift: both count until staff say otherwise."""
    here, there = aliased(Attendance), aliased(Attendance)
    rows = session.execute(
        select(
            here.member_id,
            Member.name,
            here.in_at,
            here.out_at,
            there.shift_id.label("other_id"),
            Activity.title.label("other_title"),
            there.in_at.label("other_in_at"),
            there.out_at.label("other_out_at"),
        )
        .join(there, and_(there.member_id == here.member_id, there.shift_id != here.shift_id))
        .join(Member, Member.id == here.member_id)
        .join(Shift, Shift.id == there.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(
            here.shift_id == shift_id,
            here.status != VOID,
            there.status != VOID,
            Shift.cancelled_at.is_(None),
            here.in_at < there.out_at,
            there.in_at < here.out_at,
        )
        .order_by(Member.name, Member.id, there.in_at)
    )
    return [Elsewhere(**row._mapping) for row in rows]


def list_booked_with_cases(session: Session, shift_id: int) -> Sequence[Attendance]:
    """The approved records that a case which counts may have made wrong: only a correction changes them."""
    counted = (
        select(Scan.member_id)
        .join(ScanCase, ScanCase.scan_id == Scan.id)
        .where(ScanCase.shift_id == shift_id, ScanCase.decision == COUNT)
    )
    return session.scalars(
        select(Attendance)
        .where(Attendance.shift_id == shift_id, Attendance.status == APPROVED, Attendance.member_id.in_(counted))
        .order_by(Attendance.id)
    ).all()
