"""网点: who holds which role."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import BranchChoice, choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Invalid, NotAllowed, NotFound, Refusal
from timebank.core.permissions import ROLES
from timebank.members import queries, service
from timebank.members.queries.roles import place_of
from timebank.members.rules import EVERYWHERE, Place, may_grant
from timebank.members.rules.roles import ADMINISTRATOR, GRANTED
from timebank.members.schemas import GrantSchema
from timebank.members.views import blueprint
from timebank.members.views.values import ID, area_options
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard

_NOTES = {
    "grid_worker": "替网格里的居民点单，跟进自己点的单",
    "organiser": "发布活动、开门口签到、核对服务记录",
    "manager": "审核报名、管理会员和兑换、月度归档",
    "inspector": "查看账本和归档，不能改动",
    ADMINISTRATOR: "管理区域、网点和所有身份",
}


@blueprint.route("/branch/roles", methods=["GET", "POST"])
@guard("role.grant")
def roles() -> Response | tuple[str, int]:
    """The roles that reach a branch; give another."""
    choice = choose_branch("role.grant")
    form = Form(GrantSchema(), initial={"place": "branch", "number": request.args.get("number", "")})
    if form.submitted:
        branch_id = choice.branch.id
        with form.catching(), transaction() as session:
            given = form.load()
            member = queries.find_member_by_number(session, given["number"])
            if member is None:
                raise Invalid(fields={"number": "没有这个会员号。它印在成长卡上，以 HL 开头，最后一位是校验位。"})
            place = EVERYWHERE if given["role"] == ADMINISTRATOR else _place(given["place"], branch_id)
            service.grant_role(session, member.id, given["role"], place, actor=current_actor(), now=clock.now())
            flash(f"{member.name}现在是{ROLES[given['role']]}。", "success")
            return redirect(url_for("members.roles", branch=branch_id))
    return _roles_page(choice, form), form.status


def _roles_page(choice: BranchChoice, form: Form) -> str:
    actor, here = current_actor(), Place(branch_id=choice.branch.id)
    grants = queries.list_grants_at(db.session(), choice.branch.id)
    anywhere = actor.may("role.grant_administrator")
    places = [("branch", f"本网点：{choice.branch.name}")]
    if anywhere:
        places.append(("everywhere", "全部网点"))
        places += [(f"area-{area_id}", f"区域：{name}") for area_id, name in area_options()]
    return render_template(
        "members/roles.html",
        choice=choice,
        form=form,
        grants=[
            (grant, member, place, may_grant(actor, grant.role, place_of(grant))) for grant, member, place in grants
        ],
        role_names=ROLES,
        role_options=[(role, ROLES[role], _NOTES[role]) for role in GRANTED if may_grant(actor, role, here)],
        places=places,
    )


def _place(text: str, branch_id: int) -> Place:
    if text == "everywhere":
        return EVERYWHERE
    if text.startswith("area-"):
        number = text.removeprefix("area-")
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise Invalid(fields={"place": "请从列出的范围里选一个。"})
        return Place(area_id=int(number))
    return Place(branch_id=branch_id)


@blueprint.post(f"/branch/roles/<{ID}:grant_id>/end")
@guard("role.grant")
def end_role(grant_id: int) -> Response:
    """Take a role back."""
    try:
        with transaction() as session:
            service.end_role(session, grant_id, actor=current_actor(), now=clock.now())
            flash("身份已结束，这段记录会保留。", "success")
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        flash(refusal.message, "error")
    return redirect(url_for("members.roles", branch=request.args.get("branch")))
