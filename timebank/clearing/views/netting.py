"""Nettings: asked for along a circle, agreed to by every branch in it, or declined by one."""

from __future__ import annotations

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from timebank.branches.models import Branch
from timebank.branches.queries import get_branch
from timebank.branches.views import choose_branch
from timebank.clearing import queries, service
from timebank.clearing.models import NETTING_SETTLED
from timebank.clearing.schemas import NettingSchema, ReasonSchema
from timebank.clearing.views.base import CHANGE, ID, blueprint
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard

_NETTING = f"/branch/clearing/nettings/<{ID}:netting_id>"


@blueprint.post("/branch/clearing/nettings")
@guard(CHANGE)
def ask_netting() -> Response:
    """Ask the branches of a circle to net."""
    branch, form = choose_branch(CHANGE).branch, Form(NettingSchema())
    with saying_refusals(), transaction() as session:
        draft = service.NettingDraft(**form.load())
        service.ask_netting(session, draft, branch_id=branch.id, actor=current_actor(), now=clock.now())
        flash("已经问圈里的其他网点。都同意以后，几家欠的一起减掉。", "success")
    return _back(branch.id)


@blueprint.post(f"{_NETTING}/agree")
@guard(CHANGE)
def agree_netting(netting_id: int) -> Response:
    """One branch's yes."""
    branch = _branch_of(netting_id)
    with saying_refusals(), transaction() as session:
        netting = service.agree_netting(
            session, netting_id, branch_id=branch.id, actor=current_actor(), now=clock.now()
        )
        settled = netting.status == NETTING_SETTLED
        flash("各网点都同意了，已经轧差。" if settled else "本网点已同意，等其他网点。", "success")
    return _back(branch.id)


@blueprint.post(f"{_NETTING}/decline")
@guard(CHANGE)
def decline_netting(netting_id: int) -> Response:
    """One branch's no, with a reason."""
    branch, form = _branch_of(netting_id), Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        words = form.load()["words"]
        service.decline_netting(
            session, netting_id, branch_id=branch.id, words=words, actor=current_actor(), now=clock.now()
        )
        flash("没有同意，账没有动。其他网点会看到原因。", "success")
    return _back(branch.id)


def _branch_of(netting_id: int) -> Branch:
    """For which branch of a circle the actor speaks: the one asked for, else the first within reach.

    Raises NettingNotFound, also to whom the netting is no business.
    """
    netting, actor = queries.get_netting(db.session(), netting_id), current_actor()
    mine = [leg.branch_id for leg in netting.legs if actor.may(CHANGE, branch_id=leg.branch_id)]
    asked = choose_branch(CHANGE).branch.id
    if not mine:
        raise queries.NettingNotFound()
    return get_branch(db.session(), asked if asked in mine else mine[0])


def _back(branch_id: int) -> Response:
    return redirect(url_for("clearing.network", branch=branch_id), 303)
