"""Yearly agreements with organisations, what both sides promise in them, and what was done towards it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import Base
from timebank.members.models import Member, Organisation

DRAFT, PROPOSED, SIGNED, ENDED, DROPPED = "draft", "proposed", "signed", "ended", "dropped"
AGREEMENT_STATUS_NAMES: Final = {
    DRAFT: "起草中",
    PROPOSED: "等第二人确认",
    SIGNED: "已签订",
    ENDED: "已终止",
    DROPPED: "没有签",
}
BRANCH_SIDE, ORGANISATION_SIDE = "branch", "organisation"
SIDE_NAMES: Final = {BRANCH_SIDE: "网点承诺", ORGANISATION_SIDE: "单位承诺"}
PROMISE_CATEGORIES: Final = {
    "people": "志愿服务",
    "place": "场地设施",
    "goods": "物资",
    "skill": "专业服务",
    "event": "共办活动",
    "talk": "宣讲培训",
    "visit": "走访慰问",
    "other": "其他",
}
WRITTEN, ASKED, AGREED, DECLINED = "written", "asked", "agreed", "declined"


class Agreement(Base):
    """What a branch and an organisation agree on for a calendar year.

    ``draft`` may be changed, ``proposed`` was signed on paper and waits for a second person of the branch, ``signed``
    stands for good, ``ended`` stands and ended early, ``dropped`` never came to be.
    """

    __tablename__ = "agreement"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'proposed', 'signed', 'ended', 'dropped')", name="status"),
        CheckConstraint("year BETWEEN 2000 AND 2999", name="year"),
        CheckConstraint("(status IN ('signed', 'ended')) = (confirmed_at IS NOT NULL)", name="confirmed_once"),
        CheckConstraint("(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name="confirmed_by"),
        CheckConstraint("confirmed_by_id IS NULL OR confirmed_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint(
            "status IN ('draft', 'dropped') OR (signed_on IS NOT NULL AND proposed_by_id IS NOT NULL "
            "AND branch_signer <> '' AND organisation_signer <> '')",
            name="signed_by_both",
        ),
        CheckConstraint("(status IN ('ended', 'dropped')) = (ended_at IS NOT NULL)", name="ended_once"),
        CheckConstraint("ended_at IS NULL OR end_reason <> ''", name="ended_why"),
        Index(
            "uq_agreement_year",
            "organisation_id",
            "year",
            unique=True,
            sqlite_where=text("status <> 'dropped'"),
            postgresql_where=text("status <> 'dropped'"),
        ),
        Index("ix_agreement_branch_id_year", "branch_id", "year"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    year: Mapped[int]
    words: Mapped[str] = mapped_column(String(500), default="")
    status: Mapped[str] = mapped_column(String(8), default=DRAFT)
    drafted_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    drafted_at: Mapped[datetime]
    signed_on: Mapped[date | None]
    branch_signer: Mapped[str] = mapped_column(String(60), default="")
    organisation_signer: Mapped[str] = mapped_column(String(60), default="")
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    proposed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    confirmed_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    organisation: Mapped[Organisation] = relationship()
    drafted_by: Mapped[Member | None] = relationship(foreign_keys=[drafted_by_id])
    proposed_by: Mapped[Member | None] = relationship(foreign_keys=[proposed_by_id])
    confirmed_by: Mapped[Member | None] = relationship(foreign_keys=[confirmed_by_id])
    promises: Mapped[list[Promise]] = relationship(order_by="Promise.id", back_populates="agreement")


class Promise(Base):
    """What one side promises: so much of something until a day.

    ``written`` belongs to the agreement as it was drafted and signed. After that rows are only added: ``asked`` by one
    and ``agreed`` (or ``declined``) by another. With ``root_id`` such a row gives that promise new terms, and lets go
    of what is left of it where its quantity is zero; without, it is a promise more.
    """

    __tablename__ = "promise"
    __table_args__ = (
        CheckConstraint("side IN ('branch', 'organisation')", name="side"),
        CheckConstraint("status IN ('written', 'asked', 'agreed', 'declined')", name="status"),
        CheckConstraint("quantity > 0 OR (quantity = 0 AND root_id IS NOT NULL)", name="quantity"),
        CheckConstraint("status <> 'written' OR root_id IS NULL", name="written_is_root"),
        CheckConstraint("status = 'written' OR reason <> ''", name="added_why"),
        CheckConstraint("(status IN ('agreed', 'declined')) = (decided_at IS NOT NULL)", name="decided_once"),
        CheckConstraint("(decided_at IS NULL) = (decided_by_id IS NULL)", name="decided_by"),
        CheckConstraint("status <> 'agreed' OR decided_by_id <> asked_by_id", name="two_people"),
        Index("ix_promise_agreement_id", "agreement_id"),
        Index(
            "uq_promise_asked",
            "root_id",
            unique=True,
            sqlite_where=text("status = 'asked'"),
            postgresql_where=text("status = 'asked'"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    agreement_id: Mapped[int] = mapped_column(ForeignKey("agreement.id"))
    root_id: Mapped[int | None] = mapped_column(ForeignKey("promise.id"))
    side: Mapped[str] = mapped_column(String(12))
    category: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int]
    unit: Mapped[str] = mapped_column(String(8))
    due_on: Mapped[date]
    status: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(200), default="")
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    decided_at: Mapped[datetime | None]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    agreement: Mapped[Agreement] = relationship(back_populates="promises")
    asked_by: Mapped[Member | None] = relationship(foreign_keys=[asked_by_id])
    decided_by: Mapped[Member | None] = relationship(foreign_keys=[decided_by_id])


class PromiseDeed(Base):
    """What was done towards a promise (always its first row); append-only. Taking one back is a row that names it."""

    __tablename__ = "promise_deed"
    __table_args__ = (
        CheckConstraint(
            "(takes_back_id IS NULL AND quantity > 0) OR (takes_back_id IS NOT NULL AND quantity < 0)", name="quantity"
        ),
        CheckConstraint("words <> ''", name="has_words"),
        Index("ix_promise_deed_promise_id", "promise_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    promise_id: Mapped[int] = mapped_column(ForeignKey("promise.id"))
    takes_back_id: Mapped[int | None] = mapped_column(ForeignKey("promise_deed.id"), unique=True)
    done_on: Mapped[date]
    quantity: Mapped[int]
    words: Mapped[str] = mapped_column(String(200))
    activity_id: Mapped[int | None] = mapped_column(ForeignKey("activity.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("exchange_order.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    promise: Mapped[Promise] = relationship()
    by: Mapped[Member | None] = relationship()
