"""The paper poster for a shift's door: a code that does not move, for who has no screen to hang up."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as Redirect

from timebank.activities.models import Shift
from timebank.attendance.models import ShiftPoster
from timebank.attendance.queries import code_of_poster, find_poster, policy_of
from timebank.attendance.rules import closes_at, opens_at
from timebank.attendance.service import make_poster, revoke_poster
from timebank.attendance.views.base import blueprint, is_cancelled, reached
from timebank.core import clock, codes
from timebank.core.db import db, transaction
from timebank.members.queries import list_names
from timebank.web import print as paper
from timebank.web import qr
from timebank.web.filters import clocktime, day, span
from timebank.web.forms import form_key, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys, public_url
from timebank.web.limits import DOWNLOAD_LIMIT, limiter

_MOST_TITLE = 60


@blueprint.get("/organise/shifts/<int:shift_id>/poster")
@guard("door.open")
def poster(shift_id: int) -> str:
    """The poster that counts, to print; or what it is for, and the button that makes one."""
    session, now = db.session(), clock.now()
    shift = reached(session, shift_id, "door.open")
    found = find_poster(session, shift_id)
    code = code_of_poster(session, keys(), found) if found else ""
    names = list_names(session, {found.made_by_id} if found and found.made_by_id else set())
    return render_template(
        "attendance/poster.html",
        shift=shift,
        cancelled=is_cancelled(shift),
        over=now >= closes_at(policy_of(shift, shift.activity)),
        poster=found,
        made_by=next((one.name for one in names.values()), ""),
        code=codes.grouped(code),
        picture=qr.svg(_link(code), "固定签到码") if code else "",
        window=_window(shift),
        form_key=secrets.token_urlsafe(16),
    )


def _link(code: str) -> str:
    return public_url(url_for("attendance.scan_code", code=code))


def _window(shift: Shift) -> str:
    """From when to when the poster's code counts."""
    policy = policy_of(shift, shift.activity)
    return span(opens_at(policy), closes_at(policy))


@blueprint.get("/organise/shifts/<int:shift_id>/poster.pdf")
@guard("door.open")
@limiter.limit(DOWNLOAD_LIMIT)
def check_in_poster(shift_id: int) -> Response:
    """The poster as a sheet to print."""
    session = db.session()
    shift = reached(session, shift_id, "door.open")
    found = find_poster(session, shift_id)
    if found is None or is_cancelled(shift):
        abort(404)
    sheet = paper.pdf("check_in_poster.typ", _values(shift, found))
    named = {"Content-Disposition": f'attachment; filename="check-in-{shift_id}-{found.number}.pdf"'}
    return Response(sheet, content_type="application/pdf", headers=named)


def _values(shift: Shift, found: ShiftPoster) -> dict[str, Any]:
    """What ``check_in_poster.typ`` wants."""
    activity, policy = shift.activity, policy_of(shift, shift.activity)
    code = code_of_poster(db.session(), keys(), found)
    link = _link(code)
    return {
        "branch": activity.branch.name,
        "title": activity.title[:_MOST_TITLE],
        "day": day(shift.starts_at),
        "hours": f"{clocktime(shift.starts_at)}–{clocktime(shift.ends_at)}",
        "place": shift.place or activity.place,
        "window": f"{clocktime(opens_at(policy))}–{clocktime(closes_at(policy))}",
        "code": codes.grouped(code),
        "number": found.number,
        "contact": f"{activity.contact_name} {activity.contact_phone}",
        "address": public_url(url_for("attendance.type_code")),
        "qr": qr.runs(qr.matrix(link)),
    }


@blueprint.post("/organise/shifts/<int:shift_id>/poster")
@guard("door.open")
def make_new_poster(shift_id: int) -> Redirect:
    """Make a poster, or another one in place of the first."""
    with saying_refusals(), transaction() as session:
        made = make_poster(session, shift_id, form_key=form_key(), actor=current_actor(), now=clock.now())
        flash("海报做好了，请打印。" if made.number == 1 else "新海报做好了，请打印。以前的海报已经不能用。", "success")
    return redirect(url_for("attendance.poster", shift_id=shift_id), 303)


@blueprint.post("/organise/shifts/<int:shift_id>/poster/revoke")
@guard("door.open")
def take_poster_down(shift_id: int) -> Redirect:
    """Make the poster's code worthless."""
    with saying_refusals(), transaction() as session:
        revoke_poster(session, shift_id, actor=current_actor(), now=clock.now())
        flash("海报已停用，扫它的人会看到“已经停用”。", "success")
    return redirect(url_for("attendance.poster", shift_id=shift_id), 303)
