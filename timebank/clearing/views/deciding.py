"""What a manager decides about a pair: yes or no, line, ceiling, pausing, going on, parting, a word on a case."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from flask import flash, redirect
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.clearing import service
from timebank.clearing.models import BranchPair
from timebank.clearing.queries import CaseNotFound, get_case
from timebank.clearing.schemas import CeilingSchema, LineSchema, NewKeySchema, ReasonSchema, WordsSchema
from timebank.clearing.views.base import CHANGE, ID, PAIR, blueprint, choose_side
from timebank.clearing.views.pair import pair_page
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import transaction
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard


class Verb(Protocol):
    """What a manager does to a pair."""

    def __call__(
        self, session: Session, pair_id: int, word: service.Deciding, *, actor: Actor, now: datetime
    ) -> BranchPair:
        """Do it."""


@blueprint.post(f"{PAIR}/agree")
@guard(CHANGE)
def agree_pair(pair_id: int) -> Response | tuple[str, int]:
    """Say yes, offering a line in return."""
    return _with_line(pair_id, service.agree_pair, "已互通，两边的会员现在可以互相兑换了。")


@blueprint.post(f"{PAIR}/line")
@guard(CHANGE)
def change_line(pair_id: int) -> Response | tuple[str, int]:
    """Decide how much the other branch may owe."""
    return _with_line(pair_id, service.set_line, "额度改好了，已经告诉对方网点。")


def _with_line(pair_id: int, verb: Verb, done: str) -> Response | tuple[str, int]:
    side, form = choose_side(pair_id, CHANGE), Form(LineSchema())
    with form.catching(), transaction() as session:
        word = service.Deciding(branch_id=side.branch.id, **form.load())
        verb(session, pair_id, word, actor=current_actor(), now=clock.now())
        flash(done, "success")
        return redirect(side.url, 303)
    return pair_page(side, line=form), form.status


@blueprint.post(f"{PAIR}/ceiling")
@guard(CHANGE)
def limit_at_peer(pair_id: int) -> Response | tuple[str, int]:
    """Decide how much the branch's own members may spend at the other in a month."""
    side, form = choose_side(pair_id, CHANGE), Form(CeilingSchema())
    with form.catching(), transaction() as session:
        ceiling = service.Ceiling(branch_id=side.branch.id, peer_id=side.peer.id, **form.load())
        service.set_ceiling(session, ceiling, actor=current_actor(), now=clock.now())
        flash("上限改好了，从现在起算。" if ceiling.minutes is not None else "上限取消了。", "success")
        return redirect(side.url, 303)
    return pair_page(side, ceiling=form), form.status


@blueprint.post(f"{PAIR}/key")
@guard(CHANGE)
def renew_key(pair_id: int) -> Response | tuple[str, int]:
    """Sign with a new key from now on."""
    side, form = choose_side(pair_id, CHANGE), Form(NewKeySchema())
    with form.catching(), transaction() as session:
        typed = form.load()
        days = typed.pop("days")
        word = service.Deciding(branch_id=side.branch.id, **typed)
        service.renew_key(session, pair_id, word, days=days, actor=current_actor(), now=clock.now())
        flash("密钥换好了，从现在起用新的签名，已经告诉对方网点。", "success")
        return redirect(f"{side.url}#keys", 303)
    return pair_page(side, key=form), form.status


@blueprint.post(f"{PAIR}/decline")
@guard(CHANGE)
def decline_pair(pair_id: int) -> Response:
    """Say no, with a reason."""
    return _with_words(pair_id, service.decline_pair, "没有同意，已经告诉对方原因。")


@blueprint.post(f"{PAIR}/pause")
@guard(CHANGE)
def pause_pair(pair_id: int) -> Response:
    """Let nothing move between the two for now."""
    return _with_words(pair_id, service.freeze_pair, "已暂停。冻结的爱心币没有动，恢复以后继续。")


@blueprint.post(f"{PAIR}/resume")
@guard(CHANGE)
def resume_pair(pair_id: int) -> Response:
    """Let things move again."""
    return _with_words(pair_id, service.resume_pair, "已恢复，两边的会员又可以互相兑换了。")


@blueprint.post(f"{PAIR}/part")
@guard(CHANGE)
def part(pair_id: int) -> Response:
    """Part, once nothing is owed."""
    return _with_words(pair_id, service.close_pair, "已解除互通，两边两清。")


def _with_words(pair_id: int, verb: Verb, done: str) -> Response:
    side, form = choose_side(pair_id, CHANGE), Form(WordsSchema())
    with saying_refusals(), transaction() as session:
        word = service.Deciding(branch_id=side.branch.id, **form.load())
        verb(session, pair_id, word, actor=current_actor(), now=clock.now())
        flash(done, "success")
    return redirect(side.url, 303)


@blueprint.post(f"{PAIR}/cases/<{ID}:case_id>")
@guard(CHANGE)
def settle_case(pair_id: int, case_id: int) -> Response:
    """One side's word on a case."""
    side, form = choose_side(pair_id, CHANGE), Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        if get_case(session, case_id).pair_id != pair_id:
            raise CaseNotFound()
        words = form.load()["words"]
        case = service.settle_case(
            session, case_id, branch_id=side.branch.id, words=words, actor=current_actor(), now=clock.now()
        )
        both = case.settled_at is not None
        flash("两边都确认了，这件差异已经了结。" if both else "本网点已确认，等对方网点。", "success")
    return redirect(side.url, 303)
