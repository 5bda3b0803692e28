"""Runs of jobs, and the process that leads the schedule."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import BIG, Base

CAUSES: Final = ("schedule", "start", "retry", "hand")
WENT_WRONG: Final = ("failed", "interrupted")
RESULTS: Final = ("running", "done", *WENT_WRONG)


class JobRun(Base):
    """One run of a job: why, planned for when, begun and ended when, with what outcome; words name no people.

    ``attempt`` counts from the first of those that went wrong in a row; ``retry_at`` is when one that did is due again.
    """

    __tablename__ = "job_run"
    __table_args__ = (
        CheckConstraint(f"cause IN {CAUSES}", name="cause"),
        CheckConstraint(f"result IN {RESULTS}", name="result"),
        CheckConstraint("(result = 'running') = (ended_at IS NULL)", name="ended_once"),
        CheckConstraint("(result IN ('failed', 'interrupted')) = (retry_at IS NOT NULL)", name="retried"),
        CheckConstraint("attempt > 0", name="attempt_positive"),
        Index("ix_job_run_job_id", "job", "id"),
        Index("ix_job_run_started_at", "started_at"),
    )
    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    job: Mapped[str] = mapped_column(String(40))
    cause: Mapped[str] = mapped_column(String(8))
    planned_at: Mapped[datetime]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    result: Mapped[str] = mapped_column(String(12), default="running")
    count: Mapped[int | None]
    words: Mapped[str] = mapped_column(String(400), default="")
    attempt: Mapped[int] = mapped_column(default=1)
    retry_at: Mapped[datetime | None]
    process: Mapped[str] = mapped_column(String(80))  # host and process number


class JobWatch(Base):
    """The one row that says who leads: since when, and when it was last heard of. The lock itself is elsewhere."""

    __tablename__ = "job_watch"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(String(80))
    since: Mapped[datetime]
    seen_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
