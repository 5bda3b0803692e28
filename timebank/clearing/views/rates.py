"""What an hour of the other branch is worth here: asked for, agreed to, declined, taken back."""

from __future__ import annotations

from flask import flash, redirect
from werkzeug.wrappers import Response

from timebank.clearing import queries, service
from timebank.clearing.schemas import RateSchema, ReasonSchema
from timebank.clearing.views.base import CHANGE, ID, PAIR, Side, blueprint, choose_side
from timebank.clearing.views.pair import pair_page
from timebank.core import clock
from timebank.core.db import transaction
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard

_RATE = f"{PAIR}/rates/<{ID}:rate_id>"


@blueprint.post(f"{PAIR}/rates")
@guard(CHANGE)
def ask_rate(pair_id: int) -> Response | tuple[str, int]:
    """Ask the other branch to convert like this from a day on."""
    side, form = choose_side(pair_id, CHANGE), Form(RateSchema())
    with form.catching(), transaction() as session:
        draft = service.RateDraft(branch_id=side.branch.id, **form.load())
        service.ask_rate(session, pair_id, draft, actor=current_actor(), now=clock.now())
        flash(f"已经问{side.peer.name}。对方在那天以前同意，才会改；现在还照原来的算。", "success")
        return redirect(side.url, 303)
    return pair_page(side, rate=form), form.status


@blueprint.post(f"{_RATE}/agree")
@guard(CHANGE)
def agree_rate(pair_id: int, rate_id: int) -> Response:
    """Say yes."""
    side = choose_side(pair_id, CHANGE)
    with saying_refusals(), transaction() as session:
        _refuse_strange(side, queries.get_rate(session, rate_id).pair_id)
        rate = service.agree_rate(session, rate_id, branch_id=side.branch.id, actor=current_actor(), now=clock.now())
        flash(f"同意了，{rate.valid_from:%Y-%m-%d} 起这样折算；在那以前下的单还照原来的。", "success")
    return redirect(side.url, 303)


@blueprint.post(f"{_RATE}/decline")
@guard(CHANGE)
def decline_rate(pair_id: int, rate_id: int) -> Response:
    """Say no, with a reason."""
    side, form = choose_side(pair_id, CHANGE), Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        _refuse_strange(side, queries.get_rate(session, rate_id).pair_id)
        words = form.load()["words"]
        service.decline_rate(
            session, rate_id, branch_id=side.branch.id, words=words, actor=current_actor(), now=clock.now()
        )
        flash("没有同意，还照原来的算。已经告诉对方原因。", "success")
    return redirect(side.url, 303)


@blueprint.post(f"{_RATE}/withdraw")
@guard(CHANGE)
def withdraw_rate(pair_id: int, rate_id: int) -> Response:
    """Take back what was asked for."""
    side = choose_side(pair_id, CHANGE)
    with saying_refusals(), transaction() as session:
        _refuse_strange(side, queries.get_rate(session, rate_id).pair_id)
        service.withdraw_rate(session, rate_id, branch_id=side.branch.id, actor=current_actor(), now=clock.now())
        flash("撤回了，还照原来的算。", "success")
    return redirect(side.url, 303)


def _refuse_strange(side: Side, pair_id: int) -> None:
    if side.pair.id != pair_id:
        raise queries.RateNotFound()
