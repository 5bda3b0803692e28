"""``/requests``: what a volunteer can take; saying yes, saying no, giving it back."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.members.queries import get_member
from timebank.requests import queries, schemas, service
from timebank.requests.models import CATEGORIES, KIND_NAMES, PARTS_OF_DAY
from timebank.requests.rules import can_do
from timebank.requests.views.base import ONE, back_to, blueprint
from timebank.requests.views.one import request_page
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.query import Query


@blueprint.get("/requests")
@guard("request.own")
def list_requests() -> str:
    """What the actor may take at their branch, what they can do first."""
    session, actor, now, form = db.session(), current_actor(), clock.now(), Query()
    member = get_member(session, actor.member_id or 0)
    wanted = queries.Wanted(
        category=form.one_of("category", CATEGORIES),
        part_of_day=form.one_of("part", PARTS_OF_DAY),
        kind=form.one_of("kind", KIND_NAMES),
    )
    page = queries.page_open(session, member, wanted, number=page_number(request.args.get("page")))
    return render_template(
        "requests/list.html",
        form=form,
        branch=member.branch,
        invited=queries.show_many(session, queries.list_invited(session, member.id), actor, now=now),
        shown=queries.show_many(session, page.items, actor, now=now),
        page=page,
        mine={code for code in CATEGORIES if can_do(member.skills, code)},
        codes={one.id: one.category for one in page.items},
        skills=member.skills,
        categories=CATEGORIES,
        parts=PARTS_OF_DAY,
        kinds=KIND_NAMES,
    )


@blueprint.post(f"{ONE}/claim")
@guard("request.own")
def claim(help_request_id: int) -> Response | tuple[str, int]:
    """Say yes."""
    form = Form(schemas.ClaimSchema())
    with form.catching(), transaction() as session:
        wanted = service.Claim(**form.load())
        service.claim(session, help_request_id, wanted, actor=current_actor(), now=clock.now())
        flash("接好了，已经告诉对方。去之前请点“查看服务对象”，看姓名、电话和地址。", "success")
        return back_to(help_request_id)
    return request_page(help_request_id, claim=form), form.status


@blueprint.post(f"{ONE}/refuse")
@guard("request.own")
def refuse(help_request_id: int) -> Response:
    """Say no to being asked."""
    with saying_refusals(), transaction() as session:
        service.refuse(session, help_request_id, actor=current_actor(), now=clock.now())
        flash("已经告诉网点您这次来不了。没关系，下次再请您。", "success")
    return redirect(url_for("requests.list_requests"), 303)


@blueprint.post(f"{ONE}/move")
@guard("request.own")
def move(help_request_id: int) -> Response | tuple[str, int]:
    """Agree on another time."""
    form = Form(schemas.MoveSchema())
    with form.catching(), transaction() as session:
        at = form.load()["starts_at"]
        service.move(session, help_request_id, starts_at=at, actor=current_actor(), now=clock.now())
        flash("时间改好了，已经告诉对方。", "success")
        return back_to(help_request_id)
    return request_page(help_request_id, move=form), form.status


@blueprint.post(f"{ONE}/release")
@guard("request.own")
def release(help_request_id: int) -> Response | tuple[str, int]:
    """Give it back."""
    form = Form(schemas.ReasonSchema())
    with form.catching(), transaction() as session:
        actor = current_actor()
        was_mine = queries.sides_of(session, queries.get_request(session, help_request_id, actor), actor).volunteer
        service.release(session, help_request_id, **form.load(), actor=actor, now=clock.now())
        flash("已退单，网点会重新找人。谢谢您提前说一声。", "success")
        return redirect(url_for("requests.my_requests", side="taken"), 303) if was_mine else back_to(help_request_id)
    return request_page(help_request_id, release=form), form.status
