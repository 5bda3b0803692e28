"""Two branches that redeem at each other: the pair, what was decided about it, its statements and its cases."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base

ASKED, OPEN, FROZEN, DECLINED, CLOSED = "asked", "open", "frozen", "declined", "closed"
PAIR_STATUS_NAMES: Final = {
    ASKED: "等对方同意",
    OPEN: "已互通",
    FROZEN: "已暂停",
    DECLINED: "对方没有同意",
    CLOSED: "已解除",
}
EVENT_NAMES: Final = {
    "asked": "申请互通",
    "opened": "同意互通",
    "joined": "开办时与上级网点互通",
    "declined": "没有同意互通",
    "frozen": "暂停",
    "resumed": "恢复",
    "closed": "解除互通",
    "line": "调整额度",
    "ceiling": "调整上限",
    "keyed": "换签名密钥",
}
CASE_NAMES: Final = {
    "difference": "两边的账不相等",
    "tampered": "消息与第一次收到的不一样",
    "out_of_chain": "消息的编号或链条接不上",
    "stuck": "有一张清算单在月底只办到一半，两边记在了不同的月份",
    "unpaid": "对方已付，收款人的账户不能用，暂挂在待处理账户",
}


class BranchPair(Base):
    """Two branches, the one with the smaller id first, each with its clearing account towards the other."""

    __tablename__ = "branch_pair"
    __table_args__ = (
        UniqueConstraint("low_id", "high_id"),
        CheckConstraint("low_id < high_id", name="ordered"),
        CheckConstraint("status IN ('asked', 'open', 'frozen', 'declined', 'closed')", name="status"),
        CheckConstraint(
            "status NOT IN ('open', 'frozen') OR (low_account_id IS NOT NULL AND high_account_id IS NOT NULL)",
            name="open_has_accounts",
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    low_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    high_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    status: Mapped[str] = mapped_column(String(10))
    asked_for_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))  # the branch whose manager asked
    asked_minutes: Mapped[int]  # the line that branch offers the other
    low_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), unique=True)
    high_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), unique=True)
    changed_at: Mapped[datetime]

    low: Mapped[Branch] = relationship(foreign_keys=[low_id])
    high: Mapped[Branch] = relationship(foreign_keys=[high_id])

    def other_of(self, branch_id: int) -> int:
        """The other branch's id."""
        return self.high_id if branch_id == self.low_id else self.low_id

    def peer_of(self, branch_id: int) -> Branch:
        """The other branch."""
        return self.high if branch_id == self.low_id else self.low

    def account_of(self, branch_id: int) -> int:
        """The clearing account in a branch's book, towards the other; 0 before the pair was ever open."""
        return (self.low_account_id if branch_id == self.low_id else self.high_account_id) or 0


class PairEvent(Base):
    """What was decided about a pair, by whom, for which side; append-only."""

    __tablename__ = "pair_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"), index=True)
    what: Mapped[str] = mapped_column(String(10))
    branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"))  # None: both, by the system
    by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    words: Mapped[str] = mapped_column(String(200), default="")
    minutes: Mapped[int | None]
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(120), unique=True)


class CeilingDecision(Base):
    """How many minutes a branch's members may spend outside in a month, at one branch or (without one) in all.

    Append-only, the last counts; without ``minutes`` there is no ceiling.
    """

    __tablename__ = "ceiling_decision"
    __table_args__ = (
        CheckConstraint("minutes IS NULL OR minutes >= 0", name="not_negative"),
        Index("ix_ceiling_decision_branch_id_peer_id", "branch_id", "peer_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    peer_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"))
    minutes: Mapped[int | None]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(120), unique=True)


class PairStatement(Base):
    """A month between two branches as both books tell it; the content is the same for both sides. Append-only."""

    __tablename__ = "pair_statement"
    __table_args__ = (UniqueConstraint("pair_id", "month"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"))
    month: Mapped[str] = mapped_column(String(7))
    content: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str | None] = mapped_column(String(64))
    sealed_at: Mapped[datetime]

    pair: Mapped[BranchPair] = relationship()


class ClearingCase(Base):
    """Something between two branches that does not agree; it is settled when both sides have said so."""

    __tablename__ = "clearing_case"
    __table_args__ = (
        CheckConstraint("kind IN ('difference', 'tampered', 'out_of_chain', 'unpaid', 'stuck')", name="kind"),
        CheckConstraint(
            "(settled_at IS NULL) = (low_by_id IS NULL OR high_by_id IS NULL) OR "
            "(kind = 'unpaid' AND (low_by_id IS NOT NULL OR high_by_id IS NOT NULL))",  # the one where it waits decides
            name="settled_by_both_sides",
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"), index=True)
    kind: Mapped[str] = mapped_column(String(14))
    facts: Mapped[str] = mapped_column(String(400))
    opened_at: Mapped[datetime]
    low_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    low_words: Mapped[str] = mapped_column(String(200), default="")
    high_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    high_words: Mapped[str] = mapped_column(String(200), default="")
    settled_at: Mapped[datetime | None]
    key: Mapped[str] = mapped_column(String(120), unique=True)

    pair: Mapped[BranchPair] = relationship()
