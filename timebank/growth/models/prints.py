"""Many cards in one file: what was asked for, how far it is, and who took the file away."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import Base

QUEUED, MAKING, READY, FAILED, REMOVED = "queued", "making", "ready", "failed", "removed"
PRINT_NAMES: Final = {
    QUEUED: "排队中",
    MAKING: "正在制作",
    READY: "做好了",
    FAILED: "没有做成",
    REMOVED: "文件已删除",
}


class CardPrint(Base):
    """Cards of chosen people as one PDF, made by a job: ``done`` of them laid out so far.

    The people are kept as they were when it was asked for, so that it can be made again from the start after a stop.
    The file is removed some days later; the row stays and says who had it made.
    """

    __tablename__ = "card_print"
    __table_args__ = (
        CheckConstraint("format IN ('a6', 'sheet', 'a4')", name="format"),
        CheckConstraint("status IN ('queued', 'making', 'ready', 'failed', 'removed')", name="status"),
        CheckConstraint("total > 0 AND done BETWEEN 0 AND total", name="progress"),
        CheckConstraint("(status IN ('ready', 'removed')) = (finished_at IS NOT NULL)", name="finished_once"),
        CheckConstraint("(status = 'removed') = (removed_at IS NOT NULL)", name="removed_once"),
        Index("ix_card_print_status", "status"),
        Index("ix_card_print_branch_id_asked_at", "branch_id", "asked_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    title: Mapped[str] = mapped_column(String(80))
    format: Mapped[str] = mapped_column(String(8))
    member_ids: Mapped[list[int]] = mapped_column(JSON)
    address: Mapped[str] = mapped_column(String(200))  # what the codes lead to
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(8), default=QUEUED)
    tries: Mapped[int] = mapped_column(default=0)
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)


class CardPrintTaken(Base):
    """Who took a file of cards away, and when; append-only."""

    __tablename__ = "card_print_taken"
    id: Mapped[int] = mapped_column(primary_key=True)
    print_id: Mapped[int] = mapped_column(ForeignKey("card_print.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
