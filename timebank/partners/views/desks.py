"""Managers open desks for organisations and close them."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import list_organisations
from timebank.partners import queries, rules, schemas, service
from timebank.partners.views.base import ID, blueprint
from timebank.web import qr
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys, public_url


@blueprint.route("/branch/desks", methods=["GET", "POST"])
@guard("desk.open")
def desks() -> Response | tuple[str, int]:
    """A branch's desks, and the form that opens one."""
    choice = choose_branch("desk.open")
    branch_id = choice.branch.id
    form = Form(schemas.DeskSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.DeskDraft(branch_id=branch_id, **form.load())
            desk = service.open_desk(session, draft, actor=current_actor(), now=clock.now())
            flash("核销台开好了。把下面的二维码或链接交给对方，在他们的设备上打开一次。", "success")
            return redirect(url_for("partners.show_desk", desk_id=desk.id), 303)
    page = render_template(
        "partners/desks.html",
        choice=choice,
        branch=choice.branch,
        form=form,
        rows=queries.list_desks(db.session(), branch_id),
        organisations=[(one.id, one.name) for one in list_organisations(db.session(), branch_id)],
        now=clock.now(),
        days=rules.DESK_LASTS.days,
    )
    return page, form.status


@blueprint.get(f"/branch/desks/<{ID}:desk_id>")
@guard("desk.open")
def show_desk(desk_id: int) -> str:
    """One desk: its link while nobody used it, and whether it is open."""
    desk = queries.get_desk(db.session(), desk_id)
    current_actor().require("desk.open", branch_id=desk.branch_id)
    now = clock.now()
    fresh = desk.claimed_at is None and desk.closed_at is None and now < desk.link_until
    link = public_url(url_for("partners.show_link", link=rules.note_of(keys(), rules.LINK, desk.id)))
    return render_template(
        "partners/show_desk.html",
        desk=desk,
        fresh=fresh,
        link=link,
        code=qr.svg(link, "核销台的一次性链接") if fresh else None,
        is_open=queries.find_open_desk(db.session(), desk.id, now) is not None,
    )


@blueprint.post(f"/branch/desks/<{ID}:desk_id>/close")
@guard("desk.open")
def close_desk(desk_id: int) -> Response:
    """Close a desk from anywhere; its next voucher is refused."""
    with transaction() as session:
        desk = service.close_desk(session, desk_id, actor=current_actor(), now=clock.now())
        flash(f"“{desk.title}”的核销台已经关闭，那台设备不能再核销。", "success")
    return redirect(url_for("partners.desks", branch=desk.branch_id), 303)
