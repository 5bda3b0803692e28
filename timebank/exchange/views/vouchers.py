"""Vouchers: typed or scanned, shown what will happen, confirmed with one button."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
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
    try:
        order = _find(rules.read_voucher(code))
    except (service.NotAVoucher, service.MistypedVoucher) as refusal:
        raise service.VoucherNotFound() from refusal
    if order is None:
        raise service.VoucherNotFound()
    if order.member_id == current_actor().member_id:
        return redirect(url_for("exchange.show_order", order_id=order.id))
    status = rules.status_at(order.status, order.expires_at, clock.now())
    return render_template(
        "exchange/voucher.html",
        order=order,
        goods=order.offer.kind == GOODS,
        taker=order.served_by or order.provider,
        status=status,
        status_name=status_name(status, order.offer.kind),
        tone=TONES[status],
        ready=status == ACCEPTED,
        done=status == FULFILLED,
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
