"""What members look for."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.exchange.models.offers import Offer
from timebank.members.models import Member


class Need(Base):
    """A wish to be found by offers, until its last day or until its owner takes it back; no order and no request."""

    __tablename__ = "need"
    __table_args__ = (
        CheckConstraint("words <> ''", name="has_words"),
        Index("ix_need_branch_id_until", "branch_id", "until"),
        Index("ix_need_category", "category"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    category: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(String(60))
    until: Mapped[date]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    branch: Mapped[Branch] = relationship()
    member: Mapped[Member] = relationship()


class NeedMatch(Base):
    """A need and an offer of which somebody was told; so a pair is told once."""

    __tablename__ = "need_match"
    need_id: Mapped[int] = mapped_column(ForeignKey("need.id"), primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), primary_key=True, index=True)
    at: Mapped[datetime]

    need: Mapped[Need] = relationship()
    offer: Mapped[Offer] = relationship()
