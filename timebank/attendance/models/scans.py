"""Scans as they happened, and the paper codes some of them came from. Both are kept as they were."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import Base

IN, OUT = "in", "out"
VENUE, POSTER, PERSONAL, STAFF, PAPER, IMPORT = "venue", "poster", "personal", "staff", "paper", "import"
SOURCE_NAMES: Final = {
    VENUE: "扫现场码",
    POSTER: "扫海报码",
    PERSONAL: "扫个人码",
    STAFF: "工作人员登记",
    PAPER: "纸质签到表",
    IMPORT: "导入",
}
BY_ONESELF: Final = frozenset({VENUE, POSTER})  # scanned by the member's own phone

INSIDE, NEAR, FAR, NOT_GIVEN = "inside", "near", "far", ""
PLACE_FIT_NAMES: Final = {INSIDE: "在现场", NEAR: "在附近", FAR: "离现场较远", NOT_GIVEN: "没有附位置"}


class Scan(Base):
    """What happened at the door, append-only; a refused scan keeps its reason code."""

    __tablename__ = "scan"
    __table_args__ = (
        CheckConstraint("kind IN ('in', 'out')", name="kind"),
        CheckConstraint("source IN ('venue', 'poster', 'personal', 'staff', 'paper', 'import')", name="source"),
        CheckConstraint("reason = '' OR source = 'staff'", name="only_staff_correct"),
        CheckConstraint("place_fit IN ('', 'inside', 'near', 'far')", name="place_fit"),
        Index("ix_scan_shift_id_member_id", "shift_id", "member_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    kind: Mapped[str] = mapped_column(String(4))
    source: Mapped[str] = mapped_column(String(10))
    claimed_at: Mapped[datetime]  # when the code was seen, or when staff say it happened
    received_at: Mapped[datetime]
    actor_id: Mapped[int | None]
    device: Mapped[str] = mapped_column(String(64), default="")  # keyed fingerprint of a device cookie
    key: Mapped[str] = mapped_column(String(120), unique=True)
    refused: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(200), default="")  # staff correct a time; outweighs what was scanned
    # How far from the place, in a word and only where the member said so; where they were is kept nowhere.
    place_fit: Mapped[str] = mapped_column(String(8), default=NOT_GIVEN, server_default=NOT_GIVEN)


_VALID = text("revoked_at IS NULL")


class ShiftPoster(Base):
    """A paper poster with a code that does not move, for one shift; a shift has one that counts at most.

    ``number`` counts a shift's posters from 1 and is in the code, so that a new one makes the others worthless.
    """

    __tablename__ = "shift_poster"
    __table_args__ = (
        UniqueConstraint("shift_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        Index("uq_shift_poster_valid", "shift_id", unique=True, sqlite_where=_VALID, postgresql_where=_VALID),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    number: Mapped[int]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
