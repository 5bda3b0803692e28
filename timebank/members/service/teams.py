"""服务队: founding one, who belongs to it, who leads it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict
from timebank.members.models import Team, TeamMembership
from timebank.members.queries import get_member, get_team
from timebank.members.queries.people import require_active


class TeamNameTaken(Conflict):
    """The branch has a team of this name."""

    code = "members.team_name_taken"
    text = "这个网点已经有一支“{name}”了，请换一个名字。"


class OtherBranch(Conflict):
    """Teams are made of people of their own branch."""

    code = "members.other_branch"
    text = "{name}不是本网点的会员，不能加入这支服务队。"


class NotInTeam(Conflict):
    """Only who belongs to a team can lead it."""

    code = "members.not_in_team"
    text = "这位会员不在这支服务队里，请先加入。"


def create_team(session: Session, *, branch_id: int, name: str, kind: str, actor: Actor, now: datetime) -> Team:
    """Found a team, or find the one just founded under this name and kind. Raises TeamNameTaken."""
    actor.require("team.change", branch_id=branch_id)
    get_branch(session, branch_id)
    values = {"branch_id": branch_id, "name": name, "kind": kind, "created_at": now}
    added = session.scalar(insert_once(session, Team).values(**values).returning(Team.id))
    if added is not None:
        return get_team(session, added)
    found = session.scalars(select(Team).where(Team.branch_id == branch_id, Team.name == name)).one()
    if found.kind != kind:
        raise TeamNameTaken(name=name)
    return found


def join_team(session: Session, team_id: int, member_id: int, *, actor: Actor, now: datetime) -> None:
    """Put an active person of the branch into a team. A repeat changes nothing. Raises OtherBranch, MemberNotActive."""
    team = get_team(session, team_id)
    actor.require("team.change", branch_id=team.branch_id)
    member = get_member(session, member_id)
    require_active(member)
    if member.branch_id != team.branch_id:
        raise OtherBranch(name=member.name)
    values = {"team_id": team.id, "member_id": member.id, "is_leader": False, "joined_at": now}
    session.execute(insert_once(session, TeamMembership).values(**values))
    session.expire(team, ["members"])


def leave_team(session: Session, team_id: int, member_id: int, *, actor: Actor) -> None:
    """Take a person out of a team. A repeat changes nothing."""
    team = get_team(session, team_id)
    actor.require("team.change", branch_id=team.branch_id)
    session.execute(
        delete(TeamMembership).where(TeamMembership.team_id == team.id, TeamMembership.member_id == member_id)
    )
    session.expire(team, ["members"])


def set_leader(session: Session, team_id: int, member_id: int, *, actor: Actor) -> None:
    """Make a member of the team its leader; who led before no longer does. Raises NotInTeam."""
    team = get_team(session, team_id)
    actor.require("team.change", branch_id=team.branch_id)
    if member_id not in {membership.member_id for membership in team.members}:
        raise NotInTeam()
    for membership in team.members:
        membership.is_leader = membership.member_id == member_id
    session.flush()
