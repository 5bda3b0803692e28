"""What time does to proposals: unanswered ones are sent again, those whose time ran out give back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing.models import EXPIRED
from timebank.clearing.queries import list_overdue
from timebank.clearing.service.proposals import cancel


def expire_proposals(session: Session, *, now: datetime, at_most: int = 100) -> list[int]:
    """End proposals that nobody committed in time, as far as their document has not done so itself."""
    overdue = list(list_overdue(session, now=now, at_most=at_most))
    for proposal_id in overdue:
        cancel(session, proposal_id, how=EXPIRED, actor_id=None, now=now)
    return overdue
