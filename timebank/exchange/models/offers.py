"""What can be redeemed, and by whose members."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member

SERVICE, GOODS = "service", "goods"
LISTED, PAUSED, ENDED = "listed", "paused", "ended"
OFFER_STATUS_NAMES: Final = {LISTED: "可兑换", PAUSED: "暂停", ENDED: "已下架"}
KIND_NAMES: Final = {SERVICE: "服务", GOODS: "物品"}
SERVICE_CATEGORIES: Final = {
    "haircut": "理发",
    "repair": "家电维修",
    "electrical": "电工",
    "drain": "管道疏通",
    "car_wash": "洗车",
    "care": "陪护照料",
    "teaching": "教学辅导",
    "legal": "法律咨询",
    "medical": "健康医疗",
}
GOODS_CATEGORIES: Final = {"newspaper": "订报卡", "ticket": "演出门票", "daily": "日用品"}
CATEGORIES: Final = SERVICE_CATEGORIES | GOODS_CATEGORIES | {"other": "其他"}
OWN_BRANCH, CHOSEN, EVERYWHERE = "branch", "chosen", "all"
SHARED_NAMES: Final = {OWN_BRANCH: "本网点", CHOSEN: "选定的网点", EVERYWHERE: "所有网点"}


class Offer(Base):
    """A service of a member, or goods of the branch with stock. Price in minutes, never in money."""

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("kind IN ('service', 'goods')", name="kind"),
        CheckConstraint("status IN ('listed', 'paused', 'ended')", name="status"),
        CheckConstraint("price_minutes > 0", name="price_positive"),
        CheckConstraint("stock IS NULL OR stock >= 0", name="stock_not_negative"),
        CheckConstraint("(kind = 'goods') = (stock IS NOT NULL)", name="goods_have_stock"),
        CheckConstraint("(kind = 'service') = (provider_id IS NOT NULL)", name="services_have_provider"),
        CheckConstraint("shared_with IN ('branch', 'chosen', 'all')", name="shared_with"),
        Index("ix_offer_branch_id_status", "branch_id", "status"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    category: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(60))
    description: Mapped[str] = mapped_column(Text, default="")
    place: Mapped[str] = mapped_column(String(80), default="")
    price_minutes: Mapped[int]
    stock: Mapped[int | None]
    per_member_limit: Mapped[int | None]
    licence: Mapped[str] = mapped_column(String(120), default="")
    valid_until: Mapped[date | None]
    status: Mapped[str] = mapped_column(String(8), default=LISTED)
    shared_with: Mapped[str] = mapped_column(String(8), default=OWN_BRANCH, server_default=OWN_BRANCH)
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
    created_at: Mapped[datetime]

    branch: Mapped[Branch] = relationship()
    provider: Mapped[Member | None] = relationship()
    shares: Mapped[list[OfferShare]] = relationship(order_by="OfferShare.branch_id", viewonly=True)


class OfferShare(Base):
    """A branch that an offer is shared with, besides the offer's own: rows of offers shared with chosen ones alone."""

    __tablename__ = "offer_share"
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), primary_key=True, index=True)

    branch: Mapped[Branch] = relationship()
