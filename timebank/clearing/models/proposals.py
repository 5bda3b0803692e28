"""Payments between branches and the messages about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.branches.models import Branch
from timebank.core.db import BIG, Base

RESERVED, ACCEPTED, COMMITTED, SETTLED = "reserved", "accepted", "committed", "settled"
CANCELLED, EXPIRED, REFUSED = "cancelled", "expired", "refused"
STATUSES: Final = (RESERVED, ACCEPTED, COMMITTED, SETTLED, CANCELLED, EXPIRED, REFUSED)
IN_FLIGHT: Final = (RESERVED, ACCEPTED, COMMITTED)


class Proposal(Base):
    """A payment from a member of one branch to somebody at another.

    ``reserved`` the payer's coins are set aside · ``accepted`` the creditor has reserved space on its line ·
    ``committed`` the payer's branch has paid · ``settled`` the creditor's branch has, too. ``uid`` is made once by the
    payer's branch and is the same on every message. ``plan`` is the creditor's own note of whom to pay, made before
    the payer's branch pays.

    ``amount_minutes`` and ``settled_minutes`` are the payer's own; the ``payee_`` ones what comes of them there, where
    ``payer_units`` minutes of the payer's branch are worth ``payee_units`` of the payee's: None where both are one.
    """

    __tablename__ = "proposal"
    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint("payer_id <> payee_id", name="two_branches"),
        CheckConstraint("amount_minutes > 0", name="amount_positive"),
        CheckConstraint("settled_minutes IS NULL OR settled_minutes > 0", name="settled_positive"),
        CheckConstraint("payer_units > 0 AND payee_units > 0", name="units_positive"),
        CheckConstraint("payee_minutes IS NULL OR payee_minutes > 0", name="payee_positive"),
        CheckConstraint("payer_units = payee_units OR payee_minutes IS NOT NULL", name="both_amounts"),
        CheckConstraint(
            "(status IN ('committed', 'settled')) = (payer_entry_id IS NOT NULL)", name="committed_has_entry"
        ),
        CheckConstraint("(status = 'settled') = (payee_entry_id IS NOT NULL)", name="settled_has_entry"),
        Index("ix_proposal_status_expires_at", "status", "expires_at"),
        Index("ix_proposal_payer_id_reserved_at", "payer_id", "reserved_at"),
        Index("ix_proposal_source", "source_type", "source_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(60), unique=True)
    payer_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    payee_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), index=True)
    amount_minutes: Mapped[int]
    settled_minutes: Mapped[int | None]
    payer_units: Mapped[int] = mapped_column(default=1, server_default="1")
    payee_units: Mapped[int] = mapped_column(default=1, server_default="1")
    payee_minutes: Mapped[int | None]
    payee_settled_minutes: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(10))
    source_type: Mapped[str] = mapped_column(String(24))
    source_id: Mapped[int | None]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("proposal.id"), unique=True)
    payer_hold_id: Mapped[int | None] = mapped_column(ForeignKey("hold.id"), unique=True)
    line_hold_id: Mapped[int | None] = mapped_column(ForeignKey("hold.id"), unique=True)
    payer_entry_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    payee_entry_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reserved_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    committed_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    payer: Mapped[Branch] = relationship(foreign_keys=[payer_id])
    payee: Mapped[Branch] = relationship(foreign_keys=[payee_id])


class ClearingMessage(Base):
    """The outbox: what a branch told another about a proposal, as it was sent; append-only.

    Only what was committed has a ``number`` (gapless for each direction) and the hash of the one before.
    """

    __tablename__ = "clearing_message"
    __table_args__ = (
        UniqueConstraint("uid", "step"),
        UniqueConstraint("from_id", "to_id", "number"),
        CheckConstraint("(step = 'committed') = (number IS NOT NULL)", name="numbered"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(60))
    step: Mapped[str] = mapped_column(String(10))
    from_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    number: Mapped[int | None]
    previous_hash: Mapped[str | None] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime]


class ClearingReceipt(Base):
    """The inbox: what came from another branch and what was answered; the same message again has the same answer.

    ``signed`` proves that it came from there: key, nonce, time and signature over the hash, in canonical JSON.
    """

    __tablename__ = "clearing_receipt"
    __table_args__ = (
        UniqueConstraint("from_id", "uid", "step"),
        Index("ix_clearing_receipt_from_id_to_id_number", "from_id", "to_id", "number"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    from_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    uid: Mapped[str] = mapped_column(String(60))
    step: Mapped[str] = mapped_column(String(10))
    number: Mapped[int | None]
    hash: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(String(20))
    received_at: Mapped[datetime]
    signed: Mapped[str | None] = mapped_column(String(400))  # None: from before messages were signed
