"""网点: 服务队."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import NotAllowed, NotFound, Refusal
from timebank.members import queries, service
from timebank.members.schemas import TeamMemberSchema, TeamSchema
from timebank.members.views import blueprint
from timebank.members.views.values import ID
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard

_TEAM = f"/branch/teams/<{ID}:team_id>"


@blueprint.get("/branch/teams")
@guard("member.read")
def teams() -> str:
    """A branch's teams."""
    return _teams_page(Form(TeamSchema()), "member.read")


@blueprint.post("/branch/teams")
@guard("team.change")
def create_team() -> Response | tuple[str, int]:
    """Found a team."""
    branch_id = choose_branch("team.change").branch.id
    form = Form(TeamSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            team = service.create_team(
                session, branch_id=branch_id, **form.load(), actor=current_actor(), now=clock.now()
            )
            flash(f"“{team.name}”已建好，现在可以加人。", "success")
            return redirect(url_for("members.team", team_id=team.id))
    return _teams_page(form, "team.change"), form.status


def _teams_page(form: Form, permission: str) -> str:
    choice = choose_branch(permission)
    return render_template(
        "members/teams.html",
        choice=choice,
        form=form,
        teams=queries.list_teams(db.session(), choice.branch.id),
        may_change=current_actor().may("team.change", branch_id=choice.branch.id),
    )


@blueprint.get(_TEAM)
@guard("member.read")
def team(team_id: int) -> str:
    """Who belongs to a team."""
    session, actor = db.session(), current_actor()
    shown = queries.get_team(session, team_id)
    actor.require("member.read", branch_id=shown.branch_id)
    inside = {membership.member_id for membership in shown.members}
    may_change = actor.may("team.change", branch_id=shown.branch_id)
    outside = queries.list_active_members(session, branch_id=shown.branch_id) if may_change else []
    return render_template(
        "members/team.html",
        team=shown,
        memberships=sorted(shown.members, key=lambda one: (not one.is_leader, one.joined_at, one.member_id)),
        form=Form(TeamMemberSchema()),
        outside=[(one.id, f"{one.name}　{one.number}") for one in outside if one.id not in inside],
        may_change=may_change,
    )


@blueprint.post(f"{_TEAM}/members")
@guard("team.change")
def join_team(team_id: int) -> Response:
    """Put somebody into a team."""
    return _press(team_id, "已加入。", service.join_team, now=clock.now())


@blueprint.post(f"{_TEAM}/leave")
@guard("team.change")
def leave_team(team_id: int) -> Response:
    """Take somebody out of a team."""
    return _press(team_id, "已移出服务队。", service.leave_team)


@blueprint.post(f"{_TEAM}/leader")
@guard("team.change")
def set_leader(team_id: int) -> Response:
    """Make somebody the leader of a team."""
    return _press(team_id, "队长已更换。", service.set_leader)


def _press(team_id: int, said: str, verb: Callable[..., Any], **given: Any) -> Response:
    current_actor().require("team.change", branch_id=queries.get_team(db.session(), team_id).branch_id)
    try:
        member_id = Form(TeamMemberSchema()).load()["member_id"]
        with transaction() as session:
            verb(session, team_id, member_id, actor=current_actor(), **given)
            flash(said, "success")
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        flash("；".join(getattr(refusal, "fields", {}).values()) or refusal.message, "error")
    return redirect(url_for("members.team", team_id=team_id))
