"""The desk itself: a device of the organisation that takes vouchers. It sees whether one counts, and no names."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Invalid, NotAllowed, NotFound, Refusal
from timebank.exchange import rules as exchange_rules
from timebank.partners import queries, rules, service
from timebank.partners.models import PartnerDesk
from timebank.partners.schemas import VoucherSchema
from timebank.partners.views.base import DESK_COOKIE, DESK_PATH, blueprint, desk_only, over, this_desk
from timebank.web.forms import Form
from timebank.web.guards import public
from timebank.web.headers import allow_wasm
from timebank.web.keyring import keys
from timebank.web.limits import CODE_LIMIT, limiter

WRONG_CODES = "20/minute;100/hour"  # per address: a till types wrong now and then, a guesser all the time


@blueprint.get(f"{DESK_PATH}/open/<link>")
@public
@limiter.limit(CODE_LIMIT)
def show_link(link: str) -> str | Response:
    """What the link does, and the button that makes this device the desk."""
    desk = _desk_of(link)
    if _is_this(desk.id):
        return redirect(url_for("partners.desk"))
    now = clock.now()
    fresh = desk.claimed_at is None and desk.closed_at is None and now < desk.link_until
    return render_template("partners/claim.html", desk=desk, link=link, fresh=fresh, used=service.LinkUsed.text)


@blueprint.post(f"{DESK_PATH}/open/<link>")
@public
@limiter.limit(CODE_LIMIT)
def claim(link: str) -> Response:
    """Make this device the desk; the link is worth nothing afterwards."""
    desk_id = _desk_of(link).id
    if _is_this(desk_id):
        return redirect(url_for("partners.desk"), 303)
    try:
        with transaction() as session:
            desk = service.claim_desk(session, desk_id, now=clock.now())
            lasts = int((desk.expires_at - clock.now()).total_seconds())
    except service.LinkUsed:
        return redirect(url_for("partners.show_link", link=link), 303)
    response = redirect(url_for("partners.desk"), 303)
    response.set_cookie(
        DESK_COOKIE,
        rules.note_of(keys(), rules.COOKIE, desk_id),
        max_age=lasts,
        path=DESK_PATH,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
    )
    return response


@blueprint.route(DESK_PATH, methods=["GET", "POST"])
@desk_only
@limiter.limit(WRONG_CODES, deduct_when=lambda response: response.status_code == 422)
def desk() -> Response | tuple[str, int]:
    """Type or scan a voucher."""
    form = Form(VoucherSchema())
    if form.submitted:
        with form.catching():
            code = exchange_rules.read_voucher(form.load()["voucher"])
            return redirect(url_for("partners.desk_voucher", code=code), 303)
    allow_wasm()
    return render_template("partners/desk.html", desk=this_desk(), form=form), form.status


@blueprint.get(f"{DESK_PATH}/vouchers/<code>")
@desk_only
@limiter.limit(CODE_LIMIT)
@limiter.limit(WRONG_CODES, deduct_when=lambda response: response.status_code == 404)
def desk_voucher(code: str) -> tuple[str, int]:
    """What a voucher is worth here, and the button that takes it."""
    try:
        seen = queries.look(db.session(), this_desk(), code, clock.now())
    except Refusal:
        seen = queries.Seen(validity="not_ours", code="")
    status = 404 if seen.validity == "not_ours" else 200
    return render_template("partners/desk_voucher.html", desk=this_desk(), seen=seen), status


@blueprint.post(f"{DESK_PATH}/vouchers/<code>")
@desk_only
@limiter.limit(CODE_LIMIT)
@limiter.limit(WRONG_CODES, deduct_when=lambda response: response.status_code == 404)
def redeem(code: str) -> Response | tuple[str, int]:
    """Take the voucher."""
    try:
        with transaction() as session:
            fresh = service.redeem(session, this_desk().id, code, now=clock.now())
        told = ("核销好了，请把东西交给会员。", "success") if fresh else ("这张券之前已经核销过了，不要再给。", "error")
        flash(*told)
    except NotAllowed:  # closed this very moment, or who opened it may not any more
        return over()
    except (service.NotOurs, NotFound, Invalid):
        return desk_voucher(code)
    except Refusal as refusal:
        flash(refusal.message, "error")
    return redirect(url_for("partners.desk_voucher", code=code), 303)


def _desk_of(link: str) -> PartnerDesk:
    desk_id = rules.read_note(keys(), rules.LINK, link)
    if desk_id is None:
        raise queries.DeskNotFound()
    return queries.get_desk(db.session(), desk_id)


def _is_this(desk_id: int) -> bool:
    """Whether this browser is the desk already."""
    return rules.read_note(keys(), rules.COOKIE, request.cookies.get(DESK_COOKIE, "")) == desk_id
