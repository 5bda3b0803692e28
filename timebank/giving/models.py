"""Gifts between members, and grants from the fund as they were asked for and decided."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import Base
from timebank.members.models import Member

GIVEAWAY, COIN = "giveaway", "coin"
PURSES: Final = {GIVEAWAY: "可赠币", COIN: "可用的爱心币"}

ASKED, GRANTED, DECLINED, WITHDRAWN = "asked", "granted", "declined", "withdrawn"
GRANT_STATUS_NAMES: Final = {ASKED: "等第二人决定", GRANTED: "已发放", DECLINED: "没有同意", WITHDRAWN: "已撤回"}


class Gift(Base):
    """Coins that one member gave another; append-only. Its entry names it as the document."""

    __tablename__ = "gift"
    __table_args__ = (
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint("from_id <> to_id", name="to_another"),
        CheckConstraint("purse IN ('giveaway', 'coin')", name="purse"),
        Index("ix_gift_from_id_given_at", "from_id", "given_at"),
        Index("ix_gift_to_id_given_at", "to_id", "given_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    from_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    purse: Mapped[str] = mapped_column(String(8))
    minutes: Mapped[int]
    words: Mapped[str] = mapped_column(String(100), default="")
    given_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    giver: Mapped[Member] = relationship(foreign_keys=[from_id])
    receiver: Mapped[Member] = relationship(foreign_keys=[to_id])


class FundGrant(Base):
    """Coins from the fund for a member: asked for by one of the staff, decided by another; never changed after that."""

    __tablename__ = "fund_grant"
    __table_args__ = (
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("status IN ('asked', 'granted', 'declined', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'asked') = (decided_at IS NULL)", name="ended_once"),
        CheckConstraint("(decided_at IS NULL) = (decided_by_id IS NULL)", name="ended_by"),
        CheckConstraint("asked_by_id <> member_id", name="not_for_oneself"),
        CheckConstraint(
            "status NOT IN ('granted', 'declined') OR (decided_by_id <> asked_by_id AND decided_by_id <> member_id)",
            name="two_people",
        ),
        CheckConstraint("status <> 'withdrawn' OR decided_by_id = asked_by_id", name="withdrawn_by_asker"),
        CheckConstraint("status <> 'declined' OR note <> ''", name="declined_why"),
        Index("ix_fund_grant_branch_id_status", "branch_id", "status"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    minutes: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(10), default=ASKED)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    member: Mapped[Member] = relationship(foreign_keys=[member_id])
    asked_by: Mapped[Member] = relationship(foreign_keys=[asked_by_id])
    decided_by: Mapped[Member | None] = relationship(foreign_keys=[decided_by_id])
