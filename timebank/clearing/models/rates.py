"""What a minute of one branch is worth at another, as both managers decided it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import Base

RATE_ASKED, RATE_AGREED, RATE_DECLINED, RATE_WITHDRAWN = "asked", "agreed", "declined", "withdrawn"
RATE_STATUS_NAMES: Final = {
    RATE_ASKED: "等对方同意",
    RATE_AGREED: "两边同意了",
    RATE_DECLINED: "没有同意",
    RATE_WITHDRAWN: "撤回了",
}


class PairRate(Base):
    """From a day on ``low_units`` minutes of the low branch are worth ``high_units`` of the high one.

    One manager asks, the other branch's agrees, before that day; without an agreed one a minute is a minute. Never
    changed afterwards: what is agreed later for the same day or a later one takes its place.
    """

    __tablename__ = "pair_rate"
    __table_args__ = (
        CheckConstraint("low_units BETWEEN 1 AND 600 AND high_units BETWEEN 1 AND 600", name="units"),
        CheckConstraint("status IN ('asked', 'agreed', 'declined', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'asked') = (answered_at IS NULL)", name="answered_once"),
        CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)", name="answered_by"),
        CheckConstraint("status <> 'agreed' OR answered_by_id <> asked_by_id", name="two_people"),
        CheckConstraint("status <> 'declined' OR note <> ''", name="declined_why"),
        Index("ix_pair_rate_pair_id_valid_from", "pair_id", "valid_from"),
        Index(
            "uq_pair_rate_asked",
            "pair_id",
            unique=True,
            sqlite_where=text("status = 'asked'"),
            postgresql_where=text("status = 'asked'"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"))
    low_units: Mapped[int]
    high_units: Mapped[int]
    valid_from: Mapped[date]
    status: Mapped[str] = mapped_column(String(10), default=RATE_ASKED)
    asked_for_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))  # the branch whose manager asked
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[datetime]
    words: Mapped[str] = mapped_column(String(200), default="")
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    answered_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
