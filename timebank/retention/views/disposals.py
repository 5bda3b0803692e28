"""``/branch/disposals``: what is past its term, prepared by one person and signed by another."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.retention import queries, service
from timebank.retention.models import STATE_NAMES, Disposal
from timebank.retention.rules import DISPOSABLE
from timebank.retention.schemas import PreparationSchema, ReasonSchema, SeenSchema
from timebank.retention.views import ID, blueprint
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.query import Query

TONES = {"proposed": "wait", "prepared": "wait", "signed": "wait", "done": "ok", "dropped": ""}
_ONE = f"/branch/disposals/<{ID}:disposal_id>"


@blueprint.get("/branch/disposals")
@guard("retention.read")
def disposals() -> str:
    """The lists of a branch."""
    choice = choose_branch("retention.read")
    lists = queries.list_disposals(db.session(), choice.branch.id)
    return render_template(
        "retention/disposals.html",
        choice=choice,
        branch=choice.branch,
        lists=lists,
        counts={one.id: queries.count_by_kind(db.session(), one.id) for one in lists},
        kinds=DISPOSABLE,
        states=STATE_NAMES,
        tones=TONES,
    )


@blueprint.get(_ONE)
@guard("retention.read")
def disposal(disposal_id: int) -> str:
    """One list with every item."""
    found, actor = _reached(disposal_id, "retention.read"), current_actor()
    return render_template(
        "retention/disposal.html",
        disposal=found,
        branch=found.branch,
        seen=queries.hash_now(db.session(), found.id),
        counts=queries.count_by_kind(db.session(), found.id),
        page=queries.page_items(db.session(), found.id, number=page_number(Query().value("page"))),
        kinds=DISPOSABLE,
        states=STATE_NAMES,
        tones=TONES,
        may_dispose=actor.may("retention.dispose", branch_id=found.branch_id),
        mine=found.prepared_by_id == actor.member_id,
    )


@blueprint.post("/branch/disposals")
@guard("retention.dispose")
def propose() -> Response:
    """Look for what is past its term now, without waiting for the night."""
    choice = choose_branch("retention.dispose")
    with saying_refusals(), transaction() as session:
        found = service.propose_disposal(session, choice.branch, now=clock.now())
        flash("列好了，请看清单。" if found else "没有过了保管期限的材料。", "success" if found else "notice")
    return redirect(url_for("retention.disposals", branch=choice.branch.id), 303)


@blueprint.post(f"{_ONE}/prepare")
@guard("retention.dispose")
def prepare(disposal_id: int) -> Response:
    """Take the list as it stands."""
    _reached(disposal_id, "retention.dispose")
    with saying_refusals():
        given, actor = Form(PreparationSchema()).load(), current_actor()
        with transaction() as session:
            service.prepare_disposal(
                session, disposal_id, words=given["reason"], seen=given["seen"], actor=actor, now=clock.now()
            )
            flash("清单列好了，不再变。请另一位管理员核对以后签字。", "success")
    return _back(disposal_id)


@blueprint.post(f"{_ONE}/sign")
@guard("retention.dispose")
def sign(disposal_id: int) -> Response:
    """Sign it and destroy what is in it."""
    _reached(disposal_id, "retention.dispose")
    with saying_refusals():
        seen, actor = Form(SeenSchema()).load()["seen"], current_actor()
        with transaction() as session:
            done: Disposal = service.sign_disposal(session, disposal_id, seen=seen, actor=actor, now=clock.now())
            spared = f"，{done.spared} 件留着没有动" if done.spared else ""
            flash(f"签好了，销毁 {done.destroyed} 件{spared}。清单一直留着。", "success")
    return _back(disposal_id)


@blueprint.post(f"{_ONE}/drop")
@guard("retention.dispose")
def drop(disposal_id: int) -> Response:
    """Give it up."""
    _reached(disposal_id, "retention.dispose")
    with saying_refusals():
        given = Form(ReasonSchema()).load()
        with transaction() as session:
            service.drop_disposal(session, disposal_id, reason=given["reason"], actor=current_actor(), now=clock.now())
            flash("作废了，什么都没有销毁。过了期限的会再列出来。", "success")
    return _back(disposal_id)


def _reached(disposal_id: int, permission: str) -> Disposal:
    found = queries.get_disposal(db.session(), disposal_id)
    current_actor().require(permission, branch_id=found.branch_id)
    return found


def _back(disposal_id: int) -> Response:
    return redirect(url_for("retention.disposal", disposal_id=disposal_id), 303)
