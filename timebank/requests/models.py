"""Requests and wishes, what became of them step by step, who was asked, who looked, and what both sides say."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.activities.models import Shift
from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member

REQUEST, WISH = "request", "wish"
KIND_NAMES: Final = {REQUEST: "需求", WISH: "微心愿"}
CATEGORIES: Final = {
    "visit": "探访陪聊",
    "accompany": "陪同就医",
    "errand": "代买代办",
    "meal": "助餐送餐",
    "clean": "打扫整理",
    "care": "陪护照料",
    "repair": "家里小修",
    "haircut": "理发",
    "digital": "手机电脑",
    "teaching": "辅导功课",
    "comfort": "心理关怀",
    "other": "其他",
}
PARTS_OF_DAY: Final = {"any": "都可以", "morning": "上午", "afternoon": "下午", "evening": "晚上"}
OWN, FUND, NONE = "own", "fund", "none"
SOURCE_NAMES: Final = {OWN: "用服务对象的爱心币", FUND: "由爱心基金出", NONE: "不用币"}
HEARD_NAMES: Final = {"self": "自己在网上点的", "phone": "电话里说的", "paper": "纸上写的", "visit": "上门走访得知"}
ASKED, OPEN, CLAIMED, DONE = "asked", "open", "claimed", "done"
WITHDRAWN, DECLINED, EXPIRED = "withdrawn", "declined", "expired"
STATUS_NAMES: Final = {
    ASKED: "等网点受理",
    OPEN: "等人接单",
    CLAIMED: "已接单",
    DONE: "已完成",
    WITHDRAWN: "已撤回",
    DECLINED: "没有受理",
    EXPIRED: "到期没人接",
}
UNSERVED: Final = (WITHDRAWN, DECLINED, EXPIRED)
SERVED, VOLUNTEER = "served", "volunteer"  # the two sides of a rating
YES, NO = "yes", "no"


class HelpRequest(Base):
    """What somebody needs, as it was asked for; ``place_sealed`` is where, and what only who goes there has to know.

    ``coordinator`` took it up at the branch · ``to_all``: everybody of the branch may take it, not only who was asked ·
    ``shift`` is the service that was agreed on with ``volunteer``.
    """

    __tablename__ = "help_request"
    __table_args__ = (
        CheckConstraint("kind IN ('request', 'wish')", name="kind"),
        CheckConstraint("source IN ('own', 'fund', 'none')", name="source"),
        CheckConstraint(
            "status IN ('asked', 'open', 'claimed', 'done', 'withdrawn', 'declined', 'expired')", name="status"
        ),
        CheckConstraint("minutes > 0 OR (minutes = 0 AND kind = 'wish')", name="minutes"),
        CheckConstraint("kind = 'request' OR source = 'none'", name="wishes_cost_nothing"),
        CheckConstraint("NOT confidential OR (source <> 'own' AND NOT to_all)", name="confidential"),
        CheckConstraint("last_day >= first_day", name="days"),
        CheckConstraint("(status IN ('claimed', 'done')) = (volunteer_id IS NOT NULL)", name="claimed_by"),
        CheckConstraint("volunteer_id <> recipient_id", name="not_for_oneself"),
        CheckConstraint("status = 'asked' OR coordinator_id IS NOT NULL OR ended_at IS NOT NULL", name="coordinated"),
        CheckConstraint(
            "source <> 'fund' OR (coordinator_id <> asked_by_id AND coordinator_id <> recipient_id)", name="two_people"
        ),
        CheckConstraint("source <> 'fund' OR volunteer_id <> asked_by_id", name="not_paid_by_own_word"),
        CheckConstraint("source <> 'none' OR hold_id IS NULL", name="nothing_held"),
        CheckConstraint(
            "source = 'none' OR status NOT IN ('open', 'claimed', 'done') OR hold_id IS NOT NULL", name="held"
        ),
        CheckConstraint(
            "(status IN ('done', 'withdrawn', 'declined', 'expired')) = (ended_at IS NOT NULL)", name="ended"
        ),
        CheckConstraint("status <> 'declined' OR end_reason <> ''", name="declined_why"),
        Index("ix_help_request_branch_id_status", "branch_id", "status", "last_day"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    kind: Mapped[str] = mapped_column(String(8))
    category: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(40))
    words: Mapped[str] = mapped_column(String(300), default="")
    place_sealed: Mapped[str | None] = mapped_column(Text)
    first_day: Mapped[date]
    last_day: Mapped[date]
    part_of_day: Mapped[str] = mapped_column(String(10), default="any")
    minutes: Mapped[int]
    source: Mapped[str] = mapped_column(String(8))
    confidential: Mapped[bool] = mapped_column(default=False, server_default=false())
    heard: Mapped[str] = mapped_column(String(8), default="self")
    recipient_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    asked_at: Mapped[datetime]
    consented: Mapped[bool] = mapped_column(default=False, server_default=false())  # the recipient, to use their coins
    status: Mapped[str] = mapped_column(String(10), default=ASKED)
    coordinator_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    to_all: Mapped[bool] = mapped_column(default=False, server_default=false())
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("hold.id"), unique=True)
    volunteer_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    shift_id: Mapped[int | None] = mapped_column(ForeignKey("shift.id"), unique=True)
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    end_reason: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    branch: Mapped[Branch] = relationship()
    recipient: Mapped[Member] = relationship(foreign_keys=[recipient_id])
    asked_by: Mapped[Member] = relationship(foreign_keys=[asked_by_id])
    coordinator: Mapped[Member | None] = relationship(foreign_keys=[coordinator_id])
    volunteer: Mapped[Member | None] = relationship(foreign_keys=[volunteer_id])
    shift: Mapped[Shift | None] = relationship()

    @property
    def pseudonym(self) -> str:
        """What stands for a confidential recipient; a new one for each request, so that nobody counts them together."""
        return f"服务对象 {self.id}"


class HelpStep(Base):
    """One step of a request: what happened, through whom, with which words; append-only."""

    __tablename__ = "help_step"
    __table_args__ = (Index("ix_help_step_request_id", "request_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("help_request.id"))
    what: Mapped[str] = mapped_column(String(12))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    to_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))  # whom it was about: asked, or handed over to
    at: Mapped[datetime]
    words: Mapped[str] = mapped_column(String(200), default="")

    by: Mapped[Member | None] = relationship(foreign_keys=[by_id])
    to: Mapped[Member | None] = relationship(foreign_keys=[to_id])


class HelpInvitation(Base):
    """A volunteer whom the branch asked for a request, once, and what they said."""

    __tablename__ = "help_invitation"
    __table_args__ = (
        UniqueConstraint("request_id", "member_id"),
        CheckConstraint("answer IN ('', 'yes', 'no')", name="answer"),
        CheckConstraint("(answer = '') = (answered_at IS NULL)", name="answered"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("help_request.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(String(4), default="")
    answered_at: Mapped[datetime | None]

    member: Mapped[Member] = relationship(foreign_keys=[member_id])


class HelpLook(Base):
    """Who looked at whom somebody is served, and where; append-only."""

    __tablename__ = "help_look"
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("help_request.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]

    by: Mapped[Member] = relationship()


class HelpRating(Base):
    """What one side says of the other, once; ``by`` typed it, perhaps for somebody who told them; append-only."""

    __tablename__ = "help_rating"
    __table_args__ = (
        UniqueConstraint("request_id", "side"),
        CheckConstraint("side IN ('served', 'volunteer')", name="side"),
        CheckConstraint("score BETWEEN 1 AND 5", name="score"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("help_request.id"))
    side: Mapped[str] = mapped_column(String(10))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    score: Mapped[int]
    words: Mapped[str] = mapped_column(String(300), default="")
    at: Mapped[datetime]
