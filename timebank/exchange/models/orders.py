"""Who redeems what: one order, one hold, one voucher, one end."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import BIG, Base
from timebank.exchange.models.offers import GOODS, RESOURCE, Offer
from timebank.members.models import Member

REQUESTED, ACCEPTED, FULFILLED = "requested", "accepted", "fulfilled"
DECLINED, CANCELLED, EXPIRED = "declined", "cancelled", "expired"
ORDER_STATUS_NAMES: Final = {
    REQUESTED: "等待确认",
    ACCEPTED: "已约好",
    FULFILLED: "已完成",
    DECLINED: "对方没有接",
    CANCELLED: "已取消",
    EXPIRED: "已过期",
}
OPEN: Final = (REQUESTED, ACCEPTED)
UNDONE: Final = "undone"  # a fulfilled order whose coins were given back; a state people see, no state of the row
UNDONE_NAME: Final = "已退回"
UNDONE_IN_BOOKS: Final = "已冲正退回"  # the same for those who read the books
DISPUTED: Final = "disputed"  # a case about it is open: nothing can be done with it; likewise no state of the row
DISPUTED_NAME: Final = "有争议"
MEMBER_SIDE, PROVIDER_SIDE = "member", "provider"


_OWN_NAMES: Final = {
    GOODS: {ACCEPTED: "待领取", FULFILLED: "已领取"},
    RESOURCE: {ACCEPTED: "已订好", FULFILLED: "已使用"},
}


def status_name(status: str, kind: str) -> str:
    """What people call a state; goods are not agreed on but wait on the shelf, and hours of a room are booked."""
    own = _OWN_NAMES.get(kind, {})
    return own.get(status) or _SEEN.get(status) or ORDER_STATUS_NAMES[status]


_SEEN: Final = {UNDONE: UNDONE_NAME, DISPUTED: DISPUTED_NAME}


class Order(Base):
    """A 兑换单: one hold, one voucher code, one end."""

    __tablename__ = "exchange_order"
    __table_args__ = (
        CheckConstraint(f"status IN {tuple(ORDER_STATUS_NAMES)}", name="status"),
        CheckConstraint("quantity > 0 AND amount_minutes > 0", name="amount_positive"),
        CheckConstraint("(status = 'fulfilled') = (fulfilled_at IS NOT NULL)", name="fulfilled_at"),
        CheckConstraint(
            "fulfilled_minutes IS NULL OR "
            "(status = 'fulfilled' AND fulfilled_minutes > 0 AND fulfilled_minutes < amount_minutes)",
            name="part_of_minutes",
        ),
        CheckConstraint(
            "fulfilled_quantity IS NULL OR "
            "(fulfilled_minutes IS NOT NULL AND fulfilled_quantity > 0 AND fulfilled_quantity < quantity)",
            name="part_of_quantity",
        ),
        CheckConstraint("settled_at IS NULL OR disputed_at IS NOT NULL", name="settled_after_dispute"),
        CheckConstraint(
            "disputed_at IS NULL OR settled_at IS NOT NULL OR status IN ('accepted', 'fulfilled')",
            name="stays_while_disputed",
        ),
        Index("ix_exchange_order_offer_id_status", "offer_id", "status"),
        Index("uq_exchange_order_proposal_id", "proposal_id", unique=True),
        Index("ix_exchange_order_status_expires_at", "status", "expires_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    served_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)  # who of the team goes
    quantity: Mapped[int]
    amount_minutes: Mapped[int]
    wish: Mapped[str] = mapped_column(String(200), default="")
    hold_id: Mapped[int] = mapped_column(ForeignKey("hold.id"), unique=True)
    proposal_id: Mapped[int | None] = mapped_column(ForeignKey("proposal.id"))  # for another branch's offer
    voucher: Mapped[str] = mapped_column(String(16), unique=True)
    status: Mapped[str] = mapped_column(String(10), default=REQUESTED)
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    agreed_at: Mapped[datetime | None]  # the time the provider proposes for the service
    reply: Mapped[str] = mapped_column(String(200), default="")  # the provider's words on place and what to bring
    accepted_at: Mapped[datetime | None]
    fulfilled_at: Mapped[datetime | None]
    fulfilled_by_id: Mapped[int | None]
    desk_name: Mapped[str] = mapped_column(String(90), default="", server_default="")  # of a partner that took it
    entry_id: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None]
    end_reason: Mapped[str] = mapped_column(String(200), default="")
    latest_at: Mapped[datetime | None]  # when it dies whatever is agreed; None for old ones
    fulfilled_minutes: Mapped[int | None]  # what of the amount was taken, where that was less than all
    fulfilled_quantity: Mapped[int | None]  # likewise of goods
    part_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")
    disputed_at: Mapped[datetime | None]  # a case was opened; taken away with the case
    settled_at: Mapped[datetime | None]  # that case was decided

    branch: Mapped[Branch] = relationship()
    offer: Mapped[Offer] = relationship()
    member: Mapped[Member] = relationship(foreign_keys=[member_id])
    provider: Mapped[Member | None] = relationship(foreign_keys=[provider_id])
    served_by: Mapped[Member | None] = relationship(foreign_keys=[served_by_id])
    corrections: Mapped[list[OrderCorrection]] = relationship(order_by="OrderCorrection.id", viewonly=True)

    @property
    def serves_id(self) -> int | None:
        """Whose hour it is: whoever the team sends, else the provider; nobody's for goods and hours of a room."""
        return self.served_by_id or self.provider_id

    @property
    def booked_minutes(self) -> int:
        """What was taken of what was set aside; until then, all of it."""
        return self.amount_minutes if self.fulfilled_minutes is None else self.fulfilled_minutes

    @property
    def booked_quantity(self) -> int:
        """How many were handed out of those ordered; until then, all of them."""
        return self.quantity if self.fulfilled_quantity is None else self.fulfilled_quantity

    @property
    def in_dispute(self) -> bool:
        """Whether a case about it waits for its decision."""
        return self.disputed_at is not None and self.settled_at is None

    @property
    def amount_now(self) -> int:
        """What it costs with every correction since; nothing for one that was undone."""
        return self.booked_minutes + sum(one.amount_minutes for one in self.corrections)

    @property
    def undone(self) -> bool:
        """Fulfilled once, but all its coins were given back."""
        return self.amount_now == 0

    @property
    def entry_now_id(self) -> int | None:
        """The entry that stands for this order in the books; None when nothing does (any more)."""
        if self.undone:
            return None
        return self.corrections[-1].replacement_id if self.corrections else self.entry_id


