"""A notice is a kind and plain facts; its sentence is made when it is read, in the reader's words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from timebank.core.db import Base


class Notice(Base):
    """Something a member should know, with a link to where it can be answered."""

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_member_id_created_at", "member_id", "created_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str] = mapped_column(String(40))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    link: Mapped[str] = mapped_column(String(120), default="")
    key: Mapped[str] = mapped_column(String(120), unique=True)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
