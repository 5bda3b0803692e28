"""The limits of signing up, leaving and no-shows: for everybody to read, for managers to change."""

from __future__ import annotations

from dataclasses import asdict

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.activities.queries import find_limits, list_limit_rules
from timebank.activities.rules import LIMIT_NAMES, Limits, sentences
from timebank.activities.schemas import LimitsSchema
from timebank.activities.service import LimitsDraft, save_limits
from timebank.activities.views.base import blueprint
from timebank.branches.queries import list_branches
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import list_names
from timebank.web.forms import Form
from timebank.web.guards import current_actor, find_actor, guard, public


@blueprint.get("/activities/rules")
@public
def sign_up_rules() -> str:
    """What holds at a branch, in words; and how it came about."""
    session, actor = db.session(), find_actor()
    branches = list_branches(session)
    wanted = request.args.get("branch", "")
    own = actor.branch_id if actor else None
    asked = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else own
    branch = next((one for one in branches if one.id == asked), branches[0] if branches else None)
    branch_id = branch.id if branch else 0
    return render_template(
        "activities/sign_up_rules.html",
        branch=branch,
        branches=branches,
        rules=sentences(find_limits(session, branch_id)),
        saved=list_limit_rules(session, branch_id),
        may_change=bool(branch and actor and actor.may("rules.change", branch_id=branch.id)),
    )


@blueprint.route("/branch/sign-up-rules", methods=["GET", "POST"])
@guard("rules.change")
def change_sign_up_rules() -> Response | tuple[str, int]:
    """Change what holds at a branch, from now on."""
    choice, session = choose_branch("rules.change"), db.session()
    branch_id = choice.branch.id
    form = Form(LimitsSchema(), initial=asdict(find_limits(session, branch_id)))
    if form.submitted:
        with form.catching(), transaction() as writing:
            given = form.load()
            limits = Limits(**{name: given[name] for name in LIMIT_NAMES})
            draft = LimitsDraft(branch_id=branch_id, limits=limits, reason=given["reason"], form_key=form.key)
            save_limits(writing, draft, actor=current_actor(), now=clock.now())
            flash("已保存，从现在起执行，会员在“报名规则”里看得到。", "success")
            return redirect(url_for("activities.sign_up_rules", branch=branch_id))
    session = db.session()
    saved = list_limit_rules(session, branch_id)
    names = list_names(session, {rule.created_by_id for rule in saved})
    page = render_template(
        "activities/change_sign_up_rules.html",
        choice=choose_branch("rules.change"),
        form=form,
        saved=saved,
        names={member.id: member.name for member in names.values()},
    )
    return page, form.status
