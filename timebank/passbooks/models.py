"""What was printed into passbooks, line by line, and how far the telling of a month's statements has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import Base
from timebank.members.models import Member


class PassbookPrint(Base):
    """Lines printed in one go, by the person or by staff at the counter; ``whole`` begins at the first again.

    Append-only.
    """

    __tablename__ = "passbook_print"
    __table_args__ = (
        CheckConstraint("first_number > 0 AND last_number >= first_number", name="numbers"),
        CheckConstraint("NOT whole OR first_number = 1", name="whole_begins"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    first_number: Mapped[int]
    last_number: Mapped[int]
    whole: Mapped[bool]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    member: Mapped[Member] = relationship(foreign_keys=[member_id])
    by: Mapped[Member] = relationship(foreign_keys=[by_id])


class PassbookLine(Base):
    """Which movement stands on which line of a member's passbook; append-only.

    By ``place``, not by time: a booking that was slow to commit gets the next line, and none is left out.
    """

    __tablename__ = "passbook_line"
    __table_args__ = (UniqueConstraint("member_id", "place"), CheckConstraint("number > 0", name="number_positive"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(String(32))
    print_id: Mapped[int] = mapped_column(ForeignKey("passbook_print.id"), index=True)


class StatementRun(Base):
    """Telling a branch's members that a month's statement is there: up to which member, and when all were told."""

    __tablename__ = "statement_run"
    __table_args__ = (CheckConstraint("told_to >= 0 AND told >= 0", name="counts"),)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    told_to: Mapped[int] = mapped_column(default=0)  # the last member looked at, by id
    told: Mapped[int] = mapped_column(default=0)
    begun_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
