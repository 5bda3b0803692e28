"""Checking others in: scan a personal code with the camera, type it, or find the person in the list."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from flask import flash, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import Shift
from timebank.attendance.models import PERSONAL, STAFF
from timebank.attendance.queries import door_counts, list_roster, search_members
from timebank.attendance.schemas import CodeSchema
from timebank.attendance.service import ScanAnswer, ScanDraft, record_scan
from timebank.attendance.views.base import blueprint, is_cancelled, reached
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.minutes import hours
from timebank.members.models import Member
from timebank.members.queries import find_member_by_code
from timebank.web.filters import clocktime
from timebank.web.forms import Form, form_key, tidy_text
from timebank.web.guards import current_actor, guard
from timebank.web.headers import allow_wasm
from timebank.web.keyring import keys
from timebank.web.limits import CODE_LIMIT, limiter

_LONGEST_SEARCH = 60


@blueprint.get("/organise/shifts/<int:shift_id>/scan")
@guard("check_in.others")
def scanner(shift_id: int) -> str:
    """Camera, typing, search and the list with its buttons; all but the camera work without scripts."""
    return _page(shift_id, Form(CodeSchema()))


def _page(shift_id: int, form: Form) -> str:
    allow_wasm()
    session = db.session()
    shift = reached(session, shift_id, "check_in.others")
    roster = list_roster(session, shift_id)
    wanted = tidy_text(request.args.get("q", ""))[:_LONGEST_SEARCH]
    listed = [line.member_id for line in roster]
    return render_template(
        "attendance/scan.html",
        shift=shift,
        cancelled=is_cancelled(shift),
        form=form,
        wanted=wanted,
        roster=[line for line in roster if _matches(wanted, line.name, line.alias, line.number, line.phone_tail)],
        counts=door_counts(session, shift_id),
        found=_others(session, shift, wanted, listed),
        form_key=secrets.token_urlsafe(16),
    )


def _matches(wanted: str, *values: str | None) -> bool:
    return not wanted or any(wanted.upper() in (value or "").upper() for value in values)


def _others(session: Session, shift: Shift, wanted: str, listed: Sequence[int]) -> Sequence[Member]:
    """People not on the list whom a search finds."""
    if not wanted:
        return ()
    return search_members(session, wanted, branch_id=shift.activity.branch_id, without=listed)


@blueprint.post("/organise/shifts/<int:shift_id>/scan")
@guard("check_in.others")
@limiter.limit(CODE_LIMIT, deduct_when=lambda response: response.status_code == 422)
def scan_person(shift_id: int) -> Response | tuple[Response | str, int]:
    """Check in or out whom a personal code names; answers a script in JSON and a form with a page."""
    form = Form(CodeSchema())
    told: dict[str, str] = {}
    with form.catching():
        reached(db.session(), shift_id, "check_in.others")
        member = find_member_by_code(db.session(), keys(), form.load()["code"], at=clock.now())
        answer = _record(shift_id, member.id, PERSONAL, None)
        told = _told(answer)
    if _wants_json():
        return _json(shift_id, told or _refused(form.errors.get("code") or form.message), form.status)
    if not told:
        return _page(shift_id, form), form.status
    return _said(shift_id, told)


@blueprint.post("/organise/shifts/<int:shift_id>/scan/<int:member_id>")
@guard("check_in.others")
def scan_listed(shift_id: int, member_id: int) -> Response:
    """Check in or out somebody chosen from the list."""
    wanted = request.form.get("wanted")
    answer = _record(shift_id, member_id, STAFF, wanted if wanted in {"in", "out"} else None)
    return _said(shift_id, _told(answer))


def _record(shift_id: int, member_id: int, source: str, wanted: str | None) -> ScanAnswer:
    now = clock.now()
    draft = ScanDraft(
        shift_id=shift_id, member_id=member_id, source=source, claimed_at=now, key=form_key(), wanted=wanted
    )
    with transaction() as session:
        return record_scan(session, draft, actor=current_actor(), now=now)


def _told(answer: ScanAnswer) -> dict[str, str]:
    """The answer in a word, a name, a detail and a tone (ok, calm, bad)."""
    ground = answer.ground
    if answer.refusal is not None:
        return _refused(answer.refusal.message, ground.member_name)
    if answer.kind == "out" and ground.out_at:
        told = {"word": "已签退", "detail": f"{clocktime(ground.out_at)}，记 {hours(ground.minutes)}", "tone": "ok"}
    else:
        again = answer.kind == "again" or answer.repeated
        time = clocktime(ground.in_at) if ground.in_at else ""
        guest = "" if ground.signed_up else "，现场加入"
        told = {"word": "已签到", "detail": f"{time}{guest}", "tone": "calm" if again else "ok"}
    return told | {"name": ground.member_name}


def _refused(message: str, name: str = "") -> dict[str, str]:
    return {"word": "没有签上", "name": name, "detail": message, "tone": "bad"}


def _wants_json() -> bool:
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def _json(shift_id: int, told: dict[str, str], status: int) -> tuple[Response, int]:
    counts = door_counts(db.session(), shift_id)
    numbers = {"expected": counts.expected, "here": counts.here, "gone": counts.gone, "missing": counts.missing}
    return jsonify(told | numbers), status


def _said(shift_id: int, told: dict[str, str]) -> Response:
    sentence = "，".join(filter(None, (told["name"], told["word"], told["detail"])))
    flash(sentence.rstrip("。") + "。", "error" if told["tone"] == "bad" else "success")
    query = tidy_text(request.form.get("q", ""))[:_LONGEST_SEARCH]
    return redirect(url_for("attendance.scanner", shift_id=shift_id, q=query or None), 303)
