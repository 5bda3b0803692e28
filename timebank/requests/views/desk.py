"""``/branch/requests``: what waits at a branch, and taking up, dispatching, asking, declining, handing over."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.requests import queries, schemas, service
from timebank.requests.views.base import ONE, back_to, blueprint
from timebank.requests.views.one import request_page
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard

_PARTS = {"asked": "等受理", "open": "等人接单", "running": "进行中", "ended": "已结束"}


@blueprint.get("/branch/requests")
@guard("request.read")
def desk() -> str:
    """Everything that was asked for at a branch, by what it waits for."""
    choice, session, now = choose_branch("request.read"), db.session(), clock.now()
    branch, actor = choice.branch, current_actor()
    counts = queries.count_desk(session, branch.id, today=clock.today(now))
    asked = request.args.get("part", "")
    part = asked if asked in _PARTS else "asked" if counts.asked else "open" if counts.open else "running"
    page = queries.page_desk(session, branch.id, part, number=page_number(request.args.get("page")))  # type: ignore[arg-type]
    return render_template(
        "requests/desk.html",
        choice=choice,
        branch=branch,
        counts=counts,
        part=part,
        parts=_PARTS,
        numbers={"asked": counts.asked, "open": counts.open, "running": counts.running},
        shown=queries.show_many(session, page.items, actor, now=now),
        page=page,
        today=clock.today(now),
        may_ask=actor.may("request.others", branch_id=branch.id),
    )


@blueprint.post(f"{ONE}/take-up")
@guard("request.check")
def take_up(help_request_id: int) -> Response:
    """Become the one who sees to it."""
    with saying_refusals(), transaction() as session:
        service.take_up(session, help_request_id, actor=current_actor(), now=clock.now())
        flash("由您负责这一单了。核对清楚以后，请派单，或者说明为什么不受理。", "success")
    return back_to(help_request_id)


@blueprint.post(f"{ONE}/dispatch")
@guard("request.check")
def dispatch(help_request_id: int) -> Response | tuple[str, int]:
    """Let it go out."""
    form = Form(schemas.DispatchSchema())
    with form.catching(), transaction() as session:
        how = service.Dispatch(**form.load())
        sent = service.dispatch(session, help_request_id, how, actor=current_actor(), now=clock.now())
        flash("已派单，本网点的会员都看得到。" if sent.to_all else "已派单，请选志愿者来接。", "success")
        return back_to(help_request_id)
    return request_page(help_request_id, dispatch=form), form.status


@blueprint.post(f"{ONE}/decline")
@guard("request.check")
def decline(help_request_id: int) -> Response | tuple[str, int]:
    """Say that the branch cannot do it, and why."""
    form = Form(schemas.ReasonSchema())
    with form.catching(), transaction() as session:
        service.decline(session, help_request_id, **form.load(), actor=current_actor(), now=clock.now())
        flash("已说明原因，点单的人会收到通知。", "success")
        return back_to(help_request_id)
    return request_page(help_request_id, decline=form), form.status


@blueprint.post(f"{ONE}/invite")
@guard("request.check")
def invite(help_request_id: int) -> Response | tuple[str, int]:
    """Ask volunteers."""
    form = Form(schemas.InviteSchema())
    with form.catching(), transaction() as session:
        given = form.load()
        asked = service.invite(
            session,
            help_request_id,
            member_ids=given["who"],
            number=given["number"],
            actor=current_actor(),
            now=clock.now(),
        )
        flash(f"已经请了 {asked} 位，等他们答复。" if asked else "这几位之前已经请过了。", "success")
        return back_to(help_request_id)
    return request_page(help_request_id, invite=form), form.status


@blueprint.post(f"{ONE}/hand-over")
@guard("request.check")
def hand_over(help_request_id: int) -> Response | tuple[str, int]:
    """Let a colleague see to it."""
    form = Form(schemas.HandOverSchema())
    with form.catching(), transaction() as session:
        moved = service.hand_over(
            session, help_request_id, number=form.load()["number"], actor=current_actor(), now=clock.now()
        )
        flash("已移交，对方会收到通知。", "success")
        return redirect(url_for("requests.desk", branch=moved.branch_id), 303)
    return request_page(help_request_id, hand_over=form), form.status
