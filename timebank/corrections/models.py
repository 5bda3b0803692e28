"""Corrections as they were asked for and decided, and the requests of members that may lead to them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import BIG, Base
from timebank.members.models import Member

WHOLE, AMOUNT = "whole", "amount"
KIND_NAMES: Final = {WHOLE: "整笔冲正", AMOUNT: "更正数量"}
WAITING, DONE, DECLINED, WITHDRAWN = "waiting", "done", "declined", "withdrawn"
STATUS_NAMES: Final = {WAITING: "等第二人决定", DONE: "已更正", DECLINED: "没有同意", WITHDRAWN: "已撤回"}

OPEN, CORRECTED = "open", "corrected"
REQUEST_NAMES: Final = {OPEN: "等待核对", CORRECTED: "已更正", DECLINED: "核对无误"}

ALIVE: Final = "status IN ('waiting', 'done')"


class Correction(Base):
    """One entry to be set right: asked for by one person, decided by a second where it takes two.

    Begins as ``waiting`` and ends once; ``new_minutes`` is the right amount where the entry is not undone altogether.
    """

    __tablename__ = "correction"
    __table_args__ = (
        ForeignKeyConstraint(["entry_id", "branch_id"], ["entry.id", "entry.book_id"], name="fk_correction_own_book"),
        CheckConstraint("kind IN ('whole', 'amount')", name="kind"),
        CheckConstraint("(kind = 'amount') = (new_minutes IS NOT NULL)", name="new_amount"),
        CheckConstraint("new_minutes > 0", name="new_amount_positive"),
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("status IN ('waiting', 'done', 'declined', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'waiting') = (decided_at IS NULL)", name="ended_once"),
        CheckConstraint("decided_by_id <> asked_by_id", name="four_eyes"),
        CheckConstraint("status NOT IN ('waiting', 'withdrawn') OR decided_by_id IS NULL", name="not_decided"),
        CheckConstraint("status <> 'declined' OR (decided_by_id IS NOT NULL AND decided_note <> '')", name="declined"),
        CheckConstraint("(status = 'done') = (reversal_entry_id IS NOT NULL)", name="done_has_reversal"),
        CheckConstraint("replacement_entry_id IS NULL OR status = 'done'", name="replacement_when_done"),
        CheckConstraint("kind <> 'amount' OR status <> 'done' OR replacement_entry_id IS NOT NULL", name="replaced"),
        Index(
            "uq_correction_alive", "entry_id", unique=True, sqlite_where=text(ALIVE), postgresql_where=text(ALIVE)
        ),  # at most one that waits, at most one carried out
        Index("ix_correction_branch_id_status", "branch_id", "status"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    entry_id: Mapped[int] = mapped_column(BIG, index=True)
    kind: Mapped[str] = mapped_column(String(8))
    new_minutes: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(200))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    asked_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(10), default=WAITING)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))  # none where no second person was needed
    decided_at: Mapped[datetime | None]  # when it left waiting, whoever ended it
    decided_note: Mapped[str] = mapped_column(String(200), default="")
    reversal_entry_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    replacement_entry_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    asked_by: Mapped[Member] = relationship(foreign_keys=[asked_by_id])
    decided_by: Mapped[Member | None] = relationship(foreign_keys=[decided_by_id])


class CorrectionRequest(Base):
    """A member asks to have an entry of theirs looked at; a manager corrects it or says why it is right."""

    __tablename__ = "correction_request"
    __table_args__ = (
        ForeignKeyConstraint(
            ["entry_id", "branch_id"], ["entry.id", "entry.book_id"], name="fk_correction_request_own_book"
        ),
        CheckConstraint("words <> ''", name="has_words"),
        CheckConstraint("status IN ('open', 'corrected', 'declined')", name="status"),
        CheckConstraint("(status = 'open') = (answered_at IS NULL)", name="answered_once"),
        CheckConstraint("(status = 'open') = (answered_by_id IS NULL)", name="answered_by"),
        CheckConstraint("status <> 'declined' OR answer <> ''", name="declined_has_reason"),
        CheckConstraint("(status = 'corrected') = (correction_id IS NOT NULL)", name="corrected_by"),
        Index(
            "uq_correction_request_open",
            "entry_id",
            "member_id",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_correction_request_branch_id_status", "branch_id", "status"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    entry_id: Mapped[int] = mapped_column(BIG, index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    words: Mapped[str] = mapped_column(String(300))
    asked_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(10), default=OPEN)
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(200), default="")
    correction_id: Mapped[int | None] = mapped_column(ForeignKey("correction.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    member: Mapped[Member] = relationship(foreign_keys=[member_id])
    answered_by: Mapped[Member | None] = relationship(foreign_keys=[answered_by_id])
