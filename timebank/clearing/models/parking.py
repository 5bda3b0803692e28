"""Coins between branches that found no taker: where they wait, and what was decided about them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.clearing.models.pairs import BranchPair, ClearingCase
from timebank.core.db import BIG, Base
from timebank.members.models import Member

PARKED_IN, PARKED_OUT = "inbound", "outbound"
TO_DUE, TO_MEMBER, TO_FUND, BACK = "due", "member", "fund", "back"
WAY_NAMES: Final = {
    TO_DUE: "存给原来的账户",
    TO_MEMBER: "存给另一个会员号",
    TO_FUND: "转入爱心基金",
    BACK: "退回对方网点",
}
MOVE_ASKED, MOVE_DONE, MOVE_DECLINED, MOVE_WITHDRAWN = "asked", "done", "declined", "withdrawn"
MOVE_STATUS_NAMES: Final = {
    MOVE_ASKED: "等另一位管理员同意",
    MOVE_DONE: "办好了",
    MOVE_DECLINED: "没有同意",
    MOVE_WITHDRAWN: "撤回了",
}
_ALIVE: Final = "status IN ('asked', 'done')"


class ParkedPayment(Base):
    """An amount on one of a branch's accounts for coins without a taker, until it is paid to somebody or sent back.

    ``inbound`` the other branch paid, whom it was for can hold nothing now · ``outbound`` it came back, whoever had
    paid can hold nothing now. ``due_id`` is the account it was for.
    """

    __tablename__ = "parked_payment"
    __table_args__ = (
        CheckConstraint("direction IN ('inbound', 'outbound')", name="direction"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint("how IS NULL OR how IN ('due', 'member', 'fund', 'back')", name="how"),
        CheckConstraint("(how IS NULL) = (ended_at IS NULL)", name="ended_once"),
        CheckConstraint("how <> 'back' OR direction = 'inbound'", name="only_inbound_goes_back"),
        CheckConstraint("(ended_at IS NULL) = (ended_entry_id IS NULL)", name="ended_by_entry"),
        Index("ix_parked_payment_branch_id_ended_at", "branch_id", "ended_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    direction: Mapped[str] = mapped_column(String(8))
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"))
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("clearing_case.id"), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    due_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    minutes: Mapped[int]
    entry_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    parked_at: Mapped[datetime]
    how: Mapped[str | None] = mapped_column(String(8))
    ended_at: Mapped[datetime | None]
    ended_entry_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)

    pair: Mapped[BranchPair] = relationship()
    case: Mapped[ClearingCase] = relationship()


class ParkedMove(Base):
    """What somebody wants to be done with it; a second person agrees where it goes elsewhere than planned."""

    __tablename__ = "parked_move"
    __table_args__ = (
        CheckConstraint("how IN ('due', 'member', 'fund')", name="how"),
        CheckConstraint("(how = 'member') = (member_id IS NOT NULL)", name="to_member"),
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("status IN ('asked', 'done', 'declined', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'asked') = (decided_at IS NULL)", name="decided_once"),
        CheckConstraint(
            "status <> 'done' OR how = 'due' OR (decided_by_id IS NOT NULL AND decided_by_id <> asked_by_id)",
            name="four_eyes",
        ),
        CheckConstraint("status <> 'declined' OR note <> ''", name="declined_why"),
        Index(
            "uq_parked_move_alive", "parked_id", unique=True, sqlite_where=text(_ALIVE), postgresql_where=text(_ALIVE)
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    parked_id: Mapped[int] = mapped_column(ForeignKey("parked_payment.id"))
    how: Mapped[str] = mapped_column(String(8))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    reason: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(10))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    parked: Mapped[ParkedPayment] = relationship()
    member: Mapped[Member | None] = relationship(foreign_keys=[member_id])
