"""A request as one reader may see it: pages are given this and never the row, so that no template can name somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from timebank.branches.queries import area_name, get_area
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.requests.models import (
    CATEGORIES,
    CLAIMED,
    DONE,
    KIND_NAMES,
    SOURCE_NAMES,
    STATUS_NAMES,
    HelpRequest,
)
from timebank.requests.queries.one import Sides, sides_of
from timebank.requests.queries.progress import progress_of_many
from timebank.requests.rules import Progress

PROGRESS_NAMES = {
    "agreed": "已约好",
    "serving": "正在服务",
    "missed": "没有签到记录",
    "review": "等核对、审核",
    "served": "已完成",
    "unserved": "这次没有服务成",
}
HIDDEN = "接单以后可以看"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What one reader sees of a request. ``recipient`` and ``asked_by`` are words that this reader may read."""

    id: int
    branch_id: int
    branch: str
    kind: str
    kind_name: str
    category: str
    title: str
    words: str
    first_day: date
    last_day: date
    part_of_day: str
    minutes: int
    source: str
    source_name: str
    confidential: bool
    to_all: bool
    consented: bool
    status: str
    state: str  # in words, with how far a service has come
    progress: Progress | None
    tone: str
    area: str
    recipient: str
    asked_by: str
    asked_at: datetime
    heard: str
    volunteer: str
    coordinator: str
    starts_at: datetime | None
    ends_at: datetime | None
    shift_id: int | None
    ended_at: datetime | None
    end_reason: str
    sides: Sides


def show(session: Session, request: HelpRequest, actor: Actor, *, now: datetime) -> Shown:
    """One request as the actor sees it."""
    return show_many(session, [request], actor, now=now)[0]


def show_many(session: Session, requests: Sequence[HelpRequest], actor: Actor, *, now: datetime) -> list[Shown]:
    """Requests as the actor sees them, in the order given."""
    progress = progress_of_many(session, requests, now=now)
    return [_shown(session, one, sides_of(session, one, actor), progress.get(one.id), now) for one in requests]


_TONES = {"asked": "wait", "open": "wait", "claimed": "strong", "done": "ok"}


def _shown(session: Session, request: HelpRequest, sides: Sides, progress: Progress | None, now: datetime) -> Shown:
    settled = {"served": DONE}.get(progress or "", request.status)
    shift = request.shift if request.status in {CLAIMED, DONE} else None
    return Shown(
        id=request.id,
        branch_id=request.branch_id,
        branch=request.branch.name,
        kind=request.kind,
        kind_name=KIND_NAMES[request.kind],
        category=CATEGORIES[request.category],
        title=request.title,
        words=request.words,
        first_day=request.first_day,
        last_day=request.last_day,
        part_of_day=request.part_of_day,
        minutes=request.minutes,
        source=request.source,
        source_name=SOURCE_NAMES[request.source],
        confidential=request.confidential,
        to_all=request.to_all,
        consented=request.consented,
        status=settled,
        state=PROGRESS_NAMES[progress] if progress else STATUS_NAMES[request.status],
        progress=progress,
        tone=_TONES.get(settled, ""),
        area=_area(session, request, now),
        recipient=recipient_words(request, sides),
        asked_by=asker_words(request, sides),
        asked_at=request.asked_at,
        heard=request.heard,
        volunteer=request.volunteer.alias if request.volunteer and sides.inside else "",
        coordinator=request.coordinator.alias if request.coordinator else "",
        starts_at=shift.starts_at if shift else None,
        ends_at=shift.ends_at if shift else None,
        shift_id=shift.id if shift else None,
        ended_at=request.ended_at,
        end_reason=request.end_reason,
        sides=sides,
    )


def recipient_words(request: HelpRequest, sides: Sides) -> str:
    """Who is served, as far as this reader may know without a look that is written down."""
    if sides.recipient:
        return "我自己"
    if request.confidential:
        return request.pseudonym
    return request.recipient.alias if sides.inside else HIDDEN


def asker_words(request: HelpRequest, sides: Sides) -> str:
    """Who asked; of a confidential request it would tell too much."""
    if sides.asker:
        return "我"
    if request.confidential:
        return "不显示"
    return request.asked_by.alias if sides.inside else HIDDEN


def _area(session: Session, request: HelpRequest, now: datetime) -> str:
    if request.confidential or request.recipient.area_id is None:
        return ""
    return area_name(get_area(session, request.recipient.area_id), clock.today(now))
