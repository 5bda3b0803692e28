"""Scans as they happened, attendance as it was judged, approvals as they were given."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.activities.models import Shift
from timebank.core.db import BIG, Base
from timebank.members.models import Member

IN, OUT = "in", "out"
VENUE, PERSONAL, STAFF = "venue", "personal", "staff"
SOURCE_NAMES: Final = {VENUE: "扫现场码", PERSONAL: "扫个人码", STAFF: "工作人员登记"}

PENDING, READY, APPROVED, VOID = "pending", "ready", "approved", "void"
ATTENDANCE_STATUS_NAMES: Final = {
    PENDING: "缺签退",
    READY: "已核对",
    APPROVED: "已入账",
    VOID: "不计",
}


class Scan(Base):
    """What happened at the door, append-only; a refused scan keeps its reason code."""

    __tablename__ = "scan"
    __table_args__ = (
        CheckConstraint("kind IN ('in', 'out')", name="kind"),
        CheckConstraint("source IN ('venue', 'personal', 'staff')", name="source"),
        CheckConstraint("reason = '' OR source = 'staff'", name="only_staff_correct"),
        Index("ix_scan_shift_id_member_id", "shift_id", "member_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    kind: Mapped[str] = mapped_column(String(4))
    source: Mapped[str] = mapped_column(String(10))
    claimed_at: Mapped[datetime]  # when the code was seen, or when staff say it happened
    received_at: Mapped[datetime]
    actor_id: Mapped[int | None]
    device: Mapped[str] = mapped_column(String(64), default="")  # keyed fingerprint of a device cookie
    key: Mapped[str] = mapped_column(String(120), unique=True)
    refused: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(200), default="")  # staff correct a time; outweighs what was scanned


class Attendance(Base):
    """One member at one shift, judged from scans; approved once, then changed only by new entries.

    ``pending`` somebody is here, or left without checking out, or an approver held them back (``held_reason``) ·
    ``ready`` it counts ``minutes`` · ``void`` staff said that it does not count. While it stands in a round that is
    not decided (``submitted_in_id``) it stays as it was sent.
    """

    __tablename__ = "attendance"
    __table_args__ = (
        UniqueConstraint("shift_id", "member_id"),
        CheckConstraint("status IN ('pending', 'ready', 'approved', 'void')", name="status"),
        CheckConstraint("signed_minutes >= 0 AND manual_minutes >= 0", name="minutes_not_negative"),
        CheckConstraint(
            "manual_minutes = 0 OR (manual_reason <> '' AND manual_by_id IS NOT NULL)", name="manual_has_reason"
        ),
        CheckConstraint("(status = 'approved') = (approval_id IS NOT NULL)", name="approved_has_approval"),
        CheckConstraint("capped_minutes >= 0", name="capped_minutes"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    in_at: Mapped[datetime | None]
    out_at: Mapped[datetime | None]
    walk_in: Mapped[bool] = mapped_column(default=False)
    signed_minutes: Mapped[int] = mapped_column(default=0)
    manual_minutes: Mapped[int] = mapped_column(default=0)
    manual_reason: Mapped[str] = mapped_column(String(200), default="")
    manual_by_id: Mapped[int | None]
    review_note: Mapped[str] = mapped_column(String(200), default="")
    reviewed_by_id: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(10), default=PENDING)
    approval_id: Mapped[int | None] = mapped_column(ForeignKey("shift_approval.id"))
    entry_id: Mapped[int | None]
    points: Mapped[int] = mapped_column(default=0)
    capped_minutes: Mapped[int] = mapped_column(default=0, server_default="0")  # served, but above the day's cap
    submitted_in_id: Mapped[int | None] = mapped_column(ForeignKey("shift_approval.id"), index=True)  # the round
    held_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")  # until the organiser answers

    shift: Mapped[Shift] = relationship()
    member: Mapped[Member] = relationship()
    corrections: Mapped[list[AttendanceCorrection]] = relationship(order_by="AttendanceCorrection.id", viewonly=True)

    @property
    def minutes(self) -> int:
        """Service minutes as they were approved: signed plus manual. ``minutes_now`` is what counts."""
        return self.signed_minutes + self.manual_minutes

    @property
    def signed_now(self) -> int:
        """Signed minutes with every correction since."""
        return self.signed_minutes + sum(one.signed_minutes for one in self.corrections)

    @property
    def manual_now(self) -> int:
        """Manual minutes with every correction since."""
        return self.manual_minutes + sum(one.manual_minutes for one in self.corrections)

    @property
    def minutes_now(self) -> int:
        """Service minutes that count, with every correction since; none are left of a record that was undone."""
        return self.signed_now + self.manual_now

    @property
    def points_now(self) -> int:
        """Points that count, with every correction since."""
        return self.points + sum(one.points for one in self.corrections)

    @property
    def entry_now_id(self) -> int | None:
        """The entry that stands for this record in the books; None when nothing does any more."""
        if not self.minutes_now:
            return None
        return self.corrections[-1].replacement_id if self.corrections else self.entry_id


class AttendanceCorrection(Base):
    """What was changed about an approved record, with the entries that did it; append-only, the record stays as it was.

    ``corrects_id`` is the entry that was wrong, ``entry_id`` its reversal, ``replacement_id`` what took its place.
    """

    __tablename__ = "attendance_correction"
    __table_args__ = (
        CheckConstraint("signed_minutes <> 0 OR manual_minutes <> 0", name="changes_minutes"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    attendance_id: Mapped[int] = mapped_column(ForeignKey("attendance.id"), index=True)
    signed_minutes: Mapped[int]
    manual_minutes: Mapped[int]
    points: Mapped[int]
    corrects_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    entry_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    replacement_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]


UNDECIDED: Final = "approved_at IS NULL AND returned_at IS NULL"


class ShiftApproval(Base):
    """A round: records of one shift sent for approval together, and what was decided; at most one waits per shift.

    What makes one person's yes too little is kept as it was when the round was sent: ``large_minutes`` by hand for one
    person, more than ``hand_share`` percent of the list by hand, an activity entered afterwards (``backdated``).
    """

    __tablename__ = "shift_approval"
    __table_args__ = (
        UniqueConstraint("shift_id", "number"),
        Index(
            "uq_shift_approval_undecided",
            "shift_id",
            unique=True,
            sqlite_where=text(UNDECIDED),
            postgresql_where=text(UNDECIDED),
        ),
        CheckConstraint("approved_by_id IS NULL OR approved_by_id <> submitted_by_id", name="four_eyes"),
        CheckConstraint("(approved_by_id IS NULL) = (approved_at IS NULL)", name="approved_by"),
        CheckConstraint("approved_at IS NULL OR returned_at IS NULL", name="approved_or_returned"),
        CheckConstraint(
            "first_approved_by_id IS NULL OR first_approved_by_id <> submitted_by_id", name="first_four_eyes"
        ),
        CheckConstraint("(first_approved_by_id IS NULL) = (first_approved_at IS NULL)", name="first_approved_by"),
        CheckConstraint("first_approved_by_id IS NULL OR approved_by_id <> first_approved_by_id", name="two_people"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("large_minutes >= 0 AND hand_share BETWEEN 0 AND 100", name="second_limits"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    number: Mapped[int] = mapped_column(default=1)
    submitted_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    submitted_at: Mapped[datetime]
    large_minutes: Mapped[int]
    hand_share: Mapped[int]
    backdated: Mapped[bool] = mapped_column(default=False, server_default=false())
    first_approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    first_approved_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    approved_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    returned_reason: Mapped[str] = mapped_column(String(200), default="")
    people: Mapped[int] = mapped_column(default=0)
    minutes: Mapped[int] = mapped_column(default=0)
    points: Mapped[int] = mapped_column(default=0)

    shift: Mapped[Shift] = relationship()

    @property
    def undecided(self) -> bool:
        """Sent, and neither booked nor given back."""
        return self.approved_at is None and self.returned_at is None


class ApprovalHeld(Base):
    """Somebody whom an approver left out of a round, and why; append-only."""

    __tablename__ = "approval_held"
    __table_args__ = (
        UniqueConstraint("approval_id", "attendance_id"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    approval_id: Mapped[int] = mapped_column(ForeignKey("shift_approval.id"))
    attendance_id: Mapped[int] = mapped_column(ForeignKey("attendance.id"), index=True)
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]


class PointsCarry(Base):
    """What was left over when a member's minutes became whole points; carried to the next approval."""

    __tablename__ = "points_carry"
    __table_args__ = (CheckConstraint("carry >= 0", name="carry_not_negative"),)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    carry: Mapped[int]
