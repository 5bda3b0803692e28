"""What a branch's messages to another are signed with, and which of them were seen. Private parts are never stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import Base

_IN_USE = text("accepted_until IS NULL")


class PairKey(Base):
    """One generation of the key that a branch signs with in one pair: its public part, which the other branch keeps.

    The private part is derived from the instance's secret, the pair, the branch and the generation. ``accepted_until``
    NULL: in use; what is signed with it is refused from that time on. An end, once said, only comes nearer.
    """

    __tablename__ = "pair_key"
    __table_args__ = (
        UniqueConstraint("pair_id", "branch_id", "generation"),
        CheckConstraint("generation > 0", name="generation_positive"),
        CheckConstraint("length(public) = 64 AND length(fingerprint) = 32", name="whole"),
        CheckConstraint("accepted_until IS NULL OR accepted_until >= from_at", name="ends_after_it_begins"),
        # A branch signs with one key at a time.
        Index(
            "uq_pair_key_in_use", "pair_id", "branch_id", unique=True, sqlite_where=_IN_USE, postgresql_where=_IN_USE
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("branch_pair.id"))
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    generation: Mapped[int]
    public: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(32), unique=True)
    from_at: Mapped[datetime]
    accepted_until: Mapped[datetime | None]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))  # None: by the system


class ClearingNonce(Base):
    """What a signed message was marked with, so that the mark never stands for another content.

    A row may go when its message would be refused for its age anyway.
    """

    __tablename__ = "clearing_nonce"
    from_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(32), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime] = mapped_column(index=True)
