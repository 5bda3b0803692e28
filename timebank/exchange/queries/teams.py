"""Who speaks for a team."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from timebank.members.models import Team, TeamMembership


def leads(session: Session, team_id: int, member_id: int | None) -> bool:
    """Whether somebody leads a team now."""
    found = session.get(TeamMembership, (team_id, member_id)) if member_id is not None else None
    return found is not None and found.is_leader


def led_by(member_id: int) -> Select[int]:
    """The ids of the teams that somebody leads, to be asked within a larger question."""
    return select(TeamMembership.team_id).where(TeamMembership.member_id == member_id, TeamMembership.is_leader)


def list_led_by(session: Session, member_id: int) -> Sequence[Team]:
    """The teams that somebody leads, by name."""
    return session.scalars(select(Team).where(Team.id.in_(led_by(member_id))).order_by(Team.name)).all()
