"""Points of a year: of a branch's people, of a team, of who lives in a community or street."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.attendance.queries import MemberTotals, totals_of
from timebank.branches.queries import list_area_ids_below
from timebank.members.models import ACTIVE, Member, TeamMembership
from timebank.members.queries import who_is_named


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A row of the table: ``rank`` is shared by equals; ``named``: the member agreed to be named to other members."""

    rank: int
    member: Member
    totals: MemberTotals
    named: bool


def list_places(session: Session, members: Sequence[Member], year: int) -> list[Ranked]:
    """These members by the points of a year, who has most first; who has none is at the end."""
    ids = [member.id for member in members]
    totals, named = totals_of(session, ids, year=year), who_is_named(session, ids)
    ordered = sorted(members, key=lambda one: (-totals[one.id].points, -totals[one.id].minutes, one.id))
    places: list[Ranked] = []
    for at, member in enumerate(ordered):
        same = places and places[-1].totals.points == totals[member.id].points
        rank = places[-1].rank if same else at + 1
        places.append(Ranked(rank=rank, member=member, totals=totals[member.id], named=member.id in named))
    return places


def list_people_in(
    session: Session,
    branch_ids: Collection[int] | None,
    *,
    team_id: int | None = None,
    area_id: int | None = None,
) -> list[Member]:
    """Active members of these branches (None: of all): everybody, a team, or who lives in an area or below it."""
    chosen = select(Member).where(Member.status == ACTIVE)
    if branch_ids is not None:
        chosen = chosen.where(Member.branch_id.in_(branch_ids))
    if team_id is not None:
        chosen = chosen.where(Member.id.in_(select(TeamMembership.member_id).where(TeamMembership.team_id == team_id)))
    if area_id is not None:
        chosen = chosen.where(Member.area_id.in_(list_area_ids_below(session, [area_id])))
    return list(session.scalars(chosen.order_by(Member.id)))
