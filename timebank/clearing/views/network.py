"""``/branch/clearing``: what waits for a branch, all its pairs, its ceiling, and the circles of debt it is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.branches.queries import list_branches
from timebank.branches.views import BranchChoice, choose_branch
from timebank.clearing import queries, service
from timebank.clearing.models import (
    ASKED,
    CASE_NAMES,
    FROZEN,
    NETTING_ASKED,
    NETTING_STATUS_NAMES,
    OPEN,
    Netting,
)
from timebank.clearing.rules import DEFAULT_LINE
from timebank.clearing.schemas import AskSchema, CeilingSchema
from timebank.clearing.views.base import CHANGE, READ, TONES, blueprint, status_name
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Something that waits for a branch: what, whose, the pair's id, and the month whose statement it is about."""

    title: str
    text: str
    pair_id: int
    month: str = ""


@blueprint.get("/branch/clearing")
@guard(READ)
def network() -> str:
    """Everything between a branch and the others."""
    return _page(choose_branch(READ), _ask_form(), Form(CeilingSchema()))


@blueprint.post("/branch/clearing")
@guard(CHANGE)
def ask_pair() -> Response | tuple[str, int]:
    """Ask another branch to redeem at each other."""
    choice, form = choose_branch(CHANGE), _ask_form()
    with form.catching(), transaction() as session:
        typed = form.load()
        peer_id = typed.pop("peer")
        word = service.Deciding(branch_id=choice.branch.id, **typed)
        pair = service.ask_pair(session, peer_id, word, actor=current_actor(), now=clock.now())
        flash(f"已经问{pair.peer_of(choice.branch.id).name}，等对方管理员同意。", "success")
        return redirect(url_for("clearing.show_pair", pair_id=pair.id, branch=choice.branch.id), 303)
    return _page(choice, form, Form(CeilingSchema())), form.status


@blueprint.post("/branch/clearing/ceiling")
@guard(CHANGE)
def limit_in_all() -> Response | tuple[str, int]:
    """Decide how much the branch's own members may spend outside in a month."""
    choice, form = choose_branch(CHANGE), Form(CeilingSchema())
    with form.catching(), transaction() as session:
        ceiling = service.Ceiling(branch_id=choice.branch.id, peer_id=None, **form.load())
        service.set_ceiling(session, ceiling, actor=current_actor(), now=clock.now())
        flash("上限改好了，从现在起算。" if ceiling.minutes is not None else "上限取消了。", "success")
        return redirect(url_for("clearing.network", branch=choice.branch.id), 303)
    return _page(choice, Form(AskSchema()), form), form.status


def _ask_form() -> Form:
    return Form(AskSchema(), initial={"amount": DEFAULT_LINE})


def _page(choice: BranchChoice, ask: Form, ceiling: Form) -> str:
    session, branch, now = db.session(), choice.branch, clock.now()
    pairs = queries.list_pairs(session, branch.id)
    nettings = queries.list_nettings(session, branch.id)
    taken = {branch.id, *(one.peer.id for one in pairs if one.pair.status in {ASKED, OPEN, FROZEN})}
    return render_template(
        "clearing/network.html",
        choice=choice,
        branch=branch,
        pairs=pairs,
        waiting=_turns(session, branch.id, pairs),
        items=len(queries.list_items_at(session, branch.id)),
        items_ours=queries.count_items(session, branch.id),
        askable=[(one.id, one.name) for one in list_branches(session) if one.id not in taken],
        forms={"ask": ask, "ceiling": ceiling},
        most=queries.ceiling_of(session, branch.id, None),
        spent=queries.spent_outside(session, branch.id, None, now=now),
        month=clock.month_of(now),
        circles=_fresh_circles(session, branch.id, nettings, now),
        running=[(one, _leg_waits(one, branch.id)) for one in nettings if one.status == NETTING_ASKED],
        past=[one for one in nettings if one.status != NETTING_ASKED],
        parked=queries.count_parked(session, branch.id),
        status_name=status_name,
        netting_names=NETTING_STATUS_NAMES,
        tones=TONES,
        may_change=current_actor().may(CHANGE, branch_id=branch.id),
    )


def _turns(session: Session, branch_id: int, pairs: Sequence[queries.PairView]) -> list[Turn]:
    """Pairs that were asked for, cases without this branch's word, exceptions without its signature."""
    peers = {one.pair.id: one.peer.name for one in pairs}
    asked = [one for one in pairs if one.pair.status == ASKED and one.pair.asked_for_id != branch_id]
    return [
        *(Turn(title=f"{one.peer.name}想互通", text="同意，或者说明原因", pair_id=one.pair.id) for one in asked),
        *(
            Turn(title=f"和{peers[case.pair_id]}的差异", text=CASE_NAMES[case.kind], pair_id=case.pair_id)
            for case in queries.list_waiting_cases(session, branch_id)
        ),
        *(
            Turn(
                title=f"等我们签：和{peers[one.pair_id]}的 {clock.month_name(one.month)}对账单",
                text="对方签了例外，照现在的样子封存",
                pair_id=one.pair_id,
                month=one.month,
            )
            for one in queries.list_unsigned(session, branch_id)
        ),
        *(
            Turn(title=f"{peers[rate.pair_id]}想改折算", text="同意，或者说明原因", pair_id=rate.pair_id)
            for rate in queries.list_waiting_rates(session, branch_id)
        ),
    ]


def _leg_waits(netting: Netting, branch_id: int) -> bool:
    """Whether a netting waits for this branch's yes."""
    return any(leg.branch_id == branch_id and leg.agreed_at is None for leg in netting.legs)


def _fresh_circles(
    session: Session, branch_id: int, nettings: Sequence[Netting], now: datetime
) -> list[queries.CircleView]:
    """Circles that nobody has asked to net yet."""
    asked = [{leg.branch_id for leg in one.legs} for one in nettings if one.status == NETTING_ASKED]
    return [one for one in queries.list_circles(session, branch_id, now=now) if set(one.circle.branches) not in asked]
