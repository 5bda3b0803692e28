"""A member's notices."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import NotFound
from timebank.core.paging import page_number
from timebank.notices.queries import count_unread, find_link, list_notices
from timebank.notices.service import mark_read
from timebank.web.guards import current_actor, guard
from timebank.web.views import local_path

blueprint = Blueprint("notices", __name__)


@blueprint.get("/me/notices")
@guard("me.read")
def listed() -> str:
    """Unread first, then the newest."""
    reader = current_actor().member_id or 0
    session = db.session()
    page = list_notices(session, reader, number=page_number(request.args.get("page")))
    return render_template("notices/list.html", page=page, unread=count_unread(session, reader))


@blueprint.post("/me/notices/<int:notice_id>/read")
@guard("me.change")
def read(notice_id: int) -> Response:
    """Mark one as read, and perhaps go where it leads."""
    reader = current_actor().member_id or 0
    with transaction() as session:
        link = find_link(session, reader, notice_id)
        if link is None:
            raise NotFound()
        mark_read(session, reader, now=clock.now(), notice_id=notice_id)
    return redirect(local_path(link) if link and request.form.get("go") else url_for("notices.listed"))


@blueprint.post("/me/notices/read")
@guard("me.change")
def read_all() -> Response:
    """Mark all as read."""
    with transaction() as session:
        marked = mark_read(session, current_actor().member_id or 0, now=clock.now())
    flash(f"{marked} 条通知已标为已读。" if marked else "没有未读的通知。", "success")
    return redirect(url_for("notices.listed"))
