"""Certificates with the entries they list, their withdrawals, seal images, and how often each was looked at."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import BIG, Base
from timebank.members.models import Member

VALID, WITHDRAWN = "valid", "withdrawn"
STATUS_NAMES: Final = {VALID: "有效", WITHDRAWN: "已撤回"}
BY_CORRECTION, BY_DECISION = "correction", "decision"  # what a certificate was withdrawn for
WAITING, DONE, DECLINED, TAKEN_BACK = "waiting", "done", "declined", "taken_back"
WITHDRAWAL_NAMES: Final = {WAITING: "等第二人决定", DONE: "已撤回", DECLINED: "没有同意", TAKEN_BACK: "不撤了"}
_IN_USE: Final = text("ended_at IS NULL")
_WAITS: Final = text("status = 'waiting'")


class CertificateSeal(Base):
    """A picture of a branch's stamp, sealed like other photos; ended when another one, or none, takes its place."""

    __tablename__ = "certificate_seal"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_by_id IS NULL)", name="ended_by"),
        Index("uq_certificate_seal_in_use", "branch_id", unique=True, sqlite_where=_IN_USE, postgresql_where=_IN_USE),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    digest: Mapped[str] = mapped_column(String(64))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))


class Certificate(Base):
    """What was certified: frozen when it is issued, then at most withdrawn.

    ``content`` is canonical JSON of all that is no secret; name and document stand in ``person_sealed``. ``hash`` is
    over both, ``signature`` over the hash. ``branch_id`` recorded the service; the entries may stand in other books.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint("status IN ('valid', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_at"),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_reason <> '')", name="withdrawn_has_reason"),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_for IS NOT NULL)", name="withdrawn_for"),
        CheckConstraint("(withdrawn_for IS NULL) = (withdrawn_for_id IS NULL)", name="withdrawn_for_what"),
        CheckConstraint("withdrawn_for IN ('correction', 'decision')", name="withdrawn_kinds"),
        CheckConstraint("replaces_id <> id", name="replaces_another"),
        Index("ix_certificate_branch_id_issued_at", "branch_id", "issued_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    minutes: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    person_sealed: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    signature: Mapped[str] = mapped_column(String(128))
    public_key: Mapped[str] = mapped_column(String(64))
    seal_id: Mapped[int | None] = mapped_column(ForeignKey("certificate_seal.id"))
    issued_at: Mapped[datetime]
    issued_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))  # the person, or who did it for them
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("certificate.id"), unique=True)
    status: Mapped[str] = mapped_column(String(10), default=VALID)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str] = mapped_column(String(200), default="")
    withdrawn_for: Mapped[str | None] = mapped_column(String(12))
    withdrawn_for_id: Mapped[int | None]  # the correction, or the CertificateWithdrawal
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    member: Mapped[Member] = relationship(foreign_keys=[member_id])
    issued_by: Mapped[Member] = relationship(foreign_keys=[issued_by_id])
    branch: Mapped[Branch] = relationship()

    @property
    def by_proxy(self) -> bool:
        """Whether somebody else issued it for the person."""
        return self.issued_by_id != self.member_id


class CertificateEntry(Base):
    """An entry that a certificate lists, with the minutes it stood for; append-only."""

    __tablename__ = "certificate_entry"
    __table_args__ = (CheckConstraint("minutes > 0", name="minutes_positive"),)
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), primary_key=True, index=True)
    attendance_id: Mapped[int] = mapped_column(ForeignKey("attendance.id"))
    minutes: Mapped[int]


class CertificateWithdrawal(Base):
    """Somebody of the staff asks to withdraw a certificate, for a reason; a second person decides. Ends once."""

    __tablename__ = "certificate_withdrawal"
    __table_args__ = (
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("status IN ('waiting', 'done', 'declined', 'taken_back')", name="status"),
        CheckConstraint("(status = 'waiting') = (decided_at IS NULL)", name="decided_once"),
        CheckConstraint("(status IN ('done', 'declined')) = (decided_by_id IS NOT NULL)", name="decided_by"),
        CheckConstraint("decided_by_id <> asked_by_id", name="four_eyes"),
        CheckConstraint("status <> 'declined' OR note <> ''", name="declined_why"),
        Index(
            "uq_certificate_withdrawal_waiting",
            "certificate_id",
            unique=True,
            sqlite_where=_WAITS,
            postgresql_where=_WAITS,
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    reason: Mapped[str] = mapped_column(String(200))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(10), default=WAITING)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    certificate: Mapped[Certificate] = relationship()
    asked_by: Mapped[Member] = relationship(foreign_keys=[asked_by_id])
    decided_by: Mapped[Member | None] = relationship(foreign_keys=[decided_by_id])


class CertificateLook(Base):
    """How often a certificate was looked at in public on a day. Nothing about who looked."""

    __tablename__ = "certificate_look"
    __table_args__ = (CheckConstraint("looks > 0", name="looks_positive"),)
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    looks: Mapped[int]
