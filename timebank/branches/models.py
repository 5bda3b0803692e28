"""Areas (GB/T 2260 and the 12-digit statistical codes; grids have local codes), their dated names, and branches."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import Base

LEVELS: Final = ("city", "district", "street", "community", "grid")
LEVEL_NAMES: Final = dict(zip(LEVELS, ("市", "区（县）", "街道（镇）", "社区（村）", "网格"), strict=True))


class Area(Base):
    """A node of the area tree; each level hangs below the one before it."""

    __tablename__ = "area"
    __table_args__ = (CheckConstraint(f"level IN {LEVELS}", name="level"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(24), unique=True)
    level: Mapped[str] = mapped_column(String(12))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"), index=True)
    closed_on: Mapped[date | None]

    parent: Mapped[Area | None] = relationship(remote_side=[id])
    names: Mapped[list[AreaName]] = relationship(order_by="AreaName.valid_from, AreaName.id", back_populates="area")


class AreaName(Base):
    """What an area is called from a day on, until the next name's day. Of two names of one day the later row counts."""

    __tablename__ = "area_name"
    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    valid_from: Mapped[date]

    area: Mapped[Area] = relationship(back_populates="names")


class Branch(Base):
    """A 网点: attached to an area; its id is its book's id in the ledger."""

    __tablename__ = "branch"
    id: Mapped[int] = mapped_column(ForeignKey("book.id"), primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"))
    address: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]

    area: Mapped[Area] = relationship()
