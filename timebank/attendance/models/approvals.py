"""Lists sent for approval in rounds, and who was left out of one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.activities.models import Shift
from timebank.core.db import Base

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
