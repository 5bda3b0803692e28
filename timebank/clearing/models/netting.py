"""Netting: a circle in which each owes the next, made smaller by what all of them owe at least."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import BIG, Base

NETTING_ASKED, NETTING_SETTLED, NETTING_DECLINED = "asked", "settled", "declined"
NETTING_STATUS_NAMES: Final = {NETTING_ASKED: "等各网点同意", NETTING_SETTLED: "已轧差", NETTING_DECLINED: "没有成"}


class Netting(Base):
    """So many minutes taken off every debt of a circle, once all branches in it have agreed."""

    __tablename__ = "netting"
    __table_args__ = (
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint("status IN ('asked', 'settled', 'declined')", name="status"),
        CheckConstraint("(status = 'asked') = (ended_at IS NULL)", name="ended_once"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    minutes: Mapped[int]
    status: Mapped[str] = mapped_column(String(10), default=NETTING_ASKED)
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    legs: Mapped[list[NettingLeg]] = relationship(order_by="NettingLeg.place", back_populates="netting")


class NettingLeg(Base):
    """One branch of the circle: it owes the branch at the next place. Its manager's yes, and its entry once settled."""

    __tablename__ = "netting_leg"
    __table_args__ = (
        UniqueConstraint("netting_id", "branch_id"),
        CheckConstraint("(agreed_by_id IS NULL) = (agreed_at IS NULL)", name="agreed_by"),
    )
    netting_id: Mapped[int] = mapped_column(ForeignKey("netting.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    agreed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    agreed_at: Mapped[datetime | None]
    entry_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)

    netting: Mapped[Netting] = relationship(back_populates="legs")
    branch: Mapped[Branch] = relationship()
