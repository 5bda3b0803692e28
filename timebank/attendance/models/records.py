"""Attendance as it was judged, what was confirmed or corrected of it, and points carried on."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.activities.models import Shift
from timebank.core.db import BIG, Base
from timebank.members.models import Member

PENDING, READY, APPROVED, VOID = "pending", "ready", "approved", "void"
ATTENDANCE_STATUS_NAMES: Final = {
    PENDING: "缺签退",
    READY: "已核对",
    APPROVED: "已入账",
    VOID: "不计",
}
_BOOKED: Final = text("entry_id IS NOT NULL")
_UNBOOKED: Final = text("status = 'approved' AND entry_id IS NULL")


class Overtime(Base):
    """Somebody's word that a person's minutes past the end count, up to so many; append-only, the last word stands."""

    __tablename__ = "overtime"
    __table_args__ = (
        CheckConstraint("minutes >= 0", name="minutes_not_negative"),
        CheckConstraint("reason <> ''", name="has_reason"),
        Index("ix_overtime_shift_id_member_id", "shift_id", "member_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    minutes: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(120), unique=True)


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
        Index("ix_attendance_entry_id", "entry_id", sqlite_where=_BOOKED, postgresql_where=_BOOKED),
        Index("ix_attendance_unbooked", "id", sqlite_where=_UNBOOKED, postgresql_where=_UNBOOKED),
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
    capped_minutes: Mapped[int] = mapped_column(default=0, server_default="0")  # served, without a coin
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


class PointsCarry(Base):
    """What was left over when a member's minutes became whole points; carried to the next approval."""

    __tablename__ = "points_carry"
    __table_args__ = (CheckConstraint("carry >= 0", name="carry_not_negative"),)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    carry: Mapped[int]
