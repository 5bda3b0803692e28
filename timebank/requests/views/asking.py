"""``/requests/new`` and ``/me/requests``: asking, following, taking back, rating."""

from __future__ import annotations

from typing import Any

from flask import flash, render_template, request
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.members.models import ACTIVE, Member
from timebank.members.queries import get_member
from timebank.requests import queries, schemas, service
from timebank.requests.models import (
    CATEGORIES,
    FUND,
    HEARD_NAMES,
    KIND_NAMES,
    NONE,
    OWN,
    PARTS_OF_DAY,
    REQUEST,
    WISH,
)
from timebank.requests.rules import FARTHEST, RequestDraft
from timebank.requests.views.base import ONE, back_to, blueprint
from timebank.requests.views.one import request_page
from timebank.web.forms import Form, FormSchema
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.limits import CODE_LIMIT, limiter

_SOURCES = (
    (OWN, "用服务对象的爱心币", "先冻结最多的时长，做完审核后按实际扣，没用完的退回。"),
    (FUND, "由爱心基金出", "给不方便参加服务、没有币的人；要两个人同意。"),
    (NONE, "不用币", "志愿者照常记时长，按网点规则存币。"),
)


@blueprint.route("/requests/new", methods=["GET", "POST"])
@guard("request.own")
@limiter.limit(CODE_LIMIT, methods=["POST"], deduct_when=lambda response: response.status_code == 422)
def new_request() -> Response | tuple[str, int]:
    """Say what is needed."""
    actor = current_actor()
    form = Form(schemas.RequestSchema(), initial=_initial())
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = RequestDraft(form_key=form.key, **form.load())
            asked = service.ask(session, draft, actor=actor, keys=keys(), now=clock.now())
            flash(f"“{asked.title}”已经点好，等网点受理。有消息会通知您。", "success")
            return back_to(asked.id)
    today = clock.today(clock.now())
    page = render_template(
        "requests/new.html",
        form=form,
        for_others=actor.may("request.others"),
        someone=bool(form.value("number")) or actor.may("request.others") or bool(form.value("confidential")),
        kinds=[
            (REQUEST, KIND_NAMES[REQUEST], "要有人来帮一次忙"),
            (WISH, KIND_NAMES[WISH], "一个小心愿，谁都可以认领"),
        ],
        categories=CATEGORIES,
        parts=PARTS_OF_DAY,
        sources=_SOURCES,
        heard=HEARD_NAMES,
        today=today,
        farthest=today + FARTHEST,
    )
    return page, form.status


def _initial() -> dict[str, Any]:
    today = clock.today(clock.now())
    known: dict[str, Any] = {
        "kind": WISH if request.args.get("kind") == WISH else REQUEST,
        "first_day": today.isoformat(),
        "part_of_day": "any",
        "source": NONE if request.args.get("kind") == WISH else OWN,
        "heard": "visit",
        "length": 60,
    }
    whom = _chosen_member()
    return known | ({"number": whom.number, "name": whom.name} if whom is not None else {})


def _chosen_member() -> Member | None:
    """Somebody whom staff came from; who may not read members has to type number and name."""
    text, actor = request.args.get("member", ""), current_actor()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    member = db.session().get(Member, int(text))
    if member is None or member.status != ACTIVE or not actor.may("member.read", branch_id=member.branch_id):
        return None
    return member


@blueprint.get("/me/requests")
@guard("request.own")
def my_requests() -> str:
    """What the actor asked for or was asked for them, or what they took; what waits for them first."""
    session, actor, now = db.session(), current_actor(), clock.now()
    me = get_member(session, actor.member_id or 0)
    side = "taken" if request.args.get("side") == "taken" else "asked"
    find = queries.list_taken if side == "taken" else queries.list_asked
    page = find(session, me.id, number=page_number(request.args.get("page")))
    return render_template(
        "requests/mine.html",
        side=side,
        invited=queries.show_many(session, queries.list_invited(session, me.id), actor, now=now),
        shown=queries.show_many(session, page.items, actor, now=now),
        page=page,
    )


@blueprint.post(f"{ONE}/withdraw")
@guard("request.own")
def withdraw(help_request_id: int) -> Response | tuple[str, int]:
    """Take it back."""
    form = Form(schemas.ReasonSchema())
    with form.catching(), transaction() as session:
        service.withdraw(session, help_request_id, **form.load(), actor=current_actor(), now=clock.now())
        flash("已撤回。冻结的爱心币已经退回。", "success")
        return back_to(help_request_id)
    return request_page(help_request_id, withdraw=form), form.status


@blueprint.post(f"{ONE}/confirm")
@guard("request.own")
def confirm(help_request_id: int) -> Response | tuple[str, int]:
    """Say that a wish came true."""
    form = Form(FormSchema())
    with form.catching(), transaction() as session:
        service.confirm_wish(session, help_request_id, actor=current_actor(), now=clock.now())
        flash("心愿达成，已经谢过志愿者。", "success")
        return back_to(help_request_id)
    return request_page(help_request_id, confirm=form), form.status


@blueprint.post(f"{ONE}/rate")
@guard("request.own")
def rate(help_request_id: int) -> Response | tuple[str, int]:
    """Rate the other side."""
    form = Form(schemas.RateSchema())
    with form.catching(), transaction() as session:
        service.rate(session, help_request_id, **form.load(), actor=current_actor(), now=clock.now())
        flash("谢谢您的评价。", "success")
        return back_to(help_request_id)
    return request_page(help_request_id, rate=form), form.status
