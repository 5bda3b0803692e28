"""``/orders/<id>/dispute`` and ``/me/disputes/<id>``: a side says that something is not right, and follows the case."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Conflict
from timebank.disputes import queries, rules, service
from timebank.disputes.models import BOOKED, HELD, Dispute
from timebank.disputes.schemas import OpenSchema, SaySchema
from timebank.disputes.views.base import ID, blueprint, case_page, wishes
from timebank.exchange.models import ACCEPTED, Order
from timebank.exchange.queries import get_order, state_of
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard


@blueprint.get(f"/orders/<{ID}:order_id>/dispute")
@guard("order.own")
def of_order(order_id: int) -> Response | str | tuple[str, int]:
    """The case about an order for whoever may see the order; a form for its sides where there is none."""
    session, actor = db.session(), current_actor()
    order = get_order(session, order_id, actor)
    dispute = queries.find_of_order(session, order.id)
    side = actor.member_id in {order.member_id, order.provider_id}
    if dispute is not None and (queries.is_alive(dispute) or not side):
        return redirect(url_for("disputes.show_case" if side else "disputes.case", dispute_id=dispute.id))
    if not side:
        raise queries.DisputeNotFound()
    return _opening(order, Form(OpenSchema()))


@blueprint.post(f"/orders/<{ID}:order_id>/dispute")
@guard("dispute.own")
def open_case(order_id: int) -> Response | str | tuple[str, int]:
    """Open a case."""
    form = Form(OpenSchema())
    order = get_order(db.session(), order_id, current_actor())
    if current_actor().member_id not in {order.member_id, order.provider_id}:
        raise rules.NotASide()
    with form.catching(), transaction() as session:
        draft = service.DisputeDraft(order_id=order_id, form_key=form.key, **form.load())
        dispute = service.open_dispute(session, draft, actor=current_actor(), now=clock.now())
        flash(f"已经提出，{dispute.due_on} 以前会有结果。有结果以前，这一单先不动。", "success")
        return redirect(url_for("disputes.show_case", dispute_id=dispute.id))
    return _opening(get_order(db.session(), order_id, current_actor()), form)


def _opening(order: Order, form: Form) -> tuple[str, int]:
    """The form, or why there is nothing to be opened."""
    stage = HELD if order.status == ACCEPTED else BOOKED
    standing = rules.Standing(
        status=state_of(order, clock.now()),
        undone=order.undone,
        agreed_at=order.agreed_at,
        fulfilled_at=order.fulfilled_at,
    )
    try:
        rules.refuse_opening(standing, clock.now())
        refused = ""
    except Conflict as refusal:
        refused = refusal.message
    provides = current_actor().member_id == order.provider_id
    page = render_template(
        "disputes/open.html",
        order=order,
        form=form,
        wishes=wishes(stage, provides=provides),
        held=stage == HELD,
        refused=refused,
        days=rules.DUE_DAYS,
    )
    return page, form.status


@blueprint.get(f"/me/disputes/<{ID}:dispute_id>")
@guard("dispute.own")
def show_case(dispute_id: int) -> str:
    """A case as its sides see it."""
    return _side_page(dispute_id, Form(SaySchema()))


@blueprint.post(f"/me/disputes/<{ID}:dispute_id>/say")
@guard("dispute.own")
def say(dispute_id: int) -> Response | tuple[str, int]:
    """Say something as a side."""
    own_case(dispute_id)
    form = Form(SaySchema())
    with form.catching(), transaction() as session:
        words = form.load()["words"]
        service.say(session, dispute_id, words=words, form_key=form.key, actor=current_actor(), now=clock.now())
        flash("已经记下，对方和决定的人都能看到。", "success")
        return redirect(url_for("disputes.show_case", dispute_id=dispute_id))
    return _side_page(dispute_id, form), form.status


@blueprint.post(f"/me/disputes/<{ID}:dispute_id>/withdraw")
@guard("dispute.own")
def withdraw(dispute_id: int) -> Response:
    """Take one's own case back."""
    own_case(dispute_id)
    with saying_refusals(), transaction() as session:
        service.withdraw(session, dispute_id, actor=current_actor(), now=clock.now())
        flash("已撤回，这一单照原来的办。", "success")
    return redirect(url_for("disputes.show_case", dispute_id=dispute_id))


def own_case(dispute_id: int) -> Dispute:
    """A case of which the actor is a side; to others it does not exist."""
    dispute = queries.get_dispute(db.session(), dispute_id)
    if current_actor().member_id not in dispute.sides:
        raise queries.DisputeNotFound()
    return dispute


def _side_page(dispute_id: int, form: Form) -> str:
    mine = own_case(dispute_id).opened_by_id == current_actor().member_id
    return case_page("disputes/case.html", dispute_id, form=form, mine=mine)
