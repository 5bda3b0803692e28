"""What goes to the ministry's system (MCA Order 67 art. 4): batches, and what became of each record in them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member

PERSON, SERVICE = "person", "service"
PREPARED, SUBMITTED, ACCEPTED, REJECTED, CANCELLED = "prepared", "submitted", "accepted", "rejected", "cancelled"
STATE_NAMES: Final = {
    PREPARED: "已准备",
    SUBMITTED: "已上报",
    ACCEPTED: "已接收",
    REJECTED: "被退回",
    CANCELLED: "已作废",
}
_UNANSWERED = text("state IN ('prepared', 'submitted')")


class MinistryBatch(Base):
    """Records made ready together. The file with the full numbers is handed out once and kept nowhere.

    ``handed_hash`` is its SHA-256, so that a file can be told to be the one that was handed out.
    """

    __tablename__ = "ministry_batch"
    __table_args__ = (
        UniqueConstraint("branch_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("(handed_at IS NULL) = (handed_by_id IS NULL)", name="handed_by"),
        CheckConstraint("(handed_at IS NULL) = (handed_hash = '')", name="handed_what"),
        CheckConstraint("(submitted_at IS NULL) = (submitted_by_id IS NULL)", name="submitted_by"),
        CheckConstraint("submitted_at IS NULL OR handed_at IS NOT NULL", name="handed_first"),
        CheckConstraint("(cancelled_at IS NULL) = (cancelled_by_id IS NULL)", name="cancelled_by"),
        CheckConstraint("cancelled_at IS NULL OR cancelled_why <> ''", name="cancelled_why"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    number: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    made_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    made_at: Mapped[datetime]
    handed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    handed_at: Mapped[datetime | None]
    handed_hash: Mapped[str] = mapped_column(String(64), default="")
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    submitted_at: Mapped[datetime | None]
    cancelled_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    cancelled_at: Mapped[datetime | None]
    cancelled_why: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    branch: Mapped[Branch] = relationship()
    made_by: Mapped[Member] = relationship(foreign_keys=[made_by_id])
    handed_by: Mapped[Member | None] = relationship(foreign_keys=[handed_by_id])


class MinistryRecord(Base):
    """One line of a batch: a person or a service record as it stood (``digest``, keyed), and what became of it.

    A person or record has one line at most that waits for an answer.
    """

    __tablename__ = "ministry_record"
    __table_args__ = (
        UniqueConstraint("batch_id", "kind", "source_id"),
        CheckConstraint("kind IN ('person', 'service')", name="kind"),
        CheckConstraint("state IN ('prepared', 'submitted', 'accepted', 'rejected', 'cancelled')", name="state"),
        CheckConstraint("state <> 'rejected' OR words <> ''", name="rejected_why"),
        CheckConstraint("(state IN ('accepted', 'rejected')) = (answered_at IS NOT NULL)", name="answered"),
        CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)", name="answered_by"),
        Index(
            "uq_ministry_record_unanswered",
            "kind",
            "source_id",
            unique=True,
            sqlite_where=_UNANSWERED,
            postgresql_where=_UNANSWERED,
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("ministry_batch.id"))
    kind: Mapped[str] = mapped_column(String(8))
    source_id: Mapped[int]  # a member, or an attendance record
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10), default=PREPARED)
    words: Mapped[str] = mapped_column(String(200), default="")
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    answered_at: Mapped[datetime | None]

    batch: Mapped[MinistryBatch] = relationship()
    member: Mapped[Member] = relationship(foreign_keys=[member_id])
