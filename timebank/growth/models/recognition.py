"""Versions of a branch's recognition rules, and lists of people to be commended under them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import Base
from timebank.members.models import Member

WAITING, GRANTED, DECLINED = "waiting", "granted", "declined"
COMMENDATION_NAMES: Final = {WAITING: "等第二人同意", GRANTED: "已授予", DECLINED: "没有同意"}


class RecognitionRule(Base):
    """One version: the minutes each star takes, and what a yearly commendation asks for; rows are only ever added."""

    __tablename__ = "recognition_rule"
    __table_args__ = (
        UniqueConstraint("branch_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint(
            "0 < one_star_minutes AND one_star_minutes < two_star_minutes AND two_star_minutes < three_star_minutes "
            "AND three_star_minutes < four_star_minutes AND four_star_minutes < five_star_minutes",
            name="stars_rise",
        ),
        CheckConstraint("award_minutes >= 0 AND award_activities >= 0", name="award_asks"),
        CheckConstraint("award_grade BETWEEN 0 AND 4", name="award_grade"),
        CheckConstraint("award_title <> ''", name="has_title"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    number: Mapped[int]
    valid_from: Mapped[date]
    one_star_minutes: Mapped[int]
    two_star_minutes: Mapped[int]
    three_star_minutes: Mapped[int]
    four_star_minutes: Mapped[int]
    five_star_minutes: Mapped[int]
    award_title: Mapped[str] = mapped_column(String(40))
    award_minutes: Mapped[int]
    award_activities: Mapped[int]
    award_no_absence: Mapped[bool]
    award_grade: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    created_by_id: Mapped[int | None]
    created_by_name: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)


class Commendation(Base):
    """A list of a branch's people to be commended for a year: proposed by one, granted or declined by another."""

    __tablename__ = "commendation"
    __table_args__ = (
        CheckConstraint("year BETWEEN 2000 AND 2999", name="year"),
        CheckConstraint("title <> ''", name="has_title"),
        CheckConstraint("status IN ('waiting', 'granted', 'declined')", name="status"),
        CheckConstraint("(status = 'waiting') = (decided_at IS NULL)", name="decided_once"),
        CheckConstraint("(decided_at IS NULL) = (decided_by_id IS NULL)", name="decided_by"),
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint("status <> 'declined' OR note <> ''", name="declined_why"),
        Index(
            "uq_commendation_waiting",
            "branch_id",
            "year",
            unique=True,
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    year: Mapped[int]
    title: Mapped[str] = mapped_column(String(40))
    rule_name: Mapped[str] = mapped_column(String(60))
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    proposed_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(8))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    people: Mapped[list[CommendationCandidate]] = relationship(order_by="CommendationCandidate.minutes.desc()")


class CommendationCandidate(Base):
    """Somebody on such a list, with what spoke for them on the day it was made; append-only."""

    __tablename__ = "commendation_candidate"
    commendation_id: Mapped[int] = mapped_column(ForeignKey("commendation.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)
    minutes: Mapped[int]
    activities: Mapped[int]
    absences: Mapped[int]
    grade: Mapped[int | None]

    member: Mapped[Member] = relationship()
