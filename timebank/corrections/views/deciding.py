"""``/branch/corrections``: what waits for a second person, what members asked about, and what became of the others."""

from __future__ import annotations

from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal
from timebank.core.paging import page_number
from timebank.corrections import queries, service
from timebank.corrections.models import KIND_NAMES, STATUS_NAMES, Correction, CorrectionRequest
from timebank.corrections.rules import SameHand
from timebank.corrections.schemas import NoteSchema, ReasonSchema
from timebank.corrections.views import ID, blueprint
from timebank.ledger import queries as ledger
from timebank.ledger.queries import EntryView
from timebank.web.forms import Form, say_outcome
from timebank.web.guards import current_actor, guard


@dataclass(frozen=True, kw_only=True, slots=True)
class Waits:
    """A correction that waits, with the entry it is about and what it would do now."""

    correction: Correction
    entry: EntryView
    look: queries.Look | None
    mine: bool
    party: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A member's request, with the entry it is about."""

    request: CorrectionRequest
    entry: EntryView
    party: bool


@blueprint.get("/branch/corrections")
@guard("books.read")
def desk() -> str:
    """Everything about corrections in a branch."""
    choice, session, actor = choose_branch("books.read"), db.session(), current_actor()
    branch_id = choice.branch.id
    page = queries.list_ended(session, branch_id, number=page_number(request.args.get("page")))
    return render_template(
        "corrections/desk.html",
        choice=choice,
        branch=choice.branch,
        waiting=[_waits(session, one, actor) for one in queries.list_waiting(session, branch_id)],
        requests=[_asked(session, one, actor) for one in queries.list_requests(session, branch_id)],
        page=page,
        entries={one.entry_id: ledger.get_entry(session, one.entry_id) for one in page.items},
        may_correct=actor.may("books.correct", branch_id=branch_id),
        kinds=KIND_NAMES,
        statuses=STATUS_NAMES,
    )


def _waits(session: Session, correction: Correction, actor: Actor) -> Waits:
    entry = ledger.get_entry(session, correction.entry_id)
    try:
        look = queries.look(session, entry, correction.new_minutes)
    except Refusal:  # what it is about has changed meanwhile; whoever decides is told
        look = None
    return Waits(
        correction=correction,
        entry=entry,
        look=look,
        mine=correction.asked_by_id == actor.member_id,
        party=actor.member_id in queries.parties_of(session, entry),
    )


def _asked(session: Session, asked: CorrectionRequest, actor: Actor) -> Asked:
    entry = ledger.get_entry(session, asked.entry_id)
    return Asked(request=asked, entry=entry, party=actor.member_id in queries.parties_of(session, entry))


@blueprint.post(f"/branch/corrections/<{ID}:correction_id>/approve")
@guard("books.correct")
def approve(correction_id: int) -> Response:
    """Carry it out."""
    _require_second(queries.get_correction(db.session(), correction_id))
    form = Form(NoteSchema())
    with form.catching(), transaction() as session:
        note = form.load()["note"]
        service.approve(session, correction_id, note=note, actor=current_actor(), now=clock.now())
    return _back(form, correction_id, "已同意，更正办好了。")


@blueprint.post(f"/branch/corrections/<{ID}:correction_id>/decline")
@guard("books.correct")
def decline(correction_id: int) -> Response:
    """Leave the entry as it is."""
    _require_second(queries.get_correction(db.session(), correction_id))
    form = Form(ReasonSchema())
    with form.catching(), transaction() as session:
        reason = form.load()["reason"]
        service.decline(session, correction_id, reason=reason, actor=current_actor(), now=clock.now())
    return _back(form, correction_id, "没有同意，账没有变，已经告诉提出的人。")


@blueprint.post(f"/branch/corrections/<{ID}:correction_id>/withdraw")
@guard("books.correct")
def withdraw(correction_id: int) -> Response:
    """Take it back."""
    _require(queries.get_correction(db.session(), correction_id).branch_id)
    form = Form(NoteSchema())
    with form.catching(), transaction() as session:
        service.withdraw(session, correction_id, actor=current_actor(), now=clock.now())
    return _back(form, correction_id, "已撤回，账没有变。")


@blueprint.post(f"/branch/corrections/requests/<{ID}:request_id>/decline")
@guard("books.correct")
def decline_request(request_id: int) -> Response:
    """Tell a member why the entry is right."""
    branch_id = queries.get_request(db.session(), request_id).branch_id
    _require(branch_id)
    form = Form(ReasonSchema())
    with form.catching(), transaction() as session:
        reason = form.load()["reason"]
        service.decline_request(session, request_id, reason=reason, actor=current_actor(), now=clock.now())
    say_outcome(form, "已答复，会员会收到通知。")
    return redirect(url_for("corrections.desk", branch=branch_id))


def _require(branch_id: int) -> None:
    current_actor().require("books.correct", branch_id=branch_id)


def _require_second(correction: Correction) -> None:
    """Whose turn it is comes before what the form lacks."""
    _require(correction.branch_id)
    if correction.asked_by_id == current_actor().member_id:
        raise SameHand()


def _back(form: Form, correction_id: int, done: str) -> Response:
    say_outcome(form, done)
    branch_id = queries.get_correction(db.session(), correction_id).branch_id
    return redirect(url_for("corrections.desk", branch=branch_id))
