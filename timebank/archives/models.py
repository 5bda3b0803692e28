"""Packages made, every attempt to close a month, and what the nightly self-check of the books found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base


class Archive(Base):
    """One package file of one closed month; a correction is a further version that names the one before, and why."""

    __tablename__ = "archive"
    __table_args__ = (UniqueConstraint("branch_id", "month", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    month: Mapped[str] = mapped_column(String(7))
    version: Mapped[int] = mapped_column(default=1)
    file_name: Mapped[str] = mapped_column(String(120))  # below TIMEBANK_DATA/archives
    file_hash: Mapped[str] = mapped_column(String(64))
    file_size: Mapped[int]
    seal_hash: Mapped[str] = mapped_column(String(64))
    program_version: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(200), default="")  # why there is a further version; never empty there
    made_at: Mapped[datetime]
    made_by_name: Mapped[str] = mapped_column(String(80))

    branch: Mapped[Branch] = relationship()


class CloseRun(Base):
    """One attempt to close a month: when, by whom, how it ended, and what each check said (``checks.as_plain``).

    The attempt that ``seals`` is written with the seal and is the only one of its month.
    """

    __tablename__ = "close_run"
    __table_args__ = (
        Index("ix_close_run_branch_id_month", "branch_id", "month"),
        Index(
            "uq_close_run_seals",
            "branch_id",
            "month",
            unique=True,
            sqlite_where=text("seals"),
            postgresql_where=text("seals"),
        ),
        CheckConstraint("result IN ('closed', 'already_closed', 'refused', 'failed')", name="result"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    month: Mapped[str] = mapped_column(String(7))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    by_name: Mapped[str] = mapped_column(String(80))
    result: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(String(400), default="")
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    seals: Mapped[bool] = mapped_column(default=False)


class AuditRun(Base):
    """One self-check of a branch's books: when, how long, which checks, and what each of them found.

    ``text`` has a line for each finding; ``checks`` is what ``verification.as_plain`` wrote, empty for runs of old.
    """

    __tablename__ = "audit_run"
    __table_args__ = (Index("ix_audit_run_branch_id_ran_at", "branch_id", "ran_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    ran_at: Mapped[datetime]
    findings: Mapped[int]
    text: Mapped[str] = mapped_column(Text, default="")
    milliseconds: Mapped[int] = mapped_column(default=0)
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    program_version: Mapped[str] = mapped_column(String(24), default="")
