"""``/branch/points``: points of a year of a branch, a team, a community or street; a team's own for its people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Response, render_template
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.branches.queries import area_path, list_area_choices
from timebank.branches.views import ID, choose_branch
from timebank.core import clock
from timebank.core.db import db
from timebank.core.errors import NotAllowed
from timebank.core.minutes import hours
from timebank.growth import queries
from timebank.growth.views import blueprint
from timebank.members.queries import get_team, list_teams
from timebank.web.downloads import table_file
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query

_YEARS = 5
_TITLES = ("名次", "姓名", "会员号", "积分", "时长（分钟）", "其中补录（分钟）", "次数")
_TAIL = 4


class NotOfTheTeam(NotAllowed):
    """A team's table is for its own people and for staff."""

    code = "growth.not_of_the_team"
    text = "积分表只给本队队员和网点工作人员看。"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which table is wanted: of which people, and what they are called together."""

    branch: Branch
    year: int
    team_id: int | None
    area_id: int | None
    words: str


def _asked(branch: Branch, query: Query, today: date) -> Asked:
    session = db.session()
    year = int(query.one_of("year", [str(one) for one in _years(today.year)], str(today.year)))
    teams = {str(team.id): team for team in list_teams(session, branch.id)}
    team = teams.get(query.value("team"))
    area = query.one_of("area", {str(area_id) for area_id, _ in _areas(session, today)})
    words = team.name if team else area_path(session, int(area), today) if area else branch.name
    return Asked(
        branch=branch,
        year=year,
        team_id=team.id if team else None,
        area_id=int(area) if area and not team else None,
        words=words,
    )


def _areas(session: Session, today: date) -> list[tuple[int, str]]:
    return list_area_choices(session, today)


def _years(this: int) -> range:
    return range(this, this - _YEARS, -1)


def _places(asked: Asked) -> list[queries.Ranked]:
    """An area's table is about everybody who lives there, of every branch that the reader may read."""
    within = current_actor().branches("member.read") if asked.area_id else frozenset({asked.branch.id})
    people = queries.list_people_in(db.session(), within, team_id=asked.team_id, area_id=asked.area_id)
    return queries.list_places(db.session(), people, asked.year)


@blueprint.get("/branch/points")
@guard("member.read")
def points_table() -> str:
    """The table, for staff: names and numbers."""
    choice, session, query, today = choose_branch("member.read"), db.session(), Query(), clock.today(clock.now())
    asked = _asked(choice.branch, query, today)
    places = _places(asked)
    return render_template(
        "growth/points.html",
        choice=choice,
        asked=asked,
        places=places,
        total_minutes=sum(place.totals.minutes for place in places),
        total_points=sum(place.totals.points for place in places),
        query=query,
        years=[(one, f"{one} 年") for one in _years(today.year)],
        teams=[(team.id, team.name) for team in list_teams(session, choice.branch.id)],
        areas=_areas(session, today),
    )


@blueprint.get("/branch/points.<kind>")
@guard("member.read")
@limiter.limit(DOWNLOAD_LIMIT)
def points_file(kind: str) -> Response:
    """The same as CSV or XLSX."""
    choice = choose_branch("member.read")
    asked = _asked(choice.branch, Query(), clock.today(clock.now()))
    rows = [
        (
            place.rank,
            place.member.name,
            place.member.number,
            place.totals.points,
            place.totals.minutes,
            place.totals.manual_minutes,
            place.totals.count,
        )
        for place in _places(asked)
    ]
    return table_file(f"积分表-{asked.words}-{asked.year}", kind, _TITLES, rows)


@blueprint.get(f"/teams/<{ID}:team_id>/points")
@guard("me.read")
def team_points(team_id: int) -> str:
    """A team's table for its own people: who did not agree to be named stands there as the end of a number."""
    session, actor, query, today = db.session(), current_actor(), Query(), clock.today(clock.now())
    team = get_team(session, team_id)
    inside = {membership.member_id for membership in team.members}
    if actor.member_id not in inside and not actor.may("member.read", branch_id=team.branch_id):
        raise NotOfTheTeam()
    year = int(query.one_of("year", [str(one) for one in _years(today.year)], str(today.year)))
    people = queries.list_people_in(session, frozenset({team.branch_id}), team_id=team.id)
    places = queries.list_places(session, people, year)
    return render_template(
        "growth/team_points.html",
        team=team,
        year=year,
        query=query,
        years=[(one, f"{one} 年") for one in _years(today.year)],
        rows=[(place, _shown_as(place, actor.member_id)) for place in places],
        total=hours(sum(place.totals.minutes for place in places)),
    )


def _shown_as(place: queries.Ranked, reader_id: int | None) -> str:
    if place.member.id == reader_id:
        return f"{place.member.alias}（我）"
    return place.member.alias if place.named else f"尾号 {place.member.number[-_TAIL:]}"
