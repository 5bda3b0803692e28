"""A tablet at the entrance: opened by an organiser, who is signed out on it; then it takes personal codes only.

What opens these pages is a cookie of their own, signed, for one shift, until its end. No other page reads it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import flash, g, jsonify, redirect, render_template, request, session, url_for
from flask_login import logout_user
from werkzeug.wrappers import Response

from timebank.attendance.models import PERSONAL, Kiosk
from timebank.attendance.queries import door_counts, find_open_kiosk, list_open_kiosks
from timebank.attendance.rules import KioskGrant, kiosk_text, read_kiosk
from timebank.attendance.schemas import CodeSchema
from timebank.attendance.service import ScanAnswer, ScanDraft, close_kiosk, open_kiosk, record_scan
from timebank.attendance.views.base import blueprint, is_cancelled, reached
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import NotAllowed
from timebank.core.minutes import hours
from timebank.members.identity import load_actor
from timebank.members.queries import find_member_by_code
from timebank.web.filters import clocktime
from timebank.web.forms import Form, form_key, saying_refusals
from timebank.web.guards import current_actor, find_actor, guard, login_manager
from timebank.web.headers import allow_wasm
from timebank.web.keyring import keys
from timebank.web.limits import CODE_LIMIT, limiter

KIOSK_COOKIE = "kiosk"
PERMISSION = "kiosk.scan"
_PATH = "/kiosk"
_NOTHING = dict.fromkeys(("word", "name", "detail", "tone"), "")

View = TypeVar("View", bound=Callable[..., Any])


class KioskOver(NotAllowed):
    """The tablet was a kiosk and is none any more."""

    code = "attendance.kiosk_over"
    text = "这台平板的自助签到已经结束，现在不能签到。请找现场组织者。"


# --- the organiser ---------------------------------------------------------------------------------------------------


@blueprint.get("/organise/shifts/<int:shift_id>/kiosk")
@guard("check_in.others")
def kiosks(shift_id: int) -> str:
    """The tablets open for this shift, and the button that makes the present browser one."""
    shift = reached(db.session(), shift_id, "check_in.others")
    return render_template(
        "attendance/kiosks.html",
        shift=shift,
        cancelled=is_cancelled(shift),
        kiosks=list_open_kiosks(db.session(), shift_id, clock.now()),
        form_key=secrets.token_urlsafe(16),
    )


@blueprint.post("/organise/shifts/<int:shift_id>/kiosk")
@guard("check_in.others")
def open_here(shift_id: int) -> Response:
    """Make this browser a kiosk: whoever is signed in is signed out on it."""
    with saying_refusals():
        with transaction() as current:
            opened = open_kiosk(
                current, shift_id, form_key=form_key(), actor=current_actor(), keys=keys(), now=clock.now()
            )
            grant = KioskGrant(kiosk_id=opened.id, shift_id=shift_id, expires_at=opened.expires_at)
        session.clear()
        logout_user()
        response = redirect(url_for("attendance.kiosk"), 303)
        response.set_cookie(
            KIOSK_COOKIE,
            kiosk_text(keys(), grant),
            max_age=int((grant.expires_at - clock.now()).total_seconds()),  # a tablet's own clock may be wrong
            path=_PATH,
            httponly=True,
            samesite="Strict",
            secure=request.is_secure,
        )
        return response
    return redirect(url_for("attendance.kiosks", shift_id=shift_id), 303)


@blueprint.post("/organise/kiosks/<int:kiosk_id>/close")
@guard("check_in.others")
def close(kiosk_id: int) -> Response:
    """Close a tablet from anywhere; its next code is refused."""
    with transaction() as current:
        shift_id = close_kiosk(current, kiosk_id, actor=current_actor(), now=clock.now()).shift_id
        flash("这台平板的自助签到已经关闭。", "success")
    return redirect(url_for("attendance.kiosks", shift_id=shift_id), 303)


# --- the tablet ------------------------------------------------------------------------------------------------------


def kiosk_only(view: View) -> View:
    """Mark a view that only a browser with an open kiosk may ask; who is signed in there means nothing."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        kept = request.cookies.get(KIOSK_COOKIE, "")
        if not kept:
            if find_actor() is None:
                return login_manager.unauthorized()
            raise NotAllowed(permission=PERMISSION)
        grant = read_kiosk(keys(), kept)
        found = find_open_kiosk(db.session(), grant, clock.now()) if grant else None
        if found is None:
            return _over()
        g.kiosk = found
        return view(*args, **kwargs)

    guarded.permission = PERMISSION  # type: ignore[attr-defined]
    return cast(View, guarded)


