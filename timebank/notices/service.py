"""Telling members: written in the transaction of the event itself, so there is never one without the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from timebank.core.db import insert_once
from timebank.notices.models import Notice
from timebank.notices.rules import SENTENCES


@dataclass(frozen=True, kw_only=True)
class NoticeDraft:
    """What happened: a kind of ``SENTENCES``, its facts (texts, numbers, instants), and where it can be answered."""

    kind: str
    key: str  # names the event; the same event is told to the same member once
    facts: Mapping[str, object] = field(default_factory=dict)
    link: str = ""


def tell(  # noqa: PLR0913 - one line at every caller, in the words of the notice itself
    session: Session,
    *,
    member_id: int,
    kind: str,
    facts: Mapping[str, object],
    link: str,
    key: str,
    now: datetime,
) -> None:
    """Tell one member of an event; the same ``key`` tells once. Raises KeyError for a kind without a sentence."""
    tell_all(session, [member_id], NoticeDraft(kind=kind, facts=facts, link=link, key=key), now=now)


def tell_all(session: Session, member_ids: Iterable[int], draft: NoticeDraft, *, now: datetime) -> None:
    """Tell several members of one event, each once. Raises KeyError for a kind without a sentence."""
    tell_each(session, [(member_id, draft) for member_id in member_ids], now=now)


def tell_each(session: Session, told: Iterable[tuple[int, NoticeDraft]], *, now: datetime) -> None:
    """Tell several members something of their own, in one batch. Raises KeyError for a kind without a sentence."""
    rows = [_row(member_id, draft, now) for member_id, draft in told]
    if rows:
        session.connection().execute(insert_once(session, Notice), rows)


def _row(member_id: int, draft: NoticeDraft, now: datetime) -> dict[str, object]:
    if draft.kind not in SENTENCES:
        raise KeyError(draft.kind)
    return {
        "member_id": member_id,
        "kind": draft.kind,
        "facts": {name: _plain(value) for name, value in draft.facts.items()},
        "link": draft.link,
        "key": f"{draft.key}:{member_id}",
        "created_at": now,
        "read_at": None,
    }


def mark_read(session: Session, member_id: int, *, now: datetime, notice_id: int | None = None) -> int:
    """Mark one of a member's notices as read, or all of them; returns how many were unread. Others' stay untouched."""
    unread = update(Notice).where(Notice.member_id == member_id, Notice.read_at.is_(None))
    if notice_id is not None:
        unread = unread.where(Notice.id == notice_id)
    marked = session.execute(unread.values(read_at=now), execution_options={"synchronize_session": False})
    return int(marked.rowcount)  # type: ignore[attr-defined]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
