"""Cases about orders, what both sides say, and what was decided."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.exchange.models import Order
from timebank.members.models import Member

OPEN, DECIDED, WITHDRAWN = "open", "decided", "withdrawn"
STATUS_NAMES: Final = {OPEN: "处理中", DECIDED: "已决定", WITHDRAWN: "已撤回"}
HELD, BOOKED = "held", "booked"  # how far the order had come: its coins set aside, or moved
WHOLE, PART, NONE, TALK = "whole", "part", "none", "talk"
# What each outcome means for an order that was still open, and for one that was done.
OUTCOME_NAMES: Final = {
    HELD: {WHOLE: "做完了，全部算数", PART: "只做了一部分", NONE: "没有做，全部退回"},
    BOOKED: {WHOLE: "维持原样，不退", PART: "退回一部分", NONE: "全部退回"},
}
TALK_NAME: Final = "把事情说清楚"
WAITING, FINAL, DECLINED = "waiting", "final", "declined"
RULING_NAMES: Final = {WAITING: "等第二人同意", FINAL: "已生效", DECLINED: "第二人没有同意"}

ALIVE: Final = "status IN ('open', 'decided')"
STANDING: Final = "status IN ('waiting', 'final')"


class Dispute(Base):
    """One side of an order says that something is not right. ``other_id`` is the other side, None for the branch."""

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("stage IN ('held', 'booked')", name="stage"),
        CheckConstraint("wanted IN ('whole', 'part', 'none', 'talk')", name="wanted"),
        CheckConstraint("words <> ''", name="has_words"),
        CheckConstraint("opened_by_id <> other_id", name="two_sides"),
        CheckConstraint("status IN ('open', 'decided', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ended_once"),
        CheckConstraint("(status = 'open') = (ended_by_id IS NULL)", name="ended_by"),
        CheckConstraint("status <> 'withdrawn' OR ended_by_id = opened_by_id", name="withdrawn_by_opener"),
        CheckConstraint(
            "status <> 'decided' OR (ended_by_id <> opened_by_id AND (other_id IS NULL OR ended_by_id <> other_id))",
            name="decided_by_neither",
        ),
        Index("uq_dispute_once_per_side", "order_id", "opened_by_id", unique=True),
        Index("uq_dispute_alive", "order_id", unique=True, sqlite_where=text(ALIVE), postgresql_where=text(ALIVE)),
        Index("ix_dispute_branch_id_status_due_on", "branch_id", "status", "due_on"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("exchange_order.id"))
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    other_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    stage: Mapped[str] = mapped_column(String(8))
    wanted: Mapped[str] = mapped_column(String(8))
    words: Mapped[str] = mapped_column(String(500))
    opened_at: Mapped[datetime]
    heard_by: Mapped[date]  # the last day on which a decision waits for the other side's words
    due_on: Mapped[date]  # until the end of which it should be decided
    status: Mapped[str] = mapped_column(String(10), default=OPEN)
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    branch: Mapped[Branch] = relationship()
    order: Mapped[Order] = relationship()
    opened_by: Mapped[Member] = relationship(foreign_keys=[opened_by_id])
    other: Mapped[Member | None] = relationship(foreign_keys=[other_id])

    @property
    def sides(self) -> frozenset[int]:
        """The members who are its two sides; one where the other side is the branch."""
        return frozenset({self.opened_by_id, self.other_id} - {None})  # type: ignore[arg-type]


class DisputeStatement(Base):
    """What a side says of a case; append-only. For a branch whoever of its staff says it."""

    __tablename__ = "dispute_statement"
    __table_args__ = (CheckConstraint("words <> ''", name="has_words"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    dispute_id: Mapped[int] = mapped_column(ForeignKey("dispute.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    words: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    by: Mapped[Member] = relationship()


class DisputeRuling(Base):
    """What somebody without a part decided: final, or waiting for a second person where a side would owe."""

    __tablename__ = "dispute_ruling"
    __table_args__ = (
        CheckConstraint("outcome IN ('whole', 'part', 'none')", name="outcome"),
        CheckConstraint("minutes >= 0 AND (outcome = 'none') = (minutes = 0)", name="minutes"),
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("status IN ('waiting', 'final', 'declined')", name="status"),
        CheckConstraint("(status = 'waiting') = (answered_at IS NULL)", name="answered_once"),
        CheckConstraint("second_id <> by_id", name="two_people"),
        CheckConstraint("status <> 'waiting' OR second_id IS NULL", name="not_answered"),
        CheckConstraint("status <> 'declined' OR (second_id IS NOT NULL AND note <> '')", name="declined_why"),
        Index(
            "uq_dispute_ruling_standing",
            "dispute_id",
            unique=True,
            sqlite_where=text(STANDING),
            postgresql_where=text(STANDING),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    dispute_id: Mapped[int] = mapped_column(ForeignKey("dispute.id"), index=True)
    outcome: Mapped[str] = mapped_column(String(8))
    minutes: Mapped[int]  # what the order comes to
    reason: Mapped[str] = mapped_column(String(180))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(10))
    second_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))  # none where nobody would owe
    answered_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(180), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    by: Mapped[Member] = relationship(foreign_keys=[by_id])
    second: Mapped[Member | None] = relationship(foreign_keys=[second_id])
