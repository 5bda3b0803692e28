"""Checking oneself in and out: scan the screen or the poster, one sentence, one button. Looking changes nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.attendance.models import POSTER
from timebank.attendance.queries import SeenCode, find_ground, read_code
from timebank.attendance.rules import (
    CLAIM_MINUTES,
    Claim,
    Ground,
    Mark,
    claim_text,
    judge,
    next_kind,
    read_claim,
    refusal_of,
)
from timebank.attendance.schemas import CodeSchema
from timebank.attendance.service import ScanDraft, explained, record_scan
from timebank.attendance.views.base import blueprint
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal
from timebank.web.forms import Form, form_key
from timebank.web.guards import current_actor, find_actor, guard, public
from timebank.web.keyring import keys
from timebank.web.limits import CODE_LIMIT, limiter

CLAIM_COOKIE = "claim"
DEVICE_COOKIE = "device"
_YEAR_SECONDS = 365 * 24 * 3600


def _failed(response: Response) -> bool:
    """A whole street team shares one address at the door: only wrong codes use up the limit."""
    return response.status_code >= 400


_guesses = limiter.shared_limit(CODE_LIMIT, scope="venue-codes", deduct_when=_failed)


@blueprint.get("/c/<code>")
@public
@_guesses
def scan_code(code: str) -> Response | tuple[str, int]:
    """Where the QR at the door leads: judge the code, remember it in this browser, then sign in or press."""
    try:
        seen = read_code(db.session(), keys(), code, now=clock.now())
    except Refusal as refusal:
        form = Form(CodeSchema())
        form.refuse(refusal)
        return _typing(form)
    if find_actor() is None:
        flash(f"签到码已记下。请在 {CLAIM_MINUTES} 分钟内登录，登录后按一下按钮就签到。", "notice")
        target = url_for("members.sign_in", next=url_for("attendance.check_in"))
    else:
        target = url_for("attendance.check_in")
    return _claimed(seen, target)


@blueprint.route("/check-in/code", methods=["GET", "POST"])
@guard("check_in.own")
@_guesses
def type_code() -> Response | tuple[str, int]:
    """For phones that cannot scan: type the short code below the picture."""
    form = Form(CodeSchema())
    if form.submitted:
        with form.catching():
            seen = read_code(db.session(), keys(), form.load()["code"], now=clock.now())
            return _claimed(seen, url_for("attendance.check_in"))
    return _typing(form)


def _typing(form: Form) -> tuple[str, int]:
    return render_template("attendance/type_code.html", form=form), form.status


def _claimed(seen: SeenCode, target: str) -> Response:
    response = redirect(target)
    response.set_cookie(
        CLAIM_COOKIE,
        claim_text(keys(), Claim(shift_id=seen.shift_id, seen_at=clock.now(), source=seen.source)),
        max_age=CLAIM_MINUTES * 60,
        path=url_for("attendance.check_in"),
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response


def _claim(now: datetime) -> Claim | None:
    return read_claim(keys(), request.cookies.get(CLAIM_COOKIE, ""), now)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What the page offers: ``kind`` in, out, again or left; what leaving now would count; or why it cannot be."""

    kind: str
    ground: Ground
    claim: Claim
    minutes: int
    refusal: Refusal | None

    @property
    def seen_at(self) -> datetime:
        """When the code was seen: the time that counts."""
        return self.claim.seen_at

    @property
    def by_poster(self) -> bool:
        """Whether the code was one on paper, which anybody may have photographed."""
        return self.claim.source == POSTER


def _step(ground: Ground, claim: Claim) -> Step:
    kind = next_kind(ground, None, claim.seen_at)
    refused = refusal_of(ground, kind, claim.seen_at)
    if kind == "out" and ground.out_at is not None and ground.out_at >= claim.seen_at.replace(microsecond=0):
        kind, refused = "left", None
    marks = [Mark(kind="in", at=ground.in_at or claim.seen_at), Mark(kind="out", at=claim.seen_at)]
    return Step(
        kind=kind,
        ground=ground,
        claim=claim,
        minutes=judge(marks, ground.policy).minutes,
        refusal=explained(refused, ground) if refused else None,
    )


@blueprint.get("/check-in")
@guard("check_in.own")
def check_in() -> str | Response | tuple[str, int]:
    """What will happen in one sentence, and the button that does it; afterwards, that it is done."""
    claim = _claim(clock.now())
    ground = find_ground(db.session(), claim.shift_id, current_actor().member_id or 0) if claim else None
    if claim is None or ground is None:
        return _typing(Form(CodeSchema()))
    return _page(_step(ground, claim))


def _page(step: Step) -> tuple[str, int]:
    status = step.refusal.status if step.refusal else 200
    page = render_template("attendance/check_in.html", step=step, form_key=secrets.token_urlsafe(16))
    return page, status


@blueprint.post("/check-in")
@guard("check_in.own")
def record() -> Response | tuple[str, int]:
    """Check in or out by the claim in this browser; sending it twice is answered the same."""
    actor, now = current_actor(), clock.now()
    claim = _claim(now)
    if claim is None:
        flash(f"扫码以后超过了 {CLAIM_MINUTES} 分钟。请重新扫一下现场的签到码。", "error")
        return redirect(url_for("attendance.check_in"))
    wanted = request.form.get("wanted")
    device = request.cookies.get(DEVICE_COOKIE, "") or secrets.token_urlsafe(16)
    draft = ScanDraft(
        shift_id=claim.shift_id,
        member_id=actor.member_id or 0,
        source=claim.source,
        claimed_at=claim.seen_at,
        key=form_key(otherwise=f"{claim.seen_at.timestamp():.0f}-{wanted}"),
        wanted=wanted if wanted in {"in", "out"} else None,
        device=keys().index("device", device[:64]),
    )
    with transaction() as session:
        answer = record_scan(session, draft, actor=actor, now=now)
    if answer.refusal is not None:
        return _page(Step(kind=answer.kind, ground=answer.ground, claim=claim, minutes=0, refusal=answer.refusal))
    response = redirect(url_for("attendance.check_in"), 303)
    response.set_cookie(
        DEVICE_COOKIE, device[:64], max_age=_YEAR_SECONDS, httponly=True, samesite="Lax", secure=request.is_secure
    )
    return response
