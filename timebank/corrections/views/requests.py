"""``/me/statement/<entry>/ask``: a member thinks that an entry of theirs is wrong."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.corrections import queries, service
from timebank.corrections.models import OPEN, REQUEST_NAMES
from timebank.corrections.schemas import RequestSchema
from timebank.corrections.views import ENTRY, blueprint
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard


@blueprint.route(f"/me/statement/<{ENTRY}>/ask", methods=["GET", "POST"])
@guard("me.change")
def ask_check(entry_id: int) -> Response | tuple[str, int]:
    """What seems wrong, and what was answered before."""
    actor = current_actor()
    queries.get_own_entry(db.session(), entry_id, actor)
    form = Form(RequestSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            service.request_check(session, entry_id, **given, actor=actor, now=clock.now())
            flash("已经转给网点管理员，有结果会通知您。", "success")
            return redirect(url_for("corrections.ask_check", entry_id=entry_id))
    session = db.session()
    entry = queries.get_own_entry(session, entry_id, actor)
    earlier = queries.list_own_requests(session, actor.member_id or 0, entry_id)
    page = render_template(
        "corrections/ask_check.html",
        entry=entry,
        title=queries.title_of(entry),
        earlier=earlier,
        is_open=any(one.status == OPEN for one in earlier),
        statuses=REQUEST_NAMES,
        form=form,
    )
    return page, form.status