def _over() -> tuple[Response | str, int]:
    if _wants_json():
        return jsonify({"tone": "bad", "word": "已经结束", "name": "", "detail": KioskOver.text, "over": True}), 403
    return render_template("attendance/kiosk_over.html", text=KioskOver.text), 403


@blueprint.get(_PATH)
@kiosk_only
def kiosk() -> str:
    """The big screen: a camera, a field that a hardware scanner types into, big keys. It works without scripts."""
    return _page(_NOTHING)


@blueprint.get(f"{_PATH}/state")
@kiosk_only
@limiter.exempt  # a tablet asks every few seconds, all day
def kiosk_state() -> Response:
    """How many are here: what tells the tablet that the network is there and that it is still open."""
    return jsonify(_counts(_kiosk()))


@blueprint.post(_PATH)
@kiosk_only
@limiter.limit(CODE_LIMIT, deduct_when=lambda response: response.status_code == 422)
def kiosk_scan() -> Response | tuple[Response | str, int]:
    """Check in or out whom a personal code names; answers a script in JSON and a form with a page."""
    form = Form(CodeSchema())
    told: dict[str, str] = {}
    try:
        with form.catching():
            told = _told(_record(form))
    except NotAllowed:  # closed this very moment, or who opened it may not check people in any more
        return _over()
    status = form.status
    told = told or _refused(form.errors.get("code") or form.message)
    if _wants_json():
        return jsonify(told | _counts(_kiosk())), status
    return _page(told), status


def _kiosk() -> Kiosk:
    return cast(Kiosk, g.kiosk)


def _record(form: Form) -> ScanAnswer:
    """One scan in the name of who opened the kiosk, as far as their role reaches today."""
    now, opened = clock.now(), _kiosk()
    member_id = find_member_by_code(db.session(), keys(), form.load()["code"], at=now).id
    draft = ScanDraft(
        shift_id=opened.shift_id,
        member_id=member_id,
        source=PERSONAL,
        claimed_at=now,
        key=form_key(),
        device=opened.device,
    )
    grant = KioskGrant(kiosk_id=opened.id, shift_id=opened.shift_id, expires_at=opened.expires_at)
    with transaction() as current:
        still = find_open_kiosk(current, grant, now)
        if still is None:
            raise KioskOver()
        g.kiosk = still
        return record_scan(current, draft, actor=load_actor(current, still.opened_by_id), now=now)


def _told(answer: ScanAnswer) -> dict[str, str]:
    """The answer in a word, the name that others see, a detail and a tone (ok, calm, bad)."""
    ground = answer.ground
    if answer.refusal is not None:
        return _refused(answer.refusal.message, ground.member_alias)
    if answer.kind == "out" and ground.out_at:
        told = {"word": f"已签退 {clocktime(ground.out_at)}", "detail": f"这次记 {hours(ground.minutes)}，谢谢您！"}
        return told | {"tone": "ok", "name": ground.member_alias}
    again = answer.kind == "again" or answer.repeated
    time = clocktime(ground.in_at) if ground.in_at else ""
    detail = "离开的时候请再来扫一次。" if ground.signed_up else "现场加入。离开的时候请再来扫一次。"
    return {
        "word": f"已签到 {time}".strip(),
        "detail": detail,
        "tone": "calm" if again else "ok",
        "name": ground.member_alias,
    }


def _refused(message: str, name: str = "") -> dict[str, str]:
    return {"word": "没有签上", "name": name, "detail": message, "tone": "bad"}


def _counts(opened: Kiosk) -> dict[str, int]:
    counts = door_counts(db.session(), opened.shift_id)
    return {"here": counts.here, "gone": counts.gone, "missing": counts.missing, "expected": counts.expected}


def _page(told: dict[str, str]) -> str:
    allow_wasm()
    opened = _kiosk()
    return render_template(
        "attendance/kiosk.html",
        shift=opened.shift,
        told=told,
        counts=_counts(opened),
        form_key=secrets.token_urlsafe(16),
    )


def _wants_json() -> bool:
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]
