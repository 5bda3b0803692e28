"""Activities, their shifts, and sign-ups."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member, Team

DRAFT, PUBLISHED, CANCELLED = "draft", "published", "cancelled"
ACTIVITY_STATUS_NAMES: Final = {DRAFT: "草稿", PUBLISHED: "报名中", CANCELLED: "已取消"}
CONFIRMED, WAITING, LEFT = "confirmed", "waiting", "left"
SIGN_UP_STATUS_NAMES: Final = {CONFIRMED: "已报名", WAITING: "候补中", LEFT: "已退出"}
RISKS: Final = {"low": "低", "medium": "中", "high": "高"}
CATEGORIES: Final = {
    "elderly": "助老陪伴",
    "environment": "环境清洁",
    "safety": "平安巡逻",
    "health": "健康医护",
    "teaching": "助学辅导",
    "culture": "文化文体",
    "repair": "便民维修",
    "traffic": "文明交通",
    "other": "其他",
}
ACTUAL, PLANNED, WHOLE = "actual", "planned", "whole"
JUDGED_BY_NAMES: Final = {ACTUAL: "按实际", PLANNED: "按计划", WHOLE: "整班"}


class Activity(Base):
    """What is done, where, by whom it is led, and how attendance at it is judged."""

    __tablename__ = "activity"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'published', 'cancelled')", name="status"),
        CheckConstraint("(status = 'cancelled') = (cancel_reason <> '')", name="cancelled_has_reason"),
        CheckConstraint("judged_by IN ('actual', 'planned', 'whole')", name="judged_by"),
        CheckConstraint("late_grace_minutes BETWEEN 0 AND 60", name="late_grace"),
        CheckConstraint("overtime_limit_minutes BETWEEN 0 AND 240", name="overtime_limit"),
        CheckConstraint("break_after_minutes >= 0", name="break_after"),
        CheckConstraint("lowest_share BETWEEN 0 AND 100", name="lowest_share"),
        CheckConstraint(
            "(spot_latitude IS NULL AND spot_longitude IS NULL) OR "
            "(spot_latitude BETWEEN -90000000 AND 90000000 AND spot_longitude BETWEEN -180000000 AND 180000000)",
            name="spot",
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    organiser_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    title: Mapped[str] = mapped_column(String(60))
    category: Mapped[str] = mapped_column(String(16))
    content: Mapped[str] = mapped_column(Text)
    place: Mapped[str] = mapped_column(String(80))
    contact_name: Mapped[str] = mapped_column(String(30))
    contact_phone: Mapped[str] = mapped_column(String(30))
    bring: Mapped[str] = mapped_column(String(200), default="")
    requirements: Mapped[str] = mapped_column(String(200), default="")
    risk: Mapped[str] = mapped_column(String(8))
    risk_text: Mapped[str] = mapped_column(String(300), default="")
    insurance_policy: Mapped[str] = mapped_column(String(60), default="")
    walk_ins: Mapped[bool] = mapped_column(default=True)
    judged_by: Mapped[str] = mapped_column(String(8), default=ACTUAL)
    rounding_minutes: Mapped[int] = mapped_column(default=1)
    late_grace_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    early_counts: Mapped[bool] = mapped_column(default=False, server_default=false())
    overtime_limit_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    break_after_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    rounds_to_nearest: Mapped[bool] = mapped_column(default=False, server_default=false())
    lowest_share: Mapped[int] = mapped_column(default=0, server_default="0")
    spot_latitude: Mapped[int | None]  # where it is held, in millionths of a degree
    spot_longitude: Mapped[int | None]
    group_activity: Mapped[bool] = mapped_column(default=False, server_default=false())
    status: Mapped[str] = mapped_column(String(12), default=DRAFT)
    cancel_reason: Mapped[str] = mapped_column(String(200), default="")
    backdated_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")  # entered afterwards: why
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]

    branch: Mapped[Branch] = relationship()
    organiser: Mapped[Member] = relationship()
    team: Mapped[Team | None] = relationship()
    shifts: Mapped[list[Shift]] = relationship(order_by="Shift.starts_at", back_populates="activity")


class Shift(Base):
    """One stretch of time of an activity. ``taken`` counts confirmed sign-ups and never passes ``capacity``."""

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        CheckConstraint("taken >= 0 AND taken <= capacity", name="taken_within_capacity"),
        CheckConstraint("break_minutes >= 0", name="break_not_negative"),
        Index("ix_shift_starts_at", "starts_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    place: Mapped[str] = mapped_column(String(80), default="")  # where it differs from the activity's
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)
    break_minutes: Mapped[int] = mapped_column(default=0)
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str] = mapped_column(String(200), default="")

    activity: Mapped[Activity] = relationship(back_populates="shifts")

    @property
    def where(self) -> str:
        """Where to go: the shift's own place, else the activity's."""
        return self.place or self.activity.place

    @property
    def free(self) -> int:
        """Places that nobody has taken."""
        return self.capacity - self.taken


class SignUp(Base):
    """One member on one shift: confirmed, waiting (in order of ``queued_at``) or left with a reason."""

    __tablename__ = "sign_up"
    __table_args__ = (
        UniqueConstraint("shift_id", "member_id"),
        CheckConstraint("status IN ('confirmed', 'waiting', 'left')", name="status"),
        Index("ix_sign_up_shift_id_status", "shift_id", "status", "queued_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    status: Mapped[str] = mapped_column(String(12))
    queued_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    leave_reason: Mapped[str] = mapped_column(String(200), default="")
    signed_by_id: Mapped[int | None]  # staff who signed somebody up by proxy

    shift: Mapped[Shift] = relationship()
    member: Mapped[Member] = relationship()


class ActivityChange(Base):
    """What was changed on a published activity, by whom: visible to those who signed up before."""

    __tablename__ = "activity_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"), index=True)
    actor_id: Mapped[int | None]
    at: Mapped[datetime]
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)
