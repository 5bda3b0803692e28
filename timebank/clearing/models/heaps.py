"""What each side says of a pair every night, and what does not agree, item by item."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.clearing.models.pairs import BranchPair, ClearingCase
from timebank.core.db import Base

SETTLED_NAMES: Final = {
    "agreed": "两边的账对上了",
    "answered": "有了答复",
    "changed": "变成了另一项",
    "words": "两边都说明过",
}


class PairSummary(Base):
    """What one side said of its own book, outbox and inbox in a night; append-only.

    Another look in the same night that says the same is the first one.
    """

    __tablename__ = "pair_summary"
    __table_args__ = (UniqueConstraint("pair_id", "branch_id", "night", "hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    night: Mapped[str] = mapped_column(String(10))
    content: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    drawn_at: Mapped[datetime]


class PairItem(Base):
    """One thing on which two branches do not agree, in one of four heaps, until it is settled.

    Minutes above zero are what the low branch came to owe; None: that side knows nothing of it. ``owner_id`` is the
    branch that has to act, ``taken_by_id`` the manager who took it. What is in the books of one side alone, or with
    another amount, belongs to a case; what is open too long does not.
    """

    __tablename__ = "pair_item"
    __table_args__ = (
        CheckConstraint("heap IN ('only_low', 'only_high', 'differs', 'open_long')", name="heap"),
        CheckConstraint("settled_how IN ('agreed', 'answered', 'changed', 'words')", name="settled_how"),
        CheckConstraint("(settled_at IS NULL) = (settled_how IS NULL)", name="settled_once"),
        CheckConstraint("(taken_by_id IS NULL) = (taken_at IS NULL)", name="taken_by"),
        CheckConstraint("heap = 'open_long' OR case_id IS NOT NULL", name="in_a_case"),
        Index("uq_pair_item_open", "pair_id", "uid", unique=True, sqlite_where=text("settled_at IS NULL"),
              postgresql_where=text("settled_at IS NULL")),
        Index("ix_pair_item_owner_id", "owner_id", "settled_at"),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"), index=True)
    heap: Mapped[str] = mapped_column(String(10))
    uid: Mapped[str] = mapped_column(String(80))
    low_minutes: Mapped[int | None]
    high_minutes: Mapped[int | None]
    owner_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("clearing_case.id"), index=True)
    first_seen_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    taken_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    taken_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    settled_how: Mapped[str | None] = mapped_column(String(10))
    note: Mapped[str] = mapped_column(String(200), default="")

    pair: Mapped[BranchPair] = relationship()
    owner: Mapped[Branch] = relationship(foreign_keys=[owner_id])
    case: Mapped[ClearingCase | None] = relationship()
