"""What can be redeemed, and by whose members."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Area, Branch
from timebank.core.db import Base
from timebank.members.models import Member, Organisation, Team

SERVICE, GOODS, RESOURCE = "service", "goods", "resource"
LISTED, PAUSED, ENDED = "listed", "paused", "ended"
OFFER_STATUS_NAMES: Final = {LISTED: "可兑换", PAUSED: "暂停", ENDED: "已下架"}
KIND_NAMES: Final = {SERVICE: "服务", GOODS: "物品", RESOURCE: "场地设备"}
UNITS: Final = {SERVICE: "次", GOODS: "份", RESOURCE: "小时"}
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
RESOURCE_CATEGORIES: Final = {"room": "场地", "equipment": "设备工具", "vehicle": "车辆"}
CATEGORIES: Final = SERVICE_CATEGORIES | GOODS_CATEGORIES | RESOURCE_CATEGORIES | {"other": "其他"}
OWN_BRANCH, CHOSEN, EVERYWHERE = "branch", "chosen", "all"
SHARED_NAMES: Final = {OWN_BRANCH: "本网点", CHOSEN: "选定的网点", EVERYWHERE: "所有网点"}


class Offer(Base):
    """A service, goods with stock, or a resource with a calendar. Price in minutes, never in money.

    It is given by one of four: a member (``provider``), a team, whose leader answers, an organisation, or the branch.
    ``words`` is what a search looks at.
    """

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("kind IN ('service', 'goods', 'resource')", name="kind"),
        CheckConstraint("status IN ('listed', 'paused', 'ended')", name="status"),
        CheckConstraint("price_minutes > 0", name="price_positive"),
        CheckConstraint("stock IS NULL OR stock >= 0", name="stock_not_negative"),
        CheckConstraint("(kind = 'goods') = (stock IS NOT NULL)", name="goods_have_stock"),
        CheckConstraint("kind = 'service' OR (provider_id IS NULL AND team_id IS NULL)", name="people_give_services"),
        CheckConstraint(
            "(provider_id IS NULL OR (team_id IS NULL AND organisation_id IS NULL))"
            " AND (team_id IS NULL OR organisation_id IS NULL)",
            name="one_gives",
        ),
        CheckConstraint("(kind = 'resource') = (capacity IS NOT NULL)", name="resources_have_capacity"),
        CheckConstraint("capacity IS NULL OR capacity > 0", name="capacity_positive"),
        CheckConstraint("use_by IS NULL OR kind = 'goods'", name="goods_are_used_by"),
        CheckConstraint("answer_days IS NULL OR answer_days BETWEEN 1 AND 30", name="answer_days"),
        CheckConstraint("serve_days IS NULL OR serve_days BETWEEN 1 AND 90", name="serve_days"),
        CheckConstraint("shared_with IN ('branch', 'chosen', 'all')", name="shared_with"),
        Index("ix_offer_branch_id_status", "branch_id", "status"),
        Index("ix_offer_home_id", "home_id"),
        Index("ix_offer_category", "category"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    category: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(60))
    description: Mapped[str] = mapped_column(Text, default="")
    place: Mapped[str] = mapped_column(String(80), default="")
    price_minutes: Mapped[int]
    stock: Mapped[int | None]
    per_member_limit: Mapped[int | None]
    use_by: Mapped[date | None]  # goods: the last day on which a voucher counts
    capacity: Mapped[int | None]  # a resource: how many may book the same hour
    hours: Mapped[str] = mapped_column(String(200), default="", server_default="")  # see rules.hours
    area_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"))  # the area served; none: the whole branch
    licence: Mapped[str] = mapped_column(String(120), default="")
    valid_until: Mapped[date | None]
    status: Mapped[str] = mapped_column(String(8), default=LISTED)
    shared_with: Mapped[str] = mapped_column(String(8), default=OWN_BRANCH, server_default=OWN_BRANCH)
    home_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"))  # the area served, or that of the branch
    words: Mapped[str] = mapped_column(Text, default="", server_default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
    created_at: Mapped[datetime]
    answer_days: Mapped[int | None]  # how long a request waits for an answer; None: as everywhere
    serve_days: Mapped[int | None]  # how long what was agreed waits to be done, or goods to be fetched
    posted_by_id: Mapped[int | None]  # who put it on the list; not known of old ones

    branch: Mapped[Branch] = relationship()
    area: Mapped[Area | None] = relationship(foreign_keys=[area_id])
    provider: Mapped[Member | None] = relationship()
    team: Mapped[Team | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    shares: Mapped[list[OfferShare]] = relationship(order_by="OfferShare.branch_id", viewonly=True)

    @property
    def answers(self) -> Member | None:
        """Who says yes and is asked for a time: the member, or the team's leader now; otherwise the branch does."""
        if self.team is None:
            return self.provider
        return next((one.member for one in self.team.members if one.is_leader), None)

    @property
    def given_by(self) -> str:
        """What neighbours call whoever gives it."""
        if self.provider is not None:
            return self.provider.alias
        return (self.team or self.organisation or self.branch).name


class OfferShare(Base):
    """A branch that an offer is shared with, besides the offer's own: rows of offers shared with chosen ones alone."""

    __tablename__ = "offer_share"
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), primary_key=True, index=True)

    branch: Mapped[Branch] = relationship()
