"""Generations of the keys that codes are made with: numbers and times. Keys are derived, never stored."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import Base

PERSONAL, VENUE, POSTER = "personal", "venue", "poster"
PURPOSES: Final = (PERSONAL, VENUE, POSTER)
PURPOSE_NAMES: Final = {PERSONAL: "个人码（成长卡）", VENUE: "现场签到码（大屏）", POSTER: "固定签到海报"}
_NEWEST = text("accepted_until IS NULL")


class CodeKey(Base):
    """One generation of one purpose. A purpose without rows has generation 0, in use since ever.

    ``from_at`` NULL: since ever · ``accepted_until`` NULL: in use; codes made with it are refused from that time on.
    """

    __tablename__ = "code_key"
    __table_args__ = (
        UniqueConstraint("purpose", "generation"),
        CheckConstraint(f"purpose IN {PURPOSES}", name="purpose"),
        CheckConstraint("generation >= 0", name="generation_not_negative"),
        CheckConstraint("(from_at IS NULL) = (generation = 0)", name="first_since_ever"),
        CheckConstraint("generation = 0 OR form_key IS NOT NULL", name="made_by_a_form"),
        # At most one generation of a purpose is in use.
        Index("uq_code_key_in_use", "purpose", unique=True, sqlite_where=_NEWEST, postgresql_where=_NEWEST),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(12))
    generation: Mapped[int]
    from_at: Mapped[datetime | None]
    accepted_until: Mapped[datetime | None]
    rotated_by_id: Mapped[int | None]  # who made this generation; NULL: a command, or nobody (the first)
    form_key: Mapped[str | None] = mapped_column(String(80), unique=True)
