"""A member's notices, their sentences made as they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.core import clock, minutes
from timebank.core.paging import Page, read_page
from timebank.notices.models import Notice
from timebank.notices.rules import SENTENCES


@dataclass(frozen=True, kw_only=True)
class Told:
    """A notice as its reader sees it."""

    id: int
    title: str
    text: str
    link: str
    created_at: datetime
    unread: bool


def count_unread(session: Session, member_id: int) -> int:
    """How many notices a member has not read."""
    counted = select(func.count()).where(Notice.member_id == member_id, Notice.read_at.is_(None))
    return session.scalar(counted) or 0


def list_notices(session: Session, member_id: int, *, number: int = 1, size: int = 20) -> Page[Told]:
    """One page of a member's notices: unread first, then the newest."""
    found = (
        select(Notice)
        .where(Notice.member_id == member_id)
        .order_by(Notice.read_at.is_not(None), Notice.created_at.desc(), Notice.id.desc())
    )
    page = read_page(session, found, number=number, size=size)
    return Page(items=[_told(notice) for notice in page.items], number=page.number, size=size, total=page.total)


def list_unread(session: Session, member_id: int, *, most: int = 3) -> list[Told]:
    """The newest unread notices of a member, for a start page."""
    found = (
        select(Notice)
        .where(Notice.member_id == member_id, Notice.read_at.is_(None))
        .order_by(Notice.created_at.desc(), Notice.id.desc())
        .limit(most)
    )
    return [_told(notice) for notice in session.scalars(found)]


def find_link(session: Session, member_id: int, notice_id: int) -> str | None:
    """Where one of a member's notices leads."""
    return session.scalar(select(Notice.link).where(Notice.id == notice_id, Notice.member_id == member_id))


def was_told(session: Session, member_id: int, key: str) -> bool:
    """Whether a member was told of the event with this key."""
    return session.scalar(select(Notice.id).where(Notice.key == f"{key}:{member_id}")) is not None


def sentence(kind: str, facts: Mapping[str, object]) -> tuple[str, str]:
    """Title and text of a kind with its facts, as people read them. Raises KeyError for a fact that is not there."""
    title, _, text = SENTENCES[kind].partition("\n")
    return _Sentence().vformat(title, (), facts), _Sentence().vformat(text, (), facts)


def _moment(text: str) -> str:
    at = clock.local(datetime.fromisoformat(text))
    return f"{at:%Y-%m-%d} 周{clock.WEEKDAYS[at.weekday()]} {at:%H:%M}"


_READ_AS: Final[dict[str, Callable[[Any], str]]] = {
    "moment": _moment,
    "coins": minutes.coins,
    "hours": minutes.hours,
    "points": minutes.points,
}


class _Sentence(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        return _READ_AS[format_spec](value) if format_spec else str(value)


def _told(notice: Notice) -> Told:
    title, text = sentence(notice.kind, notice.facts)
    return Told(
        id=notice.id,
        title=title,
        text=text,
        link=notice.link,
        created_at=notice.created_at,
        unread=notice.read_at is None,
    )
