"""The organiser says of each who did not come: absent, excused, or nothing yet. A person decides, never the program."""

from __future__ import annotations

import re

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from timebank.activities.models import NO_SHOW_NAMES
from timebank.attendance.service import mark_absences
from timebank.attendance.views.base import blueprint, reached
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.web.forms import saying_refusals
from timebank.web.guards import current_actor, guard

_MARK = re.compile(r"mark-(\d{1,9})")


@blueprint.post("/organise/shifts/<int:shift_id>/review/no-shows")
@guard("attendance.review")
def mark_no_shows(shift_id: int) -> Response:
    """Keep what was chosen for each."""
    reached(db.session(), shift_id, "attendance.review")
    marks = {
        int(found[1]): kind if kind in NO_SHOW_NAMES else ""
        for name, kind in request.form.items()
        if (found := _MARK.fullmatch(name))
    }
    with saying_refusals(), transaction() as session:
        count = mark_absences(session, shift_id, marks, actor=current_actor(), now=clock.now())
        flash(f"已记下 {count} 位。名单审核通过以后才算数，本人会收到通知，可以申诉。", "success")
    return redirect(url_for("attendance.review", shift_id=shift_id), 303)
