"""Activities, their shifts, and sign-ups."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member, Team

DRAFT, PUBLISHED, CANCELLED = "draft", "published", "cancelled"
ACTIVITY_STATUS_NAMES: Final = {DRAFT: "草稿", PUBLISHED: "报名中", CANCELLED: "已取消"}
CONFIRMED, WAITING, OFFERED, LEFT = "confirmed", "waiting", "offered", "left"
SIGN_UP_STATUS_NAMES: Final = {CONFIRMED: "已报名", WAITING: "候补中", OFFERED: "轮到，等答复", LEFT: "已退出"}
BY_SELF, BY_OTHERS, DECLINED, LAPSED = "self", "others", "declined", "lapsed"  # how somebody left
LEFT_HOW_NAMES: Final = {
    BY_SELF: "自己退出",
    BY_OTHERS: "由别人代退",
    DECLINED: "轮到后不要",
    LAPSED: "轮到后没有答复",
}
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
    "legal": "法律咨询",
    "medical": "医疗义诊",
    "electrical": "电工维修",
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
        CheckConstraint("min_age IS NULL OR min_age BETWEEN 1 AND 120", name="min_age"),
        CheckConstraint("max_age IS NULL OR max_age BETWEEN 1 AND 120", name="max_age"),
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
    min_age: Mapped[int | None]
    max_age: Mapped[int | None]
    needed_skills: Mapped[str] = mapped_column(String(120), default="", server_default="")  # codes, with commas between
    needed_papers: Mapped[str] = mapped_column(String(120), default="", server_default="")
    special: Mapped[str] = mapped_column(String(60), default="", server_default="")
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
    for_request: Mapped[bool] = mapped_column(default=False, server_default=false())  # one volunteer's, in no list
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
    """One stretch of time of an activity. ``taken`` counts places given and offered, and never passes ``capacity``."""

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        CheckConstraint("taken >= 0 AND taken <= capacity", name="taken_within_capacity"),
        CheckConstraint("break_minutes >= 0", name="break_not_negative"),
        Index("ix_shift_starts_at", "starts_at"),
        Index("uq_shift_paid_hold_id", "paid_hold_id", unique=True),
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
    paid_hold_id: Mapped[int | None] = mapped_column(ForeignKey("hold.id"))  # coins set aside that pay it

    activity: Mapped[Activity] = relationship(back_populates="shifts")

    @property
    def where(self) -> str:
        """Where to go: the shift's own place, else the activity's."""
        return self.place or self.activity.place

    @property
    def free(self) -> int:
        """Places that nobody has taken."""
        return self.capacity - self.taken


class SignUpParty(Base):
    """Several people on one shift whom one person signed up together: they get places together, or wait together."""

    __tablename__ = "sign_up_party"
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    signed_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
    created_at: Mapped[datetime]


class SignUp(Base):
    """One member on one shift: confirmed, waiting (in order of ``queued_at``), offered a place until, or left.

    An offered place is taken, so that nobody else gets it meanwhile. ``passed`` counts how often smaller parties went
    before; ``late`` says that a place was given back shortly before the shift.
    """

    __tablename__ = "sign_up"
    __table_args__ = (
        UniqueConstraint("shift_id", "member_id"),
        CheckConstraint("status IN ('confirmed', 'waiting', 'offered', 'left')", name="status"),
        CheckConstraint("(status = 'offered') = (offered_until IS NOT NULL)", name="offered_has_deadline"),
        CheckConstraint("(status = 'left') = (left_at IS NOT NULL)", name="left_has_time"),
        Index("ix_sign_up_shift_id_status", "shift_id", "status", "queued_at"),
        Index(
            "ix_sign_up_offered_until",
            "offered_until",
            sqlite_where=text("offered_until IS NOT NULL"),
            postgresql_where=text("offered_until IS NOT NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    status: Mapped[str] = mapped_column(String(12))
    queued_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    offered_until: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    left_how: Mapped[str] = mapped_column(String(10), default="", server_default="")
    leave_reason: Mapped[str] = mapped_column(String(200), default="")
    late: Mapped[bool] = mapped_column(default=False, server_default=false())
    signed_by_id: Mapped[int | None]  # who signed somebody else up
    party_id: Mapped[int | None] = mapped_column(ForeignKey("sign_up_party.id"), index=True)
    passed: Mapped[int] = mapped_column(default=0, server_default="0")
    risk_read_at: Mapped[datetime | None]  # when the risks of a dangerous activity were read and confirmed

    shift: Mapped[Shift] = relationship()
    member: Mapped[Member] = relationship()
    party: Mapped[SignUpParty | None] = relationship()


class ActivityChange(Base):
    """What was changed on a published activity, by whom: visible to those who signed up before."""

    __tablename__ = "activity_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"), index=True)
    actor_id: Mapped[int | None]
    at: Mapped[datetime]
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)


class SignUpOverride(Base):
    """What staff knew and let pass when they signed somebody up, with their reason; rows are only added."""

    __tablename__ = "sign_up_override"
    __table_args__ = (CheckConstraint("reason <> ''", name="has_reason"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    code: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]


class SignUpRule(Base):
    """A branch's limits for signing up, leaving and no-shows; the newest row holds, rows are only added."""

    __tablename__ = "sign_up_rule"
    __table_args__ = (
        CheckConstraint("offer_hours BETWEEN 1 AND 168", name="offer_hours"),
        CheckConstraint("late_hours BETWEEN 0 AND 168", name="late_hours"),
        CheckConstraint("no_shows BETWEEN 1 AND 20", name="no_shows"),
        CheckConstraint("no_show_days BETWEEN 1 AND 366", name="no_show_days"),
        CheckConstraint("popular_percent BETWEEN 1 AND 100", name="popular_percent"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    offer_hours: Mapped[int]
    late_hours: Mapped[int]
    no_shows: Mapped[int]
    no_show_days: Mapped[int]
    popular_percent: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    created_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    created_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)


ABSENT, EXCUSED = "absent", "excused"
NO_SHOW_NAMES: Final = {ABSENT: "缺席", EXCUSED: "请假"}


class NoShow(Base):
    """Somebody who had a place and did not come, as a person marked it. It counts once the shift's list is approved.

    ``lifted`` takes it out of the count again, with who, when and why; the mark itself stays.
    """

    __tablename__ = "no_show"
    __table_args__ = (
        UniqueConstraint("shift_id", "member_id"),
        CheckConstraint("kind IN ('absent', 'excused')", name="kind"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by_id IS NULL)", name="lifted_by"),
        CheckConstraint("lifted_at IS NULL OR lift_reason <> ''", name="lifted_has_reason"),
        CheckConstraint("marked_by_id <> member_id", name="not_by_oneself"),
        CheckConstraint("lifted_by_id IS NULL OR lifted_by_id <> member_id", name="not_lifted_by_oneself"),
        Index("ix_no_show_member_id_happened_at", "member_id", "happened_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    happened_at: Mapped[datetime]  # when the shift began
    kind: Mapped[str] = mapped_column(String(8))
    marked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    marked_at: Mapped[datetime]
    counted_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    lift_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")

    shift: Mapped[Shift] = relationship()
    member: Mapped[Member] = relationship(foreign_keys=[member_id])
    appeals: Mapped[list[NoShowAppeal]] = relationship(order_by="NoShowAppeal.id", back_populates="no_show")


class NoShowAppeal(Base):
    """A member says that a mark is wrong; somebody with no hand in it decides, with a reason."""

    __tablename__ = "no_show_appeal"
    __table_args__ = (
        CheckConstraint("words <> ''", name="has_words"),
        CheckConstraint("(decided_at IS NULL) = (decided_by_id IS NULL)", name="decided_by"),
        CheckConstraint("(decided_at IS NULL) = (agreed IS NULL)", name="decided_how"),
        CheckConstraint("decided_at IS NULL OR reason <> ''", name="decided_has_reason"),
        CheckConstraint(
            "decided_by_id IS NULL OR (decided_by_id <> member_id AND decided_by_id <> marked_by_id)", name="uninvolved"
        ),
        Index(
            "uq_no_show_appeal_open",
            "no_show_id",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    no_show_id: Mapped[int] = mapped_column(ForeignKey("no_show.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    marked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))  # as the mark stood when it was appealed
    words: Mapped[str] = mapped_column(String(300))
    asked_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    agreed: Mapped[bool | None]
    reason: Mapped[str] = mapped_column(String(200), default="", server_default="")

    no_show: Mapped[NoShow] = relationship(back_populates="appeals")


ACCOUNT, PAPER = "account", "paper"


class GuardianConsent(Base):
    """A guardian agrees that a minor takes part: in one activity, or (``activity_id`` empty) in all that are safe.

    Given by the guardian's own account, or on paper that staff have seen.
    """

    __tablename__ = "guardian_consent"
    __table_args__ = (
        CheckConstraint("how IN ('account', 'paper')", name="how"),
        CheckConstraint("(how = 'account') = (guardian_id IS NOT NULL)", name="account_has_guardian"),
        CheckConstraint("(how = 'paper') = (seen_by_id IS NOT NULL)", name="paper_was_seen"),
        CheckConstraint("guardian_name <> ''", name="has_name"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    activity_id: Mapped[int | None] = mapped_column(ForeignKey("activity.id"))
    how: Mapped[str] = mapped_column(String(8))
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    guardian_name: Mapped[str] = mapped_column(String(60))
    seen_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    activity: Mapped[Activity | None] = relationship()
