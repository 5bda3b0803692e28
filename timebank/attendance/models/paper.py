"""Lists on paper with their photos and typings, and tablets at the entrance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.activities.models import Shift
from timebank.core.db import Base
from timebank.members.models import Member


class Sheet(Base):
    """A list on paper, as it was printed: its lines are frozen, so line numbers keep their meaning. Append-only."""

    __tablename__ = "sheet"
    __table_args__ = (CheckConstraint("pages > 0", name="has_pages"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    number: Mapped[str] = mapped_column(String(12), unique=True)
    pages: Mapped[int]
    printed_at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    shift: Mapped[Shift] = relationship()
    by: Mapped[Member] = relationship()
    lines: Mapped[list[SheetLine]] = relationship(order_by="SheetLine.line", viewonly=True)


class SheetLine(Base):
    """One line of a sheet: whose it is (nobody's yet where it is blank), and what was printed on it. Append-only."""

    __tablename__ = "sheet_line"
    __table_args__ = (
        UniqueConstraint("sheet_id", "member_id"),
        CheckConstraint("line > 0", name="line_positive"),
    )
    sheet_id: Mapped[int] = mapped_column(ForeignKey("sheet.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    shown: Mapped[str] = mapped_column(String(60), default="")
    tail: Mapped[str] = mapped_column(String(8), default="")


class SheetPhoto(Base):
    """A photo of a page that was signed, sealed; ``digest`` is the SHA-256 of the picture as shown. Append-only."""

    __tablename__ = "sheet_photo"
    __table_args__ = (
        UniqueConstraint("sheet_id", "page", "digest"),
        CheckConstraint("page > 0", name="page_positive"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("sheet.id"))
    page: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # read only when somebody looks
    digest: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]  # by a signed list; then the picture is gone and the rest of the row stays

    sheet: Mapped[Sheet] = relationship()
    by: Mapped[Member] = relationship()


class SheetTyping(Base):
    """A page as somebody typed it. ``round`` 1 made the scans, 2 is another person's control. Append-only.

    ``people`` and ``minutes`` are the check totals written on the paper; they were equal to what was typed.
    """

    __tablename__ = "sheet_typing"
    __table_args__ = (
        UniqueConstraint("sheet_id", "page", "round"),
        UniqueConstraint("sheet_id", "page", "by_id"),
        CheckConstraint("round IN (1, 2)", name="round"),
        CheckConstraint("people >= 0 AND (minutes IS NULL OR minutes >= 0)", name="totals_not_negative"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("sheet.id"))
    page: Mapped[int]
    round: Mapped[int]
    photo_id: Mapped[int] = mapped_column(ForeignKey("sheet_photo.id"))
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    people: Mapped[int]
    minutes: Mapped[int | None]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]

    by: Mapped[Member] = relationship()


class SheetLook(Base):
    """Who looked at a photo, and when. Rows are only ever added."""

    __tablename__ = "sheet_look"
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("sheet_photo.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]

    by: Mapped[Member] = relationship()
    photo: Mapped[SheetPhoto] = relationship()


class Kiosk(Base):
    """A tablet at the entrance that takes personal codes of one shift until it expires or is closed; nothing else.

    ``device`` is what its scans carry, so that many people at one kiosk are not taken for people sharing a phone.
    """

    __tablename__ = "kiosk"
    __table_args__ = (
        CheckConstraint("expires_at > opened_at", name="expires_later"),
        CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL)", name="closed_by"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    device: Mapped[str] = mapped_column(String(64), unique=True)
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    shift: Mapped[Shift] = relationship()
    opened_by: Mapped[Member] = relationship(foreign_keys=opened_by_id)
