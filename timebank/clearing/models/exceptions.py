"""A month that is sealed although something is open: what both sides sign, and their signatures."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.clearing.models.pairs import BranchPair
from timebank.core.db import Base


class PairException(Base):
    """What would be sealed of a month as things stood: both books' versions, the open cases, the heaps; append-only.

    Where something changes before both have signed, that is another exception.
    """

    __tablename__ = "pair_exception"
    __table_args__ = (UniqueConstraint("pair_id", "month", "hash"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"))
    month: Mapped[str] = mapped_column(String(7))
    content: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    drawn_at: Mapped[datetime]

    pair: Mapped[BranchPair] = relationship()


class PairSignature(Base):
    """A manager of one side signs an exception: who, why, when, and the Ed25519 signature; append-only.

    One for each side, never both by one person.
    """

    __tablename__ = "pair_signature"
    __table_args__ = (
        UniqueConstraint("exception_id", "branch_id"),
        UniqueConstraint("exception_id", "by_id"),
        CheckConstraint("words <> ''", name="has_words"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    exception_id: Mapped[int] = mapped_column(ForeignKey("pair_exception.id"))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    words: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))
    public_key: Mapped[str] = mapped_column(String(64))
    signed_at: Mapped[datetime]
