"""What was done towards a promise: written down, and taken back."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.agreements import service
from timebank.agreements.models import PROMISE_CATEGORIES, SIDE_NAMES
from timebank.agreements.queries import (
    Article,
    PromiseNotFound,
    articles_of,
    get_deed,
    get_promise,
    list_branch_activities,
)
from timebank.agreements.rules import STANDING_NAMES
from timebank.agreements.schemas import DeedSchema, ReasonSchema
from timebank.agreements.views.base import ID, PROMISE, TONES, agreement_for, blueprint
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard


@blueprint.route(f"{PROMISE}/deeds", methods=["GET", "POST"])
@guard("promise.record")
def record_deed(promise_id: int) -> Response | tuple[str, int]:
    """What was done so far, and one thing more."""
    article = _article(promise_id)
    initial = {"done_on": clock.today(clock.now()), "quantity": article.standing.left or ""}
    form = Form(DeedSchema(), initial=initial)
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.DeedDraft(form_key=form.key, **form.load())
            service.record_deed(session, promise_id, draft, actor=current_actor(), now=clock.now())
            flash("记下了。", "success")
            return redirect(url_for("agreements.record_deed", promise_id=promise_id))
        article = _article(promise_id)
    agreement = article.root.agreement
    activities = list_branch_activities(db.session(), agreement.branch_id, agreement.year)
    return render_template(
        "agreements/deeds.html",
        article=article,
        agreement=agreement,
        form=form,
        activities=[(one.id, one.title) for one in activities],
        titles={one.id: one.title for one in activities},
        sides=SIDE_NAMES,
        categories=PROMISE_CATEGORIES,
        standings=STANDING_NAMES,
        tones=TONES,
    ), form.status


@blueprint.post(f"/branch/deeds/<{ID}:deed_id>/take-back")
@guard("promise.record")
def take_back_deed(deed_id: int) -> Response:
    """Let a record count no more."""
    promise_id = get_deed(db.session(), deed_id).promise_id
    _article(promise_id)
    form = Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        reason = form.load()["reason"]
        service.take_back_deed(session, deed_id, reason, form_key=form.key, actor=current_actor(), now=clock.now())
        flash("已撤销，原来的记录还看得到。", "success")
    return redirect(url_for("agreements.record_deed", promise_id=promise_id))


def _article(promise_id: int) -> Article:
    session = db.session()
    agreement = agreement_for("promise.record", get_promise(session, promise_id).agreement_id)
    articles = articles_of(session, [agreement], today=clock.today(clock.now()))[agreement.id]
    found = next((one for one in articles if one.root.id == promise_id and one.counts), None)
    if found is None:
        raise PromiseNotFound()
    return found
