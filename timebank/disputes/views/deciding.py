"""``/branch/disputes/<id>``: both sides' words, what a decision would do, and the decision."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal
from timebank.disputes import queries, rules, service
from timebank.disputes.models import OPEN, Dispute
from timebank.disputes.schemas import NoteSchema, RulingSchema, SaySchema
from timebank.disputes.service.deciding import ruled_minutes
from timebank.disputes.views.base import ID, blueprint, case_page
from timebank.exchange.models import GOODS
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard


@blueprint.get(f"/branch/disputes/<{ID}:dispute_id>")
@guard("dispute.read")
def case(dispute_id: int) -> str:
    """A case as staff see it."""
    return decision_page(dispute_id)


@blueprint.post(f"/branch/disputes/<{ID}:dispute_id>/decide")
@guard("dispute.decide")
def decide(dispute_id: int) -> Response | tuple[str, int]:
    """Look at what a decision would do, then decide."""
    dispute = _mine_to_decide(dispute_id)
    form = Form(RulingSchema())
    with form.catching():
        typed = form.load()
        if request.form.get("then") == "decide":
            with transaction() as session:
                draft = _draft(dispute, typed, form.key)
                done = service.decide(session, draft, actor=current_actor(), now=clock.now())
                flash(*_said(done))
            return redirect(url_for("disputes.case", dispute_id=dispute_id))
        if request.form.get("then") != "change":
            minutes = ruled_minutes(dispute, typed["outcome"], _part(dispute, typed))
            look = queries.look(db.session(), dispute, minutes, now=clock.now())
            return decision_page(dispute_id, decision=form, look=look, typed=form.typed()), 200
    return decision_page(dispute_id, decision=form), form.status


@blueprint.post(f"/branch/disputes/<{ID}:dispute_id>/agree")
@guard("dispute.decide")
def agree(dispute_id: int) -> Response:
    """The second person's yes."""
    return _second(dispute_id, agreed=True)


@blueprint.post(f"/branch/disputes/<{ID}:dispute_id>/disagree")
@guard("dispute.decide")
def disagree(dispute_id: int) -> Response:
    """The second person's no, with a reason."""
    return _second(dispute_id, agreed=False)


def _second(dispute_id: int, *, agreed: bool) -> Response:
    _mine_to_decide(dispute_id)
    form = Form(NoteSchema())
    verb = service.agree if agreed else service.disagree
    with saying_refusals(), transaction() as session:
        verb(session, dispute_id, note=form.load()["note"], actor=current_actor(), now=clock.now())
        flash("已同意，账办好了，双方会收到通知。" if agreed else "没有同意，账没有动，争议还等决定。", "success")
    return redirect(url_for("disputes.case", dispute_id=dispute_id))


def decision_page(dispute_id: int, **more: Any) -> str:
    """The case with what this person may do about it."""
    session, actor = db.session(), current_actor()
    dispute = queries.get_dispute(session, dispute_id)
    actor.require("dispute.read", branch_id=dispute.branch_id)
    why = queries.why_involved(session, dispute, actor.member_id or 0)
    may_decide = actor.may("dispute.decide", branch_id=dispute.branch_id) and dispute.status == OPEN
    ruling = queries.find_waiting_ruling(session, dispute_id)
    shown: dict[str, Any] = {"look": None, "typed": {}, "decision": Form(RulingSchema()), "say": Form(SaySchema())}
    return case_page(
        "disputes/decision.html",
        dispute_id,
        why_not=why,
        may_decide=may_decide and not why and ruling is None,
        may_second=may_decide and not why and ruling is not None and ruling.by_id != actor.member_id,
        second_look=_look_again(dispute, ruling.minutes) if ruling is not None else None,
        not_heard=_not_heard(dispute),
        goods=dispute.order.offer.kind == GOODS,
        may_speak=may_decide and dispute.other_id is None,
        **shown | more,
    )


def _look_again(dispute: Dispute, minutes: int) -> queries.Look | None:
    try:
        return queries.look(db.session(), dispute, minutes, now=clock.now())
    except Refusal:  # what it is about has changed meanwhile; whoever agrees is told
        return None


def _not_heard(dispute: Dispute) -> str:
    """Why a decision has to wait for the other side; empty when it need not."""
    heard = rules.is_heard(
        other_spoke=queries.has_spoken(db.session(), dispute.id, dispute.other_id),
        has_other=dispute.other_id is not None,
        heard_by=dispute.heard_by,
        today=clock.today(clock.now()),
    )
    return "" if heard else rules.NotHeardYet(day=dispute.heard_by).message


def _mine_to_decide(dispute_id: int) -> Dispute:
    """Whose turn it is comes before what the form lacks."""
    session, actor = db.session(), current_actor()
    dispute = queries.get_dispute(session, dispute_id)
    actor.require("dispute.decide", branch_id=dispute.branch_id)
    why = queries.why_involved(session, dispute, actor.member_id or 0)
    if why:
        raise rules.Involved(why=why)
    return dispute


def _part(dispute: Dispute, typed: dict[str, Any]) -> int | None:
    """What the order comes to in minutes, said in pieces where it is about goods."""
    order = dispute.order
    if order.offer.kind == GOODS and typed["pieces"] is not None:
        return int(typed["pieces"]) * (order.amount_minutes // order.quantity)
    found: int | None = typed["part"]
    return found


def _draft(dispute: Dispute, typed: dict[str, Any], form_key: str) -> service.RulingDraft:
    return service.RulingDraft(
        dispute_id=dispute.id,
        outcome=typed["outcome"],
        part=_part(dispute, typed) if typed["outcome"] == "part" else None,
        reason=typed["reason"],
        form_key=form_key,
    )


def _said(dispute: Dispute) -> tuple[str, str]:
    if dispute.status == OPEN:
        return "有一方的币已经用掉，这样决定会欠着。已请另一位管理员同意，同意以后才算数。", "warning"
    return "决定好了，账也办好了，双方会收到通知。", "success"
