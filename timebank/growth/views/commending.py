"""``/branch/commendations``: who fits the yearly commendation and why; proposing a list, granting it at once."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import ID, choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.growth import queries, service
from timebank.growth.models import COMMENDATION_NAMES, GRADE_NAMES
from timebank.growth.rules import recognition_sentences, version_words
from timebank.growth.schemas import CommendSchema, WithdrawSchema
from timebank.growth.views import blueprint
from timebank.members.queries import list_names
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.query import Query

_YEARS = 5
_SHORT = 30  # how many who just fall short are shown
TONES = {"waiting": "wait", "granted": "ok", "declined": "bad"}
_LIST = f"/branch/commendations/<{ID}:commendation_id>"


@blueprint.get("/branch/commendations")
@guard("commendation.read")
def commendations() -> str:
    """The list of a year by rule, with why each is on it, and the lists that were proposed."""
    choice, session, query, today = choose_branch("commendation.read"), db.session(), Query(), clock.today(clock.now())
    year = int(query.one_of("year", [str(one) for one in _years(today.year)], str(today.year)))
    fits = queries.list_candidates(session, choice.branch.id, year, today)
    rule = queries.year_rule(session, choice.branch.id, year, today)
    lists = queries.list_commendations(session, choice.branch.id, year=year)
    actor = current_actor()
    return render_template(
        "growth/commendations.html",
        choice=choice,
        year=year,
        years=[(one, f"{one} 年") for one in _years(today.year)],
        query=query,
        rule=rule,
        rule_says=recognition_sentences(rule, GRADE_NAMES)[1],
        running=year == today.year,
        version_words=version_words,
        fits=[fit for fit in fits if fit.fits],
        short=[fit for fit in fits if not fit.fits][:_SHORT],
        lists=lists,
        waiting=any(one.status == "waiting" for one in lists),
        names=list_names(session, {one.proposed_by_id for one in lists} | {one.decided_by_id or 0 for one in lists}),
        statuses=COMMENDATION_NAMES,
        tones=TONES,
        may_grant=actor.may("award.grant", branch_id=choice.branch.id),
        form=Form(CommendSchema()),
    )


def _years(this: int) -> range:
    return range(this, this - _YEARS, -1)


@blueprint.post("/branch/commendations")
@guard("award.grant")
def propose() -> Response:
    """Put chosen people on a list for a second manager."""
    choice, form = choose_branch("award.grant"), Form(CommendSchema())
    with saying_refusals(), transaction() as session:
        given = form.load()
        draft = service.CommendationDraft(
            branch_id=choice.branch.id, year=given["year"], member_ids=given["members"], form_key=form.key
        )
        made = service.propose_commendation(session, draft, actor=current_actor(), now=clock.now())
        flash(f"名单交上去了，{len(made.people)} 人，等另一位管理员同意。", "success")
    return redirect(url_for("growth.commendations", branch=choice.branch.id, year=form.value("year") or None), 303)


@blueprint.post(f"{_LIST}/grant")
@guard("award.grant")
def grant(commendation_id: int) -> Response:
    """Agree: everybody on the list is given the award."""
    back = _back(commendation_id)
    with saying_refusals(), transaction() as session:
        made = service.grant_commendation(session, commendation_id, actor=current_actor(), now=clock.now())
        flash(f"已授予 {len(made.people)} 人，成长卡上都有了，他们会收到通知。", "success")
    return back


@blueprint.post(f"{_LIST}/decline")
@guard("award.grant")
def decline(commendation_id: int) -> Response:
    """Say no, with a reason."""
    back = _back(commendation_id)
    with saying_refusals(), transaction() as session:
        reason = Form(WithdrawSchema()).load()["reason"]
        service.decline_commendation(session, commendation_id, reason=reason, actor=current_actor(), now=clock.now())
        flash("名单退回了。", "success")
    return back


def _back(commendation_id: int) -> Response:
    found = queries.get_commendation(db.session(), commendation_id)
    service.require_decider(found, current_actor())
    return redirect(url_for("growth.commendations", branch=found.branch_id, year=found.year), 303)
