"""``/branch/clearing/parked``: coins that found no taker, since when, why and for whom; and what to do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.branches.models import Branch
from timebank.branches.queries import get_branch
from timebank.branches.views import BranchChoice, choose_branch
from timebank.clearing import queries, service
from timebank.clearing.models import (
    MOVE_ASKED,
    MOVE_DONE,
    MOVE_STATUS_NAMES,
    PARKED_IN,
    TO_DUE,
    WAY_NAMES,
    ParkedMove,
    ParkedPayment,
)
from timebank.clearing.schemas import MoveSchema, ReasonSchema
from timebank.clearing.views.base import CHANGE, ID, READ, blueprint
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.masking import mask_number
from timebank.core.paging import page_number
from timebank.ledger import queries as ledger
from timebank.members.queries import list_names
from timebank.web.forms import Form, Untouched, saying_refusals
from timebank.web.guards import current_actor, guard

_PARKED = f"/branch/clearing/parked/<{ID}:parked_id>"
_MOVE = f"/branch/clearing/parked/moves/<{ID}:move_id>"


@dataclass(frozen=True, kw_only=True)
class Told:
    """Something that was wanted: in words, by whom, what became of it."""

    move: ParkedMove
    what: str
    by: str
    status: str


@dataclass(frozen=True, kw_only=True)
class Waits:
    """An amount that waits: from or to whom, of whose account, how long; what is asked for, and what the actor may."""

    parked: ParkedPayment
    peer: str
    why: str
    owner: str
    days: int
    open_again: bool
    asked: Told | None
    earlier: list[Told]
    mine: bool
    form: Form


@blueprint.get("/branch/clearing/parked")
@guard(READ)
def parked() -> str:
    """What waits at a branch, and what waited once."""
    return _page(choose_branch(READ))


@blueprint.post(_PARKED)
@guard(CHANGE)
def ask_move(parked_id: int) -> Response | tuple[str, int]:
    """Say what is to be done with an amount."""
    branch, form = _branch_of(queries.get_parked(db.session(), parked_id)), Form(MoveSchema())
    with form.catching(), transaction() as session:
        draft = service.MoveDraft(parked_id=parked_id, **form.load())
        move = service.ask_move(session, draft, actor=current_actor(), now=clock.now())
        done = move.status == MOVE_DONE
        flash("存好了，已经告诉本人，这件差异也了结了。" if done else "提出了，等另一位管理员同意。", "success")
        return _back(branch)
    return _page(replace(choose_branch(READ), branch=branch), parked_id, form), form.status


@blueprint.post(f"{_MOVE}/agree")
@guard(CHANGE)
def agree_move(move_id: int) -> Response:
    """The second person's yes."""
    branch = _branch_of(queries.get_move(db.session(), move_id).parked)
    with saying_refusals(), transaction() as session:
        service.agree_move(session, move_id, actor=current_actor(), now=clock.now())
        flash("同意了，已经付出去，这件差异也了结了。", "success")
    return _back(branch)


@blueprint.post(f"{_MOVE}/decline")
@guard(CHANGE)
def decline_move(move_id: int) -> Response:
    """The second person's no."""
    branch, form = _branch_of(queries.get_move(db.session(), move_id).parked), Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        words = form.load()["words"]
        service.decline_move(session, move_id, words=words, actor=current_actor(), now=clock.now())
        flash("没有同意，款还挂着。", "success")
    return _back(branch)


@blueprint.post(f"{_MOVE}/withdraw")
@guard(CHANGE)
def withdraw_move(move_id: int) -> Response:
    """Who asked takes it back."""
    branch = _branch_of(queries.get_move(db.session(), move_id).parked)
    with saying_refusals(), transaction() as session:
        service.withdraw_move(session, move_id, actor=current_actor(), now=clock.now())
        flash("撤回了，款还挂着。", "success")
    return _back(branch)


def _branch_of(found: ParkedPayment) -> Branch:
    """Where an amount waits. Raises ParkedNotFound to whom it is no business."""
    if not current_actor().may(CHANGE, branch_id=found.branch_id):
        raise queries.ParkedNotFound()
    return get_branch(db.session(), found.branch_id)


def _back(branch: Branch) -> Response:
    return redirect(url_for("clearing.parked", branch=branch.id), 303)


def _page(choice: BranchChoice, sent_for: int = 0, form: Form | None = None) -> str:
    session, branch, now = db.session(), choice.branch, clock.now()
    page = queries.page_unparked(session, branch.id, number=page_number(request.args.get("page")))
    waits = [
        _waits(session, one, form if form is not None and one.id == sent_for else Untouched(MoveSchema()), now)
        for one in queries.list_parked(session, branch.id)
    ]
    return render_template(
        "clearing/parked.html",
        choice=choice,
        branch=branch,
        waits=waits,
        lost=form if form is not None and sent_for not in {one.parked.id for one in waits} else None,
        page=page,
        past=[(one, one.pair.peer_of(branch.id).name, WAY_NAMES[one.how or TO_DUE]) for one in page.items],
        may_change=current_actor().may(CHANGE, branch_id=branch.id),
        may_correct=current_actor().may("books.correct", branch_id=branch.id),
    )


def _waits(session: Session, one: ParkedPayment, form: Form, now: datetime) -> Waits:
    owner, inbound = queries.owner_of(session, one.due_id), one.direction == PARKED_IN
    moves = [_told(session, move) for move in queries.list_moves(session, one.id)]
    asked = next((move for move in moves if move.move.status == MOVE_ASKED), None)
    return Waits(
        parked=one,
        peer=one.pair.peer_of(one.branch_id).name,
        why="对方已付，收款的账户停用了" if inbound else "退回来了，当初付款的账户停用了",
        owner=mask_number(owner.number) if owner is not None else "没有记下",
        days=(clock.today(now) - clock.today(one.parked_at)).days,
        open_again=one.due_id is not None and not ledger.get_account(session, one.due_id).closed,
        asked=asked,
        earlier=[move for move in moves if move is not asked],
        mine=asked is not None and asked.move.asked_by_id == current_actor().member_id,
        form=form,
    )


def _told(session: Session, move: ParkedMove) -> Told:
    to = f" {mask_number(move.member.number)}" if move.member is not None else ""
    people = list_names(session, [move.asked_by_id])
    by = people[move.asked_by_id].name if move.asked_by_id in people else ""
    return Told(move=move, what=f"{WAY_NAMES[move.how]}{to}", by=by, status=MOVE_STATUS_NAMES[move.status])
