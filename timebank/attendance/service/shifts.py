"""What review and approval share: the shift under its lock, and whether its list may still be changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import CANCELLED, DRAFT, Activity, Shift
from timebank.activities.queries import ShiftNotFound
from timebank.attendance.models import APPROVED, Attendance, ShiftApproval
from timebank.attendance.queries import find_approval, policy_of
from timebank.attendance.rules import Policy
from timebank.core.errors import Conflict


class ReviewClosed(Conflict):
    """The list was sent for approval, or is booked."""

    code = "attendance.review_closed"
    text = (
        "这个班次的名单已经提交审核或已经入账，不能再改。如果有误，请先让审核人退回；"
        "已经入账的不能在这里改，请把情况告诉网点管理员。"
    )


class ShiftNotHeld(Conflict):
    """A cancelled shift has no attendance to review."""

    code = "attendance.not_held"
    text = "这个班次已经取消，没有服务记录可以核对。"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedShift:
    """A shift whose review nobody else changes until this transaction ends."""

    id: int
    branch_id: int
    title: str
    starts_at: datetime
    ends_at: datetime
    group_activity: bool
    policy: Policy
    approval: ShiftApproval | None  # the last round
    backdated: bool
    paid_hold_id: int | None  # coins set aside that pay the volunteer of a service that was asked for


def lock_shift(session: Session, shift_id: int) -> LockedShift:
    """Take a shift for review or approval. Raises ShiftNotFound, ShiftNotHeld."""
    row = session.execute(
        select(Shift, Activity)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Shift.id == shift_id)
        .with_for_update(of=Shift, key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or row.Activity.status == DRAFT:
        raise ShiftNotFound()
    shift, activity = row
    if shift.cancelled_at is not None or activity.status == CANCELLED:
        raise ShiftNotHeld()
    return LockedShift(
        id=shift.id,
        branch_id=activity.branch_id,
        title=activity.title,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        group_activity=activity.group_activity,
        policy=policy_of(shift, activity),
        approval=find_approval(session, shift_id),
        backdated=bool(activity.backdated_reason),
        paid_hold_id=shift.paid_hold_id,
    )


def refuse_closed(shift: LockedShift) -> None:
    """Refuse changes to a list of which a part was sent and is not decided."""
    if shift.approval is not None and shift.approval.undecided:
        raise ReviewClosed()


def refuse_booked(session: Session, shift: LockedShift, member_ids: Collection[int]) -> None:
    """Refuse changes to records that are in the books."""
    booked = select(Attendance.id).where(
        Attendance.shift_id == shift.id, Attendance.member_id.in_(member_ids), Attendance.status == APPROVED
    )
    if session.scalar(booked.limit(1)) is not None:
        raise ReviewClosed()
