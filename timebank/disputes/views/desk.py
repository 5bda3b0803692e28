"""``/branch/disputes``: the cases of a branch, with their deadlines; the word of a branch that is a side itself."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.disputes import queries, service
from timebank.disputes.models import OUTCOME_NAMES, STATUS_NAMES
from timebank.disputes.schemas import SaySchema
from timebank.disputes.views.base import ID, TONES, blueprint, due_of, wish_name
from timebank.disputes.views.deciding import decision_page
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard


@blueprint.get("/branch/disputes")
@guard("dispute.read")
def desk() -> str:
    """What waits, the most urgent first, and what became of the others."""
    choice, session, now = choose_branch("dispute.read"), db.session(), clock.now()
    branch, me = choice.branch, current_actor().member_id or 0
    page = queries.page_ended(session, branch.id, number=page_number(request.args.get("page")))
    return render_template(
        "disputes/desk.html",
        choice=choice,
        branch=branch,
        waiting=[
            (one, due_of(one, now), queries.why_involved(session, one, me))
            for one in queries.list_open(session, branch.id)
        ],
        page=page,
        finals=queries.finals_of(session, [one.id for one in page.items]),
        names=OUTCOME_NAMES,
        statuses=STATUS_NAMES,
        tones=TONES,
        wish_name=wish_name,
        may_decide=current_actor().may("dispute.decide", branch_id=branch.id),
    )


@blueprint.post(f"/branch/disputes/<{ID}:dispute_id>/say")
@guard("dispute.decide")
def say_for_branch(dispute_id: int) -> Response | tuple[str, int]:
    """Say something for the branch."""
    dispute = queries.get_dispute(db.session(), dispute_id)
    current_actor().require("dispute.decide", branch_id=dispute.branch_id)
    form = Form(SaySchema())
    with form.catching(), transaction() as session:
        words = form.load()["words"]
        service.say(session, dispute_id, words=words, form_key=form.key, actor=current_actor(), now=clock.now())
        flash("已经记下。您替网点说明了，就不再参加决定。", "success")
        return redirect(url_for("disputes.case", dispute_id=dispute_id))
    return decision_page(dispute_id, say=form), form.status
