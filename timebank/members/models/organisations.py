"""Tables of 单位: the organisations of the neighbourhood, and which of the members are their people."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Area, Branch
from timebank.core.db import Base
from timebank.members.models.people import Member

ORGANISATION_KINDS: Final = {
    "office": "机关",
    "institution": "事业单位",
    "company": "企业",
    "school": "学校",
    "hospital": "医院",
    "shop": "商户",
    "society": "社会组织",
    "other": "其他",
}
CONTACT, ORGANISATION_STAFF = "contact", "staff"
ORGANISATION_ROLES: Final = {CONTACT: "联系人", ORGANISATION_STAFF: "职工"}


class Organisation(Base):
    """A 驻区单位 that belongs to a branch. It is never deleted: its agreements and its people's hours name it."""

    __tablename__ = "organisation"
    __table_args__ = (
        UniqueConstraint("branch_id", "name"),
        UniqueConstraint("branch_id", "credit_code"),
        CheckConstraint("(closed_at IS NULL) = (closed_reason = '')", name="closed_why"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    name: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(16))
    credit_code: Mapped[str | None] = mapped_column(String(18))  # 统一社会信用代码; small groups have none
    contact_name: Mapped[str] = mapped_column(String(60), default="")
    contact_phone_sealed: Mapped[str | None] = mapped_column(Text)
    area_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"))
    address: Mapped[str] = mapped_column(String(120), default="")
    words: Mapped[str] = mapped_column(String(300), default="")  # who they are, for everybody to read
    joined_at: Mapped[datetime]
    registered_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    closed_at: Mapped[datetime | None]
    closed_reason: Mapped[str] = mapped_column(String(100), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    branch: Mapped[Branch] = relationship()
    area: Mapped[Area | None] = relationship()
    people: Mapped[list[OrganisationMember]] = relationship(back_populates="organisation")


class OrganisationMember(Base):
    """A member who belongs to an organisation from ``joined_at`` until ``left_at``; to one at a time."""

    __tablename__ = "organisation_member"
    __table_args__ = (
        CheckConstraint("role IN ('contact', 'staff')", name="role"),
        CheckConstraint("left_at IS NULL OR left_at >= joined_at", name="left_after"),
        Index(
            "uq_organisation_member_open",
            "member_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
        Index("ix_organisation_member_organisation_id", "organisation_id"),
        Index("ix_organisation_member_member_id", "member_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    role: Mapped[str] = mapped_column(String(8))
    joined_at: Mapped[datetime]
    joined_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    left_at: Mapped[datetime | None]
    left_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))

    organisation: Mapped[Organisation] = relationship(back_populates="people")
    member: Mapped[Member] = relationship(foreign_keys=[member_id])


class OrganisationAccess(Base):
    """Who looked at the whole phone number of an organisation's contact, and why. Rows are only ever added."""

    __tablename__ = "organisation_access"
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    seen_by_id: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]
