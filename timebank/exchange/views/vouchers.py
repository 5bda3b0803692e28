"""Vouchers: typed or scanned, shown what will happen, confirmed with one button."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Conflict, Refusal
from timebank.exchange import queries, rules, schemas, service
from timebank.exchange.models import ACCEPTED, FULFILLED, GOODS, Order, status_name
from timebank.exchange.views import blueprint
from timebank.exchange.views.orders import TONES
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.headers import allow_wasm
from timebank.web.limits import CODE_LIMIT, limiter


@blueprint.route("/vouchers", methods=["GET", "POST"])
@guard("order.fulfil")
@limiter.limit(CODE_LIMIT)
def find_voucher() -> Response | tuple[str, int]:
    """Type or scan a voucher."""
    form = Form(schemas.VoucherSchema())
    if form.submitted:
        with form.catching():
            code = rules.read_voucher(form.load()["voucher"])
            if _find(code) is None:
                raise service.MistypedVoucher(fields={"voucher": service.VoucherNotFound.text})
            return redirect(url_for("exchange.show_voucher", code=code))
    allow_wasm()
    return render_template("exchange/vouchers.html", form=form), form.status


@blueprint.get("/vouchers/<code>")
@guard("order.fulfil")
@limiter.limit(CODE_LIMIT)
def show_voucher(code: str) -> str | Response:
    """What the button below will do; the member who asked is led to their order, strangers find nothing."""
    order = _get(code)
    if order.member_id == current_actor().member_id:
        return redirect(url_for("exchange.show_order", order_id=order.id))
    status = queries.state_of(order, clock.now())
    return render_template(
        "exchange/voucher.html",
        order=order,
        own=queries.own_minutes(db.session(), [order]).get(order.id),
        goods=order.offer.kind == GOODS,
        taker=order.served_by or order.provider,
        status=status,
        status_name=status_name(status, order.offer.kind),
        tone=TONES[status],
        ready=status == ACCEPTED,
        done=order.status == FULFILLED,
        why=_why_not(status),
    )


@blueprint.post("/vouchers/<code>")
@guard("order.fulfil")
@limiter.limit(CODE_LIMIT)
def fulfil(code: str) -> Response:
    """Confirm that it was done."""
    try:
        with transaction() as session:
            done = service.fulfil(session, code, actor=current_actor(), now=clock.now())
            order_id = done.order.id
        flash("这一单之前已经核销过了，没有重复扣币。" if done.repeated else "核销好了，爱心币已经转过去。", "success")
        return redirect(url_for("exchange.show_order", order_id=order_id))
    except Conflict as refusal:
        flash(refusal.message, "error")
        return redirect(url_for("exchange.show_voucher", code=code))
    except (service.NotAVoucher, service.MistypedVoucher) as refusal:
        raise service.VoucherNotFound() from refusal


@blueprint.route("/vouchers/<code>/part", methods=["GET", "POST"])
@guard("order.fulfil")
@limiter.limit(CODE_LIMIT)
def fulfil_part(code: str) -> Response | tuple[str, int]:
    """Only some of it was done: say how much, look at what moves, press once."""
    order = _get(code)
    if order.member_id == current_actor().member_id:
        return redirect(url_for("exchange.show_order", order_id=order.id))
    form = Form(schemas.PartSchema(), initial={"quantity": order.quantity, "minutes": order.amount_minutes})
    if form.submitted:
        with form.catching():
            part = service.Part(**form.load())
            if request.form.get("then") == "fulfil":
                with transaction() as session:
                    service.fulfil(session, code, part=part, actor=current_actor(), now=clock.now())
                flash("核销好了，其余的已经退回对方。", "success")
                return redirect(url_for("exchange.show_order", order_id=order.id))
            if request.form.get("then") != "change":
                share = service.share_of(order, part)
                rest = order.amount_minutes - share.minutes
                return _part_page(order, form, share=share, rest=rest, fields=form.typed()), 200
    return _part_page(order, form), form.status


def _part_page(order: Order, form: Form, **look: object) -> str:
    return render_template(
        "exchange/part.html",
        order=order,
        own=queries.own_minutes(db.session(), [order]).get(order.id),
        goods=order.offer.kind == GOODS,
        taker=order.served_by or order.provider,
        form=form,
        **({"share": None} | look),
    )


def _get(code: str) -> Order:
    """The order of a voucher that is the actor's business. Raises VoucherNotFound."""
    try:
        order = _find(rules.read_voucher(code))
    except (service.NotAVoucher, service.MistypedVoucher) as refusal:
        raise service.VoucherNotFound() from refusal
    if order is None:
        raise service.VoucherNotFound()
    return order


def _find(code: str) -> Order | None:
    """The order of a voucher, if it is the actor's business."""
    order, actor = queries.find_order_by_voucher(db.session(), code), current_actor()
    if order is None or order.member_id == actor.member_id:
        return order
    return order if queries.may_confirm(order, actor) else None


def _why_not(status: str) -> str:
    try:
        rules.decide("fulfil", status)
    except Refusal as refusal:
        return refusal.message
    return ""
