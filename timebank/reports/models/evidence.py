"""Evidence packs as they were made, and samples of activities with what the inspector found. Append-only, all of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.activities.models import Activity
from timebank.branches.models import Branch
from timebank.core.db import Base
from timebank.members.models import Member

FINE, REMARK = "fine", "remark"
RESULT_NAMES: Final = {FINE: "查过，没有问题", REMARK: "查过，有意见"}


class EvidencePack(Base):
    """One making of an activity's evidence: who, when, why, with names and photos or without, and the file's hash.

    The file itself is handed out and not kept: it can be made again, and its hash tells whether a file is the one.
    The row is there before the file; where its making was broken off, the hash stays empty.
    """

    __tablename__ = "evidence_pack"
    __table_args__ = (
        UniqueConstraint("activity_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint("photos >= 0", name="photos_not_negative"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"))
    number: Mapped[int]
    named: Mapped[bool]
    photos: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    file_hash: Mapped[str] = mapped_column(String(64), default="")
    file_size: Mapped[int] = mapped_column(default=0)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    made_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    made_by: Mapped[Member] = relationship()


class SpotSample(Base):
    """Activities of a month drawn by lot. ``seed`` and the ids draw the same again; every draw is kept."""

    __tablename__ = "spot_sample"
    __table_args__ = (
        CheckConstraint("wanted > 0", name="wanted_positive"),
        CheckConstraint("population > 0", name="population_positive"),
        Index("ix_spot_sample_branch_id", "branch_id", "month"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    month: Mapped[str] = mapped_column(String(7))
    seed: Mapped[str] = mapped_column(String(32))
    wanted: Mapped[int]
    population: Mapped[int]
    population_hash: Mapped[str] = mapped_column(String(64))  # SHA-256 over the ids that were in the drum
    drawn_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    drawn_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    branch: Mapped[Branch] = relationship()
    drawn_by: Mapped[Member] = relationship()
    picks: Mapped[list[SpotPick]] = relationship(order_by="SpotPick.place", viewonly=True)


class SpotPick(Base):
    """One activity of a sample, in the order of the lot."""

    __tablename__ = "spot_pick"
    __table_args__ = (UniqueConstraint("sample_id", "place"), CheckConstraint("place > 0", name="place_positive"))
    sample_id: Mapped[int] = mapped_column(ForeignKey("spot_sample.id"), primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"), primary_key=True, index=True)
    place: Mapped[int]

    activity: Mapped[Activity] = relationship()


class SpotFinding(Base):
    """What an inspector found about a picked activity; the newest holds, earlier ones stay."""

    __tablename__ = "spot_finding"
    __table_args__ = (
        CheckConstraint("result IN ('fine', 'remark')", name="result"),
        CheckConstraint("result <> 'remark' OR words <> ''", name="remark_says_what"),
        Index("ix_spot_finding_sample_id", "sample_id", "activity_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    sample_id: Mapped[int] = mapped_column(ForeignKey("spot_sample.id"))
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"))
    result: Mapped[str] = mapped_column(String(8))
    words: Mapped[str] = mapped_column(String(300), default="")
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    by: Mapped[Member] = relationship()
