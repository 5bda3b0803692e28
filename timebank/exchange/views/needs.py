"""“我需要……” and “我能……”: what members look for, and what fits."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.queries import get_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.exchange import queries, schemas, service
from timebank.exchange.models import CATEGORIES
from timebank.exchange.views import ID, blueprint
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard

_SHOWN = 50
_FITTING = 6


@blueprint.route("/needs", methods=["GET", "POST"])
@guard("order.own")
def needs() -> Response | tuple[str, int]:
    """What the actor looks for with what fits, or what neighbours look for; and the form to look for something."""
    until = (clock.today(clock.now()) + service.USUAL).isoformat()
    form = Form(schemas.NeedSchema(), initial={"until": until})
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.NeedDraft(**form.load())
            service.post_need(session, draft, actor=current_actor(), now=clock.now())
            flash("写好了。合适的列在下面，以后有新的会通知您。", "success")
            return redirect(url_for("exchange.needs"), 303)
    return _page(form), form.status


@blueprint.post(f"/needs/<{ID}:need_id>/end")
@guard("order.own")
def end_need(need_id: int) -> Response:
    """Look for it no longer."""
    with transaction() as session:
        service.end_need(session, need_id, actor=current_actor(), now=clock.now())
        flash("已撤下，不再替您找。", "success")
    return redirect(url_for("exchange.needs"), 303)


def _page(form: Form) -> str:
    session, actor, today = db.session(), current_actor(), clock.today(clock.now())
    others = request.args.get("side") == "others" and not form.submitted
    me = actor.member_id or 0
    return render_template(
        "exchange/needs.html",
        form=form,
        others=others,
        categories=CATEGORIES,
        rows=_others(me, actor.branch_id or 0) if others else _own(me),
        branch=get_branch(session, actor.branch_id) if actor.branch_id is not None else None,
        today=today,
        last=today + service.LONGEST,
    )


def _own(me: int) -> list[dict[str, Any]]:
    session, today = db.session(), clock.today(clock.now())
    return [
        {"need": need, "offers": queries.offers_for(session, need, today, most=_FITTING)}
        for need in queries.list_own_needs(session, me, today)
    ]


def _others(me: int, branch_id: int) -> list[dict[str, Any]]:
    """Those that the actor's offers fit come first."""
    session, today = db.session(), clock.today(clock.now())
    mine = [kept.offer for kept in queries.list_member_offers(session, me) if kept.offer.status == "listed"]
    fitting = {need.id: offer for offer in mine for need in queries.needs_for(session, offer, today, most=_SHOWN)}
    found = queries.list_neighbours_needs(session, branch_id, me, today, most=_SHOWN)
    rows = [{"need": need, "mine": fitting.get(need.id)} for need in found]
    return sorted(rows, key=lambda row: row["mine"] is None)
