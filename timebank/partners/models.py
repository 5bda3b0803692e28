"""Desks of organisations, and which voucher was taken at which."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member, Organisation


class PartnerDesk(Base):
    """One device of an organisation that takes vouchers until it expires or is closed; nobody is signed in on it.

    Its link makes one browser the desk, once (``claimed_at``), until ``link_until``.
    """

    __tablename__ = "partner_desk"
    __table_args__ = (
        CheckConstraint("expires_at > opened_at AND link_until > opened_at", name="ends_later"),
        CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL)", name="closed_by"),
        CheckConstraint("name <> ''", name="has_name"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(20))
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    opened_at: Mapped[datetime]
    link_until: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    branch: Mapped[Branch] = relationship()
    organisation: Mapped[Organisation] = relationship()
    opened_by: Mapped[Member] = relationship(foreign_keys=opened_by_id)

    @property
    def title(self) -> str:
        """``北仑大剧院 东门``."""
        return f"{self.organisation.name} {self.name}"


class DeskUse(Base):
    """A voucher that a desk took. Append-only."""

    __tablename__ = "desk_use"
    id: Mapped[int] = mapped_column(primary_key=True)
    desk_id: Mapped[int] = mapped_column(ForeignKey("partner_desk.id"), index=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("exchange_order.id"), unique=True)
    at: Mapped[datetime]
