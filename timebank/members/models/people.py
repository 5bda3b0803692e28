"""Tables of people. Sealed columns hold AES-GCM text, index columns a keyed fingerprint for equality look-ups."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import Base

PENDING: Final = "pending"  # 待审核
ACTIVE: Final = "active"  # 正常
DECLINED: Final = "declined"  # 未通过
SUSPENDED: Final = "suspended"  # 停用
STATUSES: Final = (PENDING, ACTIVE, DECLINED, SUSPENDED)
STATUS_NAMES: Final = dict(zip(STATUSES, ("待审核", "正常", "未通过", "已停用"), strict=True))

SELF, STAFF, IMPORT = "self", "staff", "import"
UNVERIFIED, DOCUMENT_SEEN = "unverified", "document_seen"
SEXES: Final = {"f": "女", "m": "男"}


class Member(Base):
    """A person the bank knows: volunteer, recipient of help, staff. Accounts are opened on approval."""

    __tablename__ = "member"
    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("(status <> 'active') OR (coin_account_id IS NOT NULL)", name="active_has_accounts"),
        Index("ix_member_branch_id_status", "branch_id", "status"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    area_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"))
    name: Mapped[str] = mapped_column(String(60), index=True)
    alias: Mapped[str] = mapped_column(String(60))  # what others see: 张阿姨, 小李
    sex: Mapped[str | None] = mapped_column(String(1))
    born_on: Mapped[date | None]
    phone_sealed: Mapped[str | None] = mapped_column(Text)
    phone_index: Mapped[str | None] = mapped_column(String(64), index=True)
    phone_tail: Mapped[str | None] = mapped_column(String(4), index=True)
    id_number_sealed: Mapped[str | None] = mapped_column(Text)
    id_number_index: Mapped[str | None] = mapped_column(String(64), unique=True)
    identity_state: Mapped[str] = mapped_column(String(16), default=UNVERIFIED)
    guardian_sealed: Mapped[str | None] = mapped_column(Text)  # who answers for somebody under 14
    skills: Mapped[str] = mapped_column(String(200), default="")
    free_times: Mapped[str] = mapped_column(String(200), default="")
    status: Mapped[str] = mapped_column(String(12), default=PENDING)
    status_reason: Mapped[str] = mapped_column(String(200), default="")
    registered_by: Mapped[str] = mapped_column(String(8))
    registered_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)
    coin_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    point_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    giveaway_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # opened when first needed

    branch: Mapped[Branch] = relationship()


class Credential(Base):
    """How a member signs in: an argon2 hash, or a one-time PIN set by staff. ``session_mark`` changes sign out all."""

    __tablename__ = "credential"
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    pin_hash: Mapped[str | None] = mapped_column(String(200))
    pin_expires_at: Mapped[datetime | None]
    session_mark: Mapped[str] = mapped_column(String(16))
    changed_at: Mapped[datetime]


class SignInAttempt(Base):
    """A failed sign-in, counted per identifier and address (both as keyed fingerprints)."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index("ix_sign_in_attempt_who_index", "who_index", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    who_index: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class Consent(Base):
    """Which text a member agreed to, when, and through whom (PIPL art. 14; MCA Order 67 art. 6)."""

    __tablename__ = "consent"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    text_version: Mapped[str] = mapped_column(String(24))
    given_at: Mapped[datetime]
    recorded_by_id: Mapped[int | None]
    withdrawn_at: Mapped[datetime | None]


def _open_once(place: str, *columns: str, where: str) -> Index:
    condition = text(f"ended_at IS NULL AND {where}")
    return Index(
        f"uq_role_grant_open_{place}",
        "member_id",
        "role",
        *columns,
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )


class MemberAccess(Base):
    """Who looked at which sealed field of whom, and why. Rows are only ever added."""

    __tablename__ = "member_access"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    seen_by_id: Mapped[int | None]
    field: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]


class RoleGrant(Base):
    """A role given to a member for a branch or for an area (all branches in it); everywhere when both are empty."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint("branch_id IS NULL OR area_id IS NULL", name="one_place"),
        # A person holds a role once per place; three indexes, because NULLs never collide in one.
        _open_once("branch", "branch_id", where="branch_id IS NOT NULL"),
        _open_once("area", "area_id", where="area_id IS NOT NULL"),
        _open_once("everywhere", where="branch_id IS NULL AND area_id IS NULL"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"))
    area_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"))
    granted_at: Mapped[datetime]
    granted_by_id: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None]


class Team(Base):
    """A 服务队 of a branch."""

    __tablename__ = "team"
    __table_args__ = (UniqueConstraint("branch_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20), default="")
    created_at: Mapped[datetime]

    members: Mapped[list[TeamMembership]] = relationship(back_populates="team")


class TeamMembership(Base):
    """Who belongs to a team, and who leads it."""

    __tablename__ = "team_membership"
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)
    is_leader: Mapped[bool] = mapped_column(default=False)
    joined_at: Mapped[datetime]

    team: Mapped[Team] = relationship(back_populates="members")
    member: Mapped[Member] = relationship()


class Card(Base):
    """A 成长卡: its serial is in the personal code; revoking it makes every copy of that code worthless."""

    __tablename__ = "card"
    __table_args__ = (
        Index(
            "uq_card_valid",
            "member_id",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    serial: Mapped[str] = mapped_column(String(16), unique=True)
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(120))

    member: Mapped[Member] = relationship()


class RosterImport(Base):
    """A spreadsheet of people: previewed first (rows sealed), then imported whole, once per branch and file."""

    __tablename__ = "roster_import"
    __table_args__ = (
        UniqueConstraint("branch_id", "file_hash"),
        CheckConstraint("(imported_at IS NULL) = (imported_count IS NULL)", name="imported_count"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    file_name: Mapped[str] = mapped_column(String(120))
    file_hash: Mapped[str] = mapped_column(String(64))
    rows_sealed: Mapped[str] = mapped_column(Text)
    row_count: Mapped[int]
    uploaded_at: Mapped[datetime]
    uploaded_by_id: Mapped[int | None]
    imported_at: Mapped[datetime | None]
    imported_by_id: Mapped[int | None]
    imported_count: Mapped[int | None]


class Qualification(Base):
    """A document that staff have seen: who may do what the law or good sense reserves, and until when."""

    __tablename__ = "qualification"
    __table_args__ = (CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)", name="withdrawn_by"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    valid_until: Mapped[date | None]  # its last day; empty where the document names none
    note: Mapped[str] = mapped_column(String(100), default="")
    seen_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    seen_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)


FAMILY, GUARDIAN_OF = "family", "guardian"
FAMILY_KIND_NAMES: Final = {FAMILY: "家人", GUARDIAN_OF: "监护人"}


class FamilyLink(Base):
    """Two people of one family, who may sign each other up; or ``member`` is the guardian of ``relative``.

    Asked for by one and confirmed by the other, or made by staff for people who cannot do it themselves.
    """

    __tablename__ = "family_link"
    __table_args__ = (
        CheckConstraint("member_id <> relative_id", name="two_people"),
        CheckConstraint("kind IN ('family', 'guardian')", name="kind"),
        CheckConstraint("(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name="confirmed_by"),
        CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", name="ended_by"),
        Index(
            "uq_family_link_open",
            "member_id",
            "relative_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    relative_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))

    member: Mapped[Member] = relationship(foreign_keys=[member_id])
    relative: Mapped[Member] = relationship(foreign_keys=[relative_id])
