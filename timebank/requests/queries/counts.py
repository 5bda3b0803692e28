"""How much waits, at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from timebank.requests.models import (
    ASKED,
    CLAIMED,
    DONE,
    OPEN,
    SERVED,
    VOLUNTEER,
    HelpRating,
    HelpRequest,
)
from timebank.requests.rules import REMIND_BEFORE


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskCounts:
    """Of a branch: not dispatched yet, waiting for a volunteer, of these soon over, claimed."""

    asked: int
    open: int
    soon_over: int
    running: int


def count_desk(session: Session, branch_id: int, *, today: date) -> DeskCounts:
    """What a branch's coordinators have before them."""
    soon = (HelpRequest.status == OPEN) & (HelpRequest.last_day <= today + timedelta(days=REMIND_BEFORE.days))
    row = session.execute(
        select(
            func.coalesce(func.sum(case((HelpRequest.status == ASKED, 1), else_=0)), 0),
            func.coalesce(func.sum(case((HelpRequest.status == OPEN, 1), else_=0)), 0),
            func.coalesce(func.sum(case((soon, 1), else_=0)), 0),
            func.coalesce(func.sum(case((HelpRequest.status == CLAIMED, 1), else_=0)), 0),
        ).where(HelpRequest.branch_id == branch_id, HelpRequest.ended_at.is_(None))
    ).one()
    return DeskCounts(asked=row[0], open=row[1], soon_over=row[2], running=row[3])


def count_unrated(session: Session, member_id: int) -> int:
    """How many requests that were served wait for a member's rating, from either side."""
    return sum(
        session.scalar(_unrated(side, mine)) or 0
        for side, mine in (
            (SERVED, or_(HelpRequest.recipient_id == member_id, HelpRequest.asked_by_id == member_id)),
            (VOLUNTEER, HelpRequest.volunteer_id == member_id),
        )
    )


def _unrated(side: str, mine: ColumnElement[bool]) -> Select[int]:
    said = select(HelpRating.id).where(HelpRating.request_id == HelpRequest.id, HelpRating.side == side)
    return select(func.count()).select_from(HelpRequest).where(HelpRequest.status == DONE, mine, ~said.exists())
