"""How long each kind is kept, what may not be touched now, and what was destroyed by whom."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.activities.models import Activity
from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member

PROPOSED, PREPARED, SIGNED, DONE, DROPPED = "proposed", "prepared", "signed", "done", "dropped"
STATE_NAMES: Final = {
    PROPOSED: "到期，等列清单",
    PREPARED: "等第二人签字",
    SIGNED: "正在销毁",
    DONE: "已销毁",
    DROPPED: "已作废",
}
DESTROYED, SPARED = "destroyed", "spared"
KINDS: Final = ("sheet_photos", "scan_evidence", "unread_scans", "notices", "sheet_looks", "member_looks")
_KNOWN: Final = f"kind IN {KINDS}"


class RetentionTerm(Base):
    """From a day on, a kind is kept so many months; of two rows of one day the later counts. Append-only."""

    __tablename__ = "retention_term"
    __table_args__ = (
        CheckConstraint(_KNOWN, name="kind"),
        CheckConstraint("months BETWEEN 6 AND 1200", name="months"),
        CheckConstraint("kind NOT IN ('sheet_looks', 'member_looks') OR months >= 36", name="looks_long_enough"),
        CheckConstraint("reason <> ''", name="has_reason"),
        Index("ix_retention_term_kind", "kind", "valid_from"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    months: Mapped[int]
    valid_from: Mapped[date]
    reason: Mapped[str] = mapped_column(String(200))
    created_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    created_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    created_by: Mapped[Member] = relationship()


class LegalHold(Base):
    """Nothing of this activity is destroyed until the hold is lifted."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by_id IS NULL)", name="lifted_by"),
        CheckConstraint("lifted_at IS NULL OR lifted_why <> ''", name="lifted_why"),
        Index(
            "uq_legal_hold_open",
            "activity_id",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"))
    reason: Mapped[str] = mapped_column(String(200))
    placed_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    placed_at: Mapped[datetime]
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    lifted_at: Mapped[datetime | None]
    lifted_why: Mapped[str] = mapped_column(String(200), default="")

    activity: Mapped[Activity] = relationship()
    placed_by: Mapped[Member] = relationship(foreign_keys=[placed_by_id])
    lifted_by: Mapped[Member | None] = relationship(foreign_keys=[lifted_by_id])


class Disposal(Base):
    """A list of what is to be destroyed: proposed by the machine, prepared by one person, signed and done by another.

    ``list_hash`` is the SHA-256 over the items as they were prepared; the second person signs that.
    """

    __tablename__ = "disposal"
    __table_args__ = (
        UniqueConstraint("branch_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("state IN ('proposed', 'prepared', 'signed', 'done', 'dropped')", name="state"),
        CheckConstraint("(prepared_at IS NULL) = (prepared_by_id IS NULL)", name="prepared_by"),
        CheckConstraint("(state = 'proposed') = (prepared_at IS NULL)", name="prepared_once"),
        CheckConstraint("prepared_at IS NULL OR (list_hash <> '' AND words <> '')", name="prepared_what"),
        CheckConstraint("(signed_at IS NULL) = (signed_by_id IS NULL)", name="signed_by"),
        CheckConstraint("(state IN ('signed', 'done')) = (signed_at IS NOT NULL)", name="signed_once"),
        CheckConstraint("signed_by_id IS NULL OR signed_by_id <> prepared_by_id", name="two_people"),
        CheckConstraint("(state = 'dropped') = (dropped_at IS NOT NULL)", name="dropped_once"),
        CheckConstraint("dropped_at IS NULL OR (dropped_by_id IS NOT NULL AND dropped_why <> '')", name="dropped_why"),
        CheckConstraint("destroyed >= 0 AND spared >= 0", name="counts_not_negative"),
        Index(
            "uq_disposal_proposed",
            "branch_id",
            unique=True,
            sqlite_where=text("state = 'proposed'"),
            postgresql_where=text("state = 'proposed'"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default=PROPOSED)
    proposed_at: Mapped[datetime]
    list_hash: Mapped[str] = mapped_column(String(64), default="")
    words: Mapped[str] = mapped_column(String(200), default="")
    prepared_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    prepared_at: Mapped[datetime | None]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    signed_at: Mapped[datetime | None]
    destroyed: Mapped[int] = mapped_column(default=0)
    spared: Mapped[int] = mapped_column(default=0)
    dropped_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    dropped_at: Mapped[datetime | None]
    dropped_why: Mapped[str] = mapped_column(String(200), default="")

    branch: Mapped[Branch] = relationship()
    prepared_by: Mapped[Member | None] = relationship(foreign_keys=[prepared_by_id])
    signed_by: Mapped[Member | None] = relationship(foreign_keys=[signed_by_id])


class DisposalItem(Base):
    """One record of a list: which, what it was, from when, its hash where it had one; and what became of it."""

    __tablename__ = "disposal_item"
    __table_args__ = (
        CheckConstraint(_KNOWN, name="kind"),
        CheckConstraint("result IN ('', 'destroyed', 'spared')", name="result"),
        CheckConstraint("(result = 'spared') = (why <> '')", name="spared_why"),
        Index("ix_disposal_item_kind", "kind", "row_id"),
    )
    disposal_id: Mapped[int] = mapped_column(ForeignKey("disposal.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    about: Mapped[str] = mapped_column(String(120), default="")
    digest: Mapped[str] = mapped_column(String(64), default="")
    dated: Mapped[datetime]
    result: Mapped[str] = mapped_column(String(10), default="")
    why: Mapped[str] = mapped_column(String(60), default="")
