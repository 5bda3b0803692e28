"""培训、荣誉、评价: what stands on a person's card beside the hours, and what its holder asked about it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import Base
from timebank.members.models import Member

TRAINING, AWARD, EVALUATION = "training", "award", "evaluation"
KIND_NAMES: Final = {TRAINING: "培训", AWARD: "荣誉", EVALUATION: "评价"}
GRADE_NAMES: Final = {4: "优秀", 3: "良好", 2: "合格", 1: "有待改进"}


class Milestone(Base):
    """A training, an award or an evaluation of a member: who gave it, who recorded it when, and on what evidence.

    It never changes and is never deleted; a second person may withdraw it with a reason. Awards granted by rule name
    the list, the year and the person who agreed.
    """

    __tablename__ = "milestone"
    __table_args__ = (
        UniqueConstraint("form_key", "member_id"),
        CheckConstraint("kind IN ('training', 'award', 'evaluation')", name="kind"),
        CheckConstraint("title <> '' AND giver <> '' AND words <> ''", name="has_words"),
        CheckConstraint("(kind = 'training') = (length_minutes IS NOT NULL)", name="training_has_length"),
        CheckConstraint("length_minutes IS NULL OR length_minutes > 0", name="length_positive"),
        CheckConstraint("(kind = 'evaluation') = (grade IS NOT NULL)", name="evaluation_has_grade"),
        CheckConstraint("grade IS NULL OR grade BETWEEN 1 AND 4", name="grade"),
        CheckConstraint("recorded_by_id <> member_id", name="not_for_oneself"),
        CheckConstraint(
            "agreed_by_id IS NULL OR (agreed_by_id <> member_id AND agreed_by_id <> recorded_by_id)", name="agreed_by"
        ),
        CheckConstraint("(commendation_id IS NULL) = (agreed_by_id IS NULL)", name="commended_by_two"),
        CheckConstraint("(commendation_id IS NULL) = (commended_year IS NULL)", name="commended_year"),
        CheckConstraint("commendation_id IS NULL OR kind = 'award'", name="commended_award"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)", name="withdrawn_by"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_reason = '')", name="withdrawn_why"),
        CheckConstraint(
            "withdrawn_by_id IS NULL OR (withdrawn_by_id <> recorded_by_id AND withdrawn_by_id <> member_id)",
            name="withdrawn_by_second",
        ),
        Index("ix_milestone_member_id_on_day", "member_id", "on_day"),
        Index("ix_milestone_branch_id_recorded_at", "branch_id", "recorded_at"),
        Index(
            "uq_milestone_commended",
            "member_id",
            "commended_year",
            unique=True,
            sqlite_where=text("commended_year IS NOT NULL AND withdrawn_at IS NULL"),
            postgresql_where=text("commended_year IS NOT NULL AND withdrawn_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str] = mapped_column(String(12))
    title: Mapped[str] = mapped_column(String(60))
    giver: Mapped[str] = mapped_column(String(60))  # who trained, granted, or says so
    on_day: Mapped[date]
    length_minutes: Mapped[int | None]  # of a training
    grade: Mapped[int | None]  # of an evaluation
    words: Mapped[str] = mapped_column(String(300))  # what it was about, and what shows that it is so
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    recorded_at: Mapped[datetime]
    agreed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    commendation_id: Mapped[int | None] = mapped_column(ForeignKey("commendation.id"))
    commended_year: Mapped[int | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    withdrawn_reason: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80))

    member: Mapped[Member] = relationship(foreign_keys=[member_id])
    recorded_by: Mapped[Member] = relationship(foreign_keys=[recorded_by_id])
    questions: Mapped[list[MilestoneQuestion]] = relationship(
        order_by="MilestoneQuestion.id", back_populates="milestone"
    )


class MilestoneQuestion(Base):
    """Its holder says that something is wrong with it; somebody who did not record it answers. One waits at a time."""

    __tablename__ = "milestone_question"
    __table_args__ = (
        CheckConstraint("words <> ''", name="has_words"),
        CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)", name="answered_by"),
        CheckConstraint("(answered_at IS NULL) = (answer = '')", name="answered_what"),
        CheckConstraint("answered_by_id IS NULL OR answered_by_id <> asked_by_id", name="answered_by_other"),
        Index(
            "uq_milestone_question_open",
            "milestone_id",
            unique=True,
            sqlite_where=text("answered_at IS NULL"),
            postgresql_where=text("answered_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    milestone_id: Mapped[int] = mapped_column(ForeignKey("milestone.id"), index=True)
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    words: Mapped[str] = mapped_column(String(300))
    asked_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(String(300), default="")
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    answered_at: Mapped[datetime | None]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    milestone: Mapped[Milestone] = relationship(back_populates="questions")
