"""A member's orders, and one order from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.exchange import queries, schemas, service
from timebank.exchange.models import (
    ACCEPTED,
    DISPUTED,
    FULFILLED,
    GOODS,
    MEMBER_SIDE,
    OPEN,
    REQUESTED,
    SERVICE,
    UNDONE,
    Order,
    OrderProposal,
    status_name,
)
from timebank.exchange.views import ID, blueprint
from timebank.members.models import ACTIVE, Member
from timebank.web import qr
from timebank.web.forms import Form, Untouched
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import public_url

TONES = {
    "requested": "wait", "accepted": "strong", "fulfilled": "ok", "declined": "", "cancelled": "", "expired": "",
    "undone": "bad", "disputed": "bad",
}  # fmt: skip
SCORES = (("5", "5 分 很满意"), ("4", "4 分 满意"), ("3", "3 分 一般"), ("2", "2 分 不太好"), ("1", "1 分 不好"))


@blueprint.get("/me/orders")
@guard("order.own")
def my_orders() -> str:
    """What waits for the actor first, then everything, from either side."""
    session, now = db.session(), clock.now()
    me = current_actor().member_id or 0
    side = "given" if request.args.get("side") == "given" else "asked"
    page = queries.list_member_orders(
        session,
        me,
        side="given" if side == "given" else "asked",
        number=page_number(request.args.get("page")),
    )
    waiting = queries.list_waiting(session, me, now=now)
    return render_template(
        "exchange/my_orders.html",
        waiting=waiting,
        page=page,
        own=queries.own_minutes(session, [*page.items, *(one.order for one in waiting)]),
        side=side,
        now=now,
        status_name=status_name,
        tones=TONES,
        status_at=status_now,
    )


@blueprint.get(f"/orders/<{ID}:order_id>")
@guard("order.own")
def show_order(order_id: int) -> str:
    """One order: where it stands and what the visitor can do."""
    return _order_page(order_id)


@blueprint.post(f"/orders/<{ID}:order_id>/accept")
@guard("order.fulfil")
def accept_order(order_id: int) -> Response | tuple[str, int]:
    """Say yes and propose a time."""
    form = Form(schemas.AcceptSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            typed = form.load()
            meeting = service.Meeting(at=typed["agreed_at"], words=typed["reply"], form_key=typed["form_key"])
            service.accept_order(session, order_id, meeting, actor=current_actor(), now=clock.now())
            flash("约好了，已经告诉对方。", "success")
            return _back_to(order_id)
    return _order_page(order_id, accept=form), form.status


@blueprint.post(f"/orders/<{ID}:order_id>/time")
@guard("order.own")
def propose_time(order_id: int) -> Response | tuple[str, int]:
    """Ask for another time."""
    form = Form(schemas.ProposeSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            typed = form.load()
            meeting = service.Meeting(at=typed["meet_at"], words=typed["words"], form_key=typed["form_key"])
            service.propose_time(session, order_id, meeting, actor=current_actor(), now=clock.now())
            flash("已经问对方了，等对方答应。爱心币还替您留着。", "success")
            return _back_to(order_id)
    return _order_page(order_id, time=form), form.status


@blueprint.post(f"/orders/<{ID}:order_id>/send")
@guard("order.fulfil")
def send_member(order_id: int) -> Response | tuple[str, int]:
    """Say who of the team goes."""
    form = Form(schemas.SendSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            service.send_member(session, order_id, **form.load(), actor=current_actor(), now=clock.now())
            flash("安排好了，已经通知双方。", "success")
            return _back_to(order_id)
    return _order_page(order_id, send=form), form.status


@blueprint.post(f"/orders/<{ID}:order_id>/decline")
@guard("order.fulfil")
def decline_order(order_id: int) -> Response | tuple[str, int]:
    """Say no."""
    form = Form(schemas.DeclineSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            service.decline_order(session, order_id, **form.load(), actor=current_actor(), now=clock.now())
            flash("已婉拒，对方的爱心币已经退回。", "success")
            return _back_to(order_id)
    return _order_page(order_id, decline=form), form.status


@blueprint.post(f"/orders/<{ID}:order_id>/cancel")
@guard("order.own")
def cancel_order(order_id: int) -> Response | tuple[str, int]:
    """Take it back."""
    form = Form(schemas.CancelSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            service.cancel_order(session, order_id, **form.load(), actor=current_actor(), now=clock.now())
            flash("已取消，冻结的爱心币已经退回。", "success")
            return _back_to(order_id)
    return _order_page(order_id, cancel=form), form.status


@blueprint.post(f"/orders/<{ID}:order_id>/rate")
@guard("order.own")
def rate_order(order_id: int) -> Response | tuple[str, int]:
    """Rate the other side."""
    form = Form(schemas.RateSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            service.rate(session, order_id, **form.load(), actor=current_actor(), now=clock.now())
            flash("谢谢您的评价。", "success")
            return _back_to(order_id)
    return _order_page(order_id, rate=form), form.status


def _back_to(order_id: int) -> Response:
    return redirect(url_for("exchange.show_order", order_id=order_id))


def status_now(order: Order) -> str:
    """The state people see: what time did to an open order, or a correction to a fulfilled one."""
    return UNDONE if order.undone else queries.state_of(order, clock.now())


def _order_page(order_id: int, **typed: Form) -> str:
    session, actor = db.session(), current_actor()
    order = queries.get_order(session, order_id, actor)
    asked = actor.member_id == order.member_id
    serves = not asked and queries.may_confirm(order, actor)
    status, goods = status_now(order), order.offer.kind == GOODS
    link = public_url(url_for("exchange.show_voucher", code=order.voucher))
    ratings = {} if order.undone else queries.ratings_of(session, order.id)
    proposals = queries.list_proposals(session, order.id)
    wished = _wished(proposals) if status == REQUESTED else None
    return render_template(
        "exchange/order.html",
        order=order,
        own=queries.own_minutes(session, [order]).get(order.id),
        status=status,
        status_name=status_name(status, order.offer.kind),
        tone=TONES[status],
        goods=goods,
        asked=asked,
        serves=serves,
        provides=actor.member_id in {order.provider_id, order.served_by_id},
        proposals=proposals,
        wished=wished,
        may_accept=serves and order.offer.kind == SERVICE and status in OPEN,
        may_propose=asked and order.offer.kind == SERVICE and (status == ACCEPTED or wished is not None),
        team=_team_of(order) if serves and status in OPEN else [],
        may_decline=serves and status == REQUESTED,
        may_cancel=(asked and status in OPEN) or (serves and status == ACCEPTED),
        may_fulfil=serves and status == ACCEPTED,
        may_dispute=_may_be_wrong(order, status) and actor.member_id in {order.member_id, order.provider_id},
        disputed=status == DISPUTED,
        may_rate=status == FULFILLED
        and actor.member_id in {order.member_id, order.provider_id, order.served_by_id}
        and actor.member_id not in ratings,
        voucher_qr=qr.svg(link, f"兑换券 {order.voucher}") if asked and status == ACCEPTED else None,
        member_score=queries.score_of_member(session, order.member_id),
        ratings=ratings,
        fulfilled_by=session.get(Member, order.fulfilled_by_id) if order.fulfilled_by_id else None,
        scores=SCORES,
        forms=_forms(order, wished, typed),
    )


def _team_of(order: Order) -> list[tuple[int, str]]:
    """Who of the team could go; nobody for what no team gives, and for whoever does not lead."""
    if order.offer.team is None:
        return []
    actor = current_actor()
    if not actor.may("order.fulfil", branch_id=order.branch_id, owner_id=order.provider_id):
        return []
    people = [one.member for one in order.offer.team.members if one.member_id != order.member_id]
    return [(one.id, one.name) for one in people if one.status == ACTIVE]


def _may_be_wrong(order: Order, status: str) -> bool:
    """Whether there is anything yet that could have gone wrong; what is too old the page behind the button says."""
    has_come = order.agreed_at is None or order.agreed_at <= clock.now()
    return status == FULFILLED or (status == ACCEPTED and has_come)


def _wished(proposals: Sequence[OrderProposal]) -> OrderProposal | None:
    """The member's time that waits for an answer."""
    return proposals[-1] if proposals and proposals[-1].side == MEMBER_SIDE else None


def _forms(order: Order, wished: OrderProposal | None, typed: dict[str, Form]) -> dict[str, Form]:
    """A form for each thing one can do here; the one that was sent keeps what was typed and what was wrong with it."""
    said_at = _local_text(wished.meet_at if wished is not None else order.agreed_at)
    made: dict[str, tuple[Any, dict[str, Any]]] = {
        "accept": (schemas.AcceptSchema(), {"agreed_at": said_at, "reply": order.reply}),
        "time": (schemas.ProposeSchema(), {"meet_at": said_at}),
        "decline": (schemas.DeclineSchema(), {}),
        "cancel": (schemas.CancelSchema(), {}),
        "rate": (schemas.RateSchema(), {}),
        "voucher": (schemas.VoucherSchema(), {}),
        "send": (schemas.SendSchema(), {"member_id": order.served_by_id}),
    }
    return {name: typed.get(name) or Untouched(schema, initial=initial) for name, (schema, initial) in made.items()}


def _local_text(instant: datetime | None) -> str:
    return clock.local(instant).strftime("%Y-%m-%dT%H:%M") if instant is not None else ""
