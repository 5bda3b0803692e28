"""``/branch/retention``: how long each kind is kept, and why; setting a term."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import BranchChoice, choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.retention import queries, service
from timebank.retention.rules import AUTOMATIC, DISPOSABLE, PERMANENT
from timebank.retention.schemas import TermSchema
from timebank.retention.views import blueprint
from timebank.web.forms import Form, Untouched
from timebank.web.guards import current_actor, guard


@blueprint.get("/branch/retention")
@guard("retention.read")
def terms() -> str:
    """The table of terms."""
    tomorrow = clock.today(clock.now()) + timedelta(days=1)
    return _page(choose_branch("retention.read"), Untouched(TermSchema(), initial={"valid_from": tomorrow}))


def _page(choice: BranchChoice, form: Form) -> str:
    today = clock.today(clock.now())
    return render_template(
        "retention/terms.html",
        choice=choice,
        branch=choice.branch,
        terms=queries.terms_on(db.session(), today),
        history=queries.list_terms(db.session()),
        kinds=DISPOSABLE,
        automatic=AUTOMATIC,
        permanent=PERMANENT,
        may_change=current_actor().may("retention.change"),
        form=form,
    )


@blueprint.post("/branch/retention")
@guard("retention.change")
def set_term() -> Response | tuple[str, int]:
    """Set a term from a day on."""
    choice, form = choose_branch("retention.change"), Form(TermSchema())
    with form.catching():
        given = form.load()
        with transaction() as session:
            term = service.set_term(session, service.TermDraft(**given), actor=current_actor(), now=clock.now())
            flash(f"{DISPOSABLE[term.kind].name}从 {term.valid_from} 起保管 {term.months} 个月。", "success")
            return redirect(url_for("retention.terms", branch=choice.branch.id), 303)
    return _page(choice, form), form.status
