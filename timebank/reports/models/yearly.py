"""A year's figures as they were counted, published and withdrawn (MCA Order 67 art. 18)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member


class YearlyReport(Base):
    """One version of a branch's year: counted by one person, published by another, perhaps withdrawn, never changed.

    What the public sees is the highest version that was published; withdrawn, it says so and shows no figures.
    """

    __tablename__ = "yearly_report"
    __table_args__ = (
        UniqueConstraint("branch_id", "year", "version"),
        CheckConstraint("version > 0", name="version_positive"),
        CheckConstraint("year BETWEEN 2000 AND 2999", name="year"),
        CheckConstraint("version = 1 OR words <> ''", name="says_what_changed"),
        CheckConstraint("(published_at IS NULL) = (published_by_id IS NULL)", name="published_by"),
        CheckConstraint("published_by_id IS NULL OR published_by_id <> prepared_by_id", name="two_people"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)", name="withdrawn_by"),
        CheckConstraint("withdrawn_at IS NULL OR (published_at IS NOT NULL AND withdrawn_why <> '')", name="withdrawn"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    year: Mapped[int]
    version: Mapped[int]
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    words: Mapped[str] = mapped_column(String(200), default="")
    prepared_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    prepared_at: Mapped[datetime]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    published_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_why: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    branch: Mapped[Branch] = relationship()
    prepared_by: Mapped[Member] = relationship(foreign_keys=[prepared_by_id])
    published_by: Mapped[Member | None] = relationship(foreign_keys=[published_by_id])
