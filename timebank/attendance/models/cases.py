"""Scans that were uploaded: how they came to their time, and what a person decided about those no rule accepts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import Base

COUNT, DISMISS = "count", "dismiss"
CASE_KINDS: Final = {
    "cancelled": "班次已取消",
    "inactive": "账户没有启用",
    "approved": "名单已经入账",
    "submitted": "名单已经提交",
    "revoked": "用的是作废的卡",
    "clock": "手机时间不准",
    "future": "时间在将来",
    "early": "还没到签到时间",
    "late": "已经过了时间",
    "unlisted": "没有报名，不能直接现场加入",
}


class ScanEvidence(Base):
    """How an uploaded scan came to its time, append-only: beside the scan, which says what it counts as.

    Offsets are seconds that the server's clock ran ahead of the device's: measured when the roster was loaded (None
    where it never was), and when the scan was sent.
    """

    __tablename__ = "scan_evidence"
    __table_args__ = (CheckConstraint("wanted IN ('', 'in', 'out')", name="wanted"),)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id"), primary_key=True, autoincrement=False)
    wanted: Mapped[str] = mapped_column(String(4), default="")  # what was pressed; empty: a camera only read a code
    device: Mapped[str] = mapped_column(String(64), default="")  # keyed fingerprint of the scanning device
    device_at: Mapped[datetime]
    loaded_offset: Mapped[int | None]
    sent_offset: Mapped[int]
    card: Mapped[str] = mapped_column(String(16), default="")  # serial of the card that was read
    roster_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))  # whose roster the device held
    roster_at: Mapped[datetime | None]


class ScanCase(Base):
    """A scan that no rule accepts: it does not count unless somebody decides so. Decided once, with a reason."""

    __tablename__ = "scan_case"
    __table_args__ = (
        CheckConstraint(f"kind IN {tuple(CASE_KINDS)}", name="kind"),
        CheckConstraint("decision IN ('', 'count', 'dismiss')", name="decision"),
        CheckConstraint(
            "(decision = '') = (decided_at IS NULL) AND (decision = '') = (decided_by_id IS NULL) "
            "AND (decision = '') = (reason = '')",
            name="decided_with_reason",
        ),
        Index("ix_scan_case_shift_id_decision", "shift_id", "decision"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id"), unique=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    kind: Mapped[str] = mapped_column(String(10))
    opened_at: Mapped[datetime]
    decision: Mapped[str] = mapped_column(String(8), default="")
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    reason: Mapped[str] = mapped_column(String(200), default="")


class UnreadScan(Base):
    """A code at a shift that names nobody: forged, mistyped or something else. Kept as evidence, append-only."""

    __tablename__ = "unread_scan"
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    text: Mapped[str] = mapped_column(String(80))
    why: Mapped[str] = mapped_column(String(200))
    claimed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    actor_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    device: Mapped[str] = mapped_column(String(64), default="")
    key: Mapped[str] = mapped_column(String(120), unique=True)
