"""The statement of a month between two branches: as it was sealed, or why not, and what both sides may sign then."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.clearing import queries, service
from timebank.clearing.models import CASE_NAMES, PairSignature
from timebank.clearing.queries import MonthView
from timebank.clearing.schemas import SignSchema
from timebank.clearing.views.base import CHANGE, MONTH, READ, Side, blueprint, choose_side
from timebank.clearing.views.wording import standing, told_of, unequal_of
from timebank.core import clock
from timebank.core.clock import is_month, month_of, next_month, previous_month
from timebank.core.db import db, transaction
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """What would be sealed by an exception: the month as it stands, who has signed, and whether one may sign now."""

    view: MonthView
    unequal: list[tuple[str, str, str]]
    ours: PairSignature | None
    theirs: PairSignature | None
    overtaken: bool
    may_sign: bool


@blueprint.get(MONTH)
@guard(READ)
def statement(pair_id: int, month: str) -> str:
    """A month as both sides have it, or why it is not sealed."""
    return month_page(choose_side(pair_id, READ), month)


def month_page(side: Side, month: str, sign: Form | None = None) -> str:
    """The page, with the form that was sent."""
    if not is_month(month):
        abort(404)
    session, pair, now = db.session(), side.pair, clock.now()
    sealed = queries.find_statement(session, pair.id, month)
    view = queries.look_at_month(session, pair, month) if sealed is None and pair.low_account_id else None
    why = queries.why_no_statement(session, view, now=now) if view is not None else "quiet"
    return render_template(
        "clearing/statement.html",
        side=side,
        pair=pair,
        month=month,
        sealed=sealed,
        told=told_of(pair, sealed) if sealed else [],
        unequal=unequal_of(pair, sealed.fields) if sealed else [],
        why="" if sealed else why,
        awaited=_awaited(side, view) if view is not None and why in {"case", "differs"} else None,
        sign=sign or Form(SignSchema()),
        case_names=CASE_NAMES,
        standing=standing,
        instant=datetime.fromisoformat,
        before=previous_month(month) if month > "2000-01" else "",
        after=next_month(month) if month < month_of(now) else "",
    )


def _awaited(side: Side, view: MonthView) -> Awaited:
    session = db.session()
    signed = queries.list_exceptions(session, side.pair.id, view.month)
    standing_one = next((one for one in signed if one.hash == view.exception_hash), None)
    given = queries.list_signatures(session, standing_one.id) if standing_one is not None else []
    return Awaited(
        view=view,
        unequal=unequal_of(side.pair, json.loads(view.exception)),
        ours=next((one for one in given if one.branch_id == side.branch.id), None),
        theirs=next((one for one in given if one.branch_id == side.peer.id), None),
        overtaken=bool(signed) and standing_one is None,
        may_sign=current_actor().may(CHANGE, branch_id=side.branch.id),
    )


@blueprint.post(f"{MONTH}/exception")
@guard(CHANGE)
def sign_exception(pair_id: int, month: str) -> Response | tuple[str, int]:
    """One side signs that a month is sealed as it is."""
    if not is_month(month):
        abort(404)
    side, form = choose_side(pair_id, CHANGE), Form(SignSchema())
    with form.catching(), transaction() as session:
        signing = service.Signing(branch_id=side.branch.id, month=month, **form.load())
        sealed = service.sign_exception(session, pair_id, signing, actor=current_actor(), keys=keys(), now=clock.now())
        flash("两边都签了，对账单已经封存。" if sealed is not None else "签好了，已经请对方网点来签。", "success")
        return redirect(url_for("clearing.statement", pair_id=pair_id, month=month, branch=side.branch.id), 303)
    return month_page(side, month, form), form.status
