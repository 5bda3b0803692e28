"""The screen at the door: one huge code, new every 20 seconds, and how many are here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import jsonify, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import Shift
from timebank.attendance.queries import door_counts, list_latest, present_code
from timebank.attendance.rules import CLOSES_MINUTES, OPENS_MINUTES, next_code_seconds, photo_seconds
from timebank.attendance.views.base import blueprint, is_cancelled, reached
from timebank.core import clock, codes
from timebank.core.db import db
from timebank.web.filters import clocktime, moment
from timebank.web.guards import guard
from timebank.web.keyring import keys, public_url
from timebank.web.limits import limiter
from timebank.web.qr import svg


@blueprint.get("/organise/shifts/<int:shift_id>/door")
@guard("door.open")
def door(shift_id: int) -> str:
    """The full screen. Without scripts it shows the present code and asks for the next by itself."""
    session = db.session()
    shift = reached(session, shift_id, "door.open")
    if is_cancelled(shift):
        return render_template("attendance/door_cancelled.html", shift=shift)
    return render_template("attendance/door.html", shift=shift, state=_state(session, shift, clock.now()))


@blueprint.get("/organise/shifts/<int:shift_id>/code")
@guard("door.open")
@limiter.exempt  # a screen asks every few seconds, all day; it is behind a sign-in
def code(shift_id: int) -> Response:
    """The code of this moment and the counts, for the screen that shows them."""
    session = db.session()
    shift = reached(session, shift_id, "door.open")
    return jsonify(_state(session, shift, clock.now()))


def _state(session: Session, shift: Shift, now: datetime) -> dict[str, Any]:
    text = present_code(session, keys(), shift.id, now)
    url = public_url(url_for("attendance.scan_code", code=text))
    counts = door_counts(session, shift.id)
    return {
        "svg": svg(url, "现场签到码"),
        "url": url,
        "code": codes.grouped(text),
        "photo_seconds": photo_seconds(now),
        "next_seconds": next_code_seconds(now),
        "note": _note(shift, now),
        "expected": counts.expected,
        "here": counts.here,
        "gone": counts.gone,
        "missing": counts.missing,
        "latest": [
            {"alias": one.alias, "word": "签退" if one.left else "签到", "time": clocktime(one.at)}
            for one in list_latest(session, shift.id)
        ],
    }


def _note(shift: Shift, now: datetime) -> str:
    """What people at the door should know about the time, or nothing."""
    before = (shift.starts_at - now).total_seconds() / 60
    after = (now - shift.ends_at).total_seconds() / 60
    if before > OPENS_MINUTES:
        return f"{moment(shift.starts_at)} 开始，提前 {OPENS_MINUTES} 分钟可以签到。"
    if after >= CLOSES_MINUTES:
        return "签退时间已过。请到“核对”里处理没有签退的人。"
    if after >= 0:
        return "班次已经结束，现在扫码签退。"
    return ""