class OrderProposal(Base):
    """A time that one side of an order proposed; append-only. The latest one stands."""

    __tablename__ = "order_proposal"
    __table_args__ = (CheckConstraint("side IN ('member', 'provider')", name="side"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("exchange_order.id"), index=True)
    side: Mapped[str] = mapped_column(String(8))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))  # staff may answer for a provider
    meet_at: Mapped[datetime]
    words: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime]
    form_key: Mapped[str | None] = mapped_column(String(80), unique=True)


class OrderCorrection(Base):
    """Coins of a fulfilled order that were given back, with the entries that did it; append-only, the order stays.

    ``corrects_id`` is the entry that was wrong, ``entry_id`` its reversal, ``replacement_id`` what took its place.
    """

    __tablename__ = "order_correction"
    __table_args__ = (
        CheckConstraint("amount_minutes < 0", name="gives_back"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("exchange_order.id"), index=True)
    amount_minutes: Mapped[int]
    corrects_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    entry_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    replacement_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]


class Rating(Base):
    """Once per side and order: one to five, and words."""

    __tablename__ = "rating"
    __table_args__ = (
        UniqueConstraint("order_id", "by_id"),
        CheckConstraint("score BETWEEN 1 AND 5", name="score"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("exchange_order.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    score: Mapped[int]
    words: Mapped[str] = mapped_column(String(300), default="")
    at: Mapped[datetime]
