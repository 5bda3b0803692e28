"""What reading a stored package again found."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.archives.models import Archive
from timebank.core.db import Base

SOUND, UNPACKED = "sound", "unpacked"
CHECK_NAMES: Final = {
    SOUND: "完好",
    "missing": "文件不见了",
    "changed": "文件被改过",
    "broken": "包里有损坏",
    "unlinked": "和账本的封签接不上",
    UNPACKED: "结了账，没有归档包",
}
BAD: Final = tuple(name for name in CHECK_NAMES if name != SOUND)


class PackageCheck(Base):
    """What reading a package found, or of a closed month that has none (``archive_id`` empty).

    Append-only, but for the time of the newest reading of a package that is sound: it moves while nothing is wrong.
    """

    __tablename__ = "package_check"
    __table_args__ = (
        CheckConstraint(f"result IN {tuple(CHECK_NAMES)}", name="result"),
        CheckConstraint("(result = 'unpacked') = (archive_id IS NULL)", name="has_package"),
        CheckConstraint("(result = 'sound') = (words = '')", name="says_what"),
        Index("ix_package_check_branch_id", "branch_id", "month", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    branch_id: Mapped[int] = mapped_column(ForeignKey("branch.id"))
    month: Mapped[str] = mapped_column(String(7))
    archive_id: Mapped[int | None] = mapped_column(ForeignKey("archive.id"), index=True)
    result: Mapped[str] = mapped_column(String(10))
    words: Mapped[str] = mapped_column(Text, default="")
    milliseconds: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime]

    archive: Mapped[Archive | None] = relationship()
