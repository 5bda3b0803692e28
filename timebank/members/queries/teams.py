"""服务队 of a branch."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from timebank.core.errors import NotFound
from timebank.core.paging import batched
from timebank.members.models import Team, TeamMembership


class TeamNotFound(NotFound):
    """No such team."""

    code = "members.team_not_found"
    text = "没有找到这支服务队。"


def get_team(session: Session, team_id: int) -> Team:
    """The team. Raises TeamNotFound."""
    team = session.get(Team, team_id)
    if team is None:
        raise TeamNotFound()
    return team


def list_teams(session: Session, branch_id: int) -> Sequence[Team]:
    """The teams of a branch by name, with their people."""
    people = selectinload(Team.members).selectinload(TeamMembership.member)
    return session.scalars(select(Team).options(people).where(Team.branch_id == branch_id).order_by(Team.name)).all()


def list_teams_of(session: Session, member_id: int) -> Sequence[TeamMembership]:
    """The teams a person belongs to."""
    mine = (
        select(TeamMembership).options(selectinload(TeamMembership.team)).where(TeamMembership.member_id == member_id)
    )
    return session.scalars(mine.order_by(TeamMembership.joined_at)).all()


def teams_of(session: Session, member_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the teams each of these people belongs to, in the order in which they joined."""
    found: dict[int, list[str]] = {member_id: [] for member_id in member_ids}
    joined = select(TeamMembership.member_id, Team.name).join(TeamMembership.team).order_by(TeamMembership.joined_at)
    for some in batched(member_ids):
        for member_id, name in session.execute(joined.where(TeamMembership.member_id.in_(some))):
            found[member_id].append(name)
    return found
