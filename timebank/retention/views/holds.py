"""``/inspect/holds``: activities of which nothing is destroyed."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.activities.queries import get_activity
from timebank.branches.views import BranchChoice, choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.retention import queries, service
from timebank.retention.schemas import HoldSchema, ReasonSchema
from timebank.retention.views import ID, blueprint
from timebank.web.forms import Form, Untouched, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.query import Query


@blueprint.get("/inspect/holds")
@guard("retention.read")
def holds() -> str:
    """The holds of a branch, and the form to place one."""
    wanted = Query().value("activity")
    return _page(choose_branch("retention.read"), Untouched(HoldSchema(), initial={"activity": wanted}))


def _page(choice: BranchChoice, form: Form) -> str:
    actor, branch = current_actor(), choice.branch
    return render_template(
        "retention/holds.html",
        choice=choice,
        branch=branch,
        holds=queries.list_holds(db.session(), branch.id),
        may_hold=actor.may("retention.hold", branch_id=branch.id),
        may_release=actor.may("retention.release", branch_id=branch.id),
        me=actor.member_id,
        form=form,
    )


@blueprint.post("/inspect/holds")
@guard("retention.hold")
def hold() -> Response | tuple[str, int]:
    """Keep everything of an activity."""
    choice, form = choose_branch("retention.hold"), Form(HoldSchema())
    with form.catching():
        given = form.load()
        with transaction() as session:
            placed = service.place_hold(
                session, given["activity"], reason=given["reason"], actor=current_actor(), now=clock.now()
            )
            title = get_activity(session, placed.activity_id).title
            flash(f"“{title}”暂停销毁了：它的材料谁也销毁不了，直到解除。", "success")
            return redirect(url_for("retention.holds", branch=choice.branch.id), 303)
    return _page(choice, form), form.status


@blueprint.post(f"/inspect/holds/<{ID}:hold_id>/lift")
@guard("retention.hold")
def lift(hold_id: int) -> Response:
    """Let them go again."""
    found = queries.get_hold(db.session(), hold_id)
    service.refuse_lifting(found, current_actor())
    branch_id = found.activity.branch_id
    with saying_refusals():
        given = Form(ReasonSchema()).load()
        with transaction() as session:
            service.lift_hold(session, hold_id, reason=given["reason"], actor=current_actor(), now=clock.now())
            flash("解除了。过了保管期限的材料，下次会列进清单。", "success")
    return redirect(url_for("retention.holds", branch=branch_id), 303)
