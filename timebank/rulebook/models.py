"""Versions of a branch's coin rules; rows are only ever added (triggers refuse the rest)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import Base


class CoinRule(Base):
    """One version: what it sets, from which day, why, and who saved it. NULL: no cap, never."""

    __tablename__ = "coin_rule"
    __table_args__ = (
        UniqueConstraint("branch_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("points_per_hour BETWEEN 1 AND 1000", name="points_per_hour"),
        CheckConstraint("daily_cap_minutes IS NULL OR daily_cap_minutes > 0", name="daily_cap"),
        CheckConstraint("holding_cap_minutes IS NULL OR holding_cap_minutes > 0", name="holding_cap"),
        CheckConstraint("first_redemption_minutes >= 0", name="first_redemption"),
        CheckConstraint("expiry_months IS NULL OR expiry_months > 0", name="expiry_months"),
        CheckConstraint("gift_month_minutes IS NULL OR gift_month_minutes >= 0", name="gift_month"),
        CheckConstraint("large_minutes BETWEEN 0 AND 1440", name="large_minutes"),
        CheckConstraint("hand_share BETWEEN 0 AND 100", name="hand_share"),
        CheckConstraint("backdate_days BETWEEN 0 AND 366", name="backdate_days"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    number: Mapped[int]
    valid_from: Mapped[date]
    points_per_hour: Mapped[int]
    daily_cap_minutes: Mapped[int | None]
    holding_cap_minutes: Mapped[int | None]
    first_redemption_minutes: Mapped[int]
    group_hours_give_away: Mapped[bool]
    expiry_months: Mapped[int | None]
    # NULL is a word of its own here, and never stands for the default.
    gift_month_minutes: Mapped[int | None] = mapped_column(Integer().evaluates_none(), server_default="600")
    large_minutes: Mapped[int] = mapped_column(default=240, server_default="240")
    hand_share: Mapped[int] = mapped_column(default=50, server_default="50")
    backdate_days: Mapped[int] = mapped_column(default=60, server_default="60")
    reason: Mapped[str] = mapped_column(String(200))
    created_by_id: Mapped[int | None]
    created_by_name: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
