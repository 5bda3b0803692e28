"""``/inspect/entries/<id>/correct``: choose what is right, see what it does to whom, give the reason, press once."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.branches.models import Branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Conflict, NotAllowed, NotFound, Refusal
from timebank.corrections import queries, service
from timebank.corrections.models import AMOUNT, KIND_NAMES, WAITING, WHOLE
from timebank.corrections.rules import AlreadyAsked, AmountMissing
from timebank.corrections.schemas import CorrectionSchema
from timebank.corrections.views import ENTRY, blueprint
from timebank.ledger import queries as ledger
from timebank.ledger.queries import EntryView
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard

CHOICES = (
    (AMOUNT, KIND_NAMES[AMOUNT], "数量记错了：冲掉原来的，按正确的数量重新记一笔"),
    (WHOLE, KIND_NAMES[WHOLE], "整笔都不该有：全部冲掉"),
)
_MOST_DIGITS = 4


@blueprint.route(f"/inspect/entries/<{ENTRY}>/correct", methods=["GET", "POST"])
@guard("books.correct")
def correct(entry_id: int) -> Response | tuple[str, int]:
    """One entry to be corrected."""
    entry = ledger.get_entry(db.session(), entry_id)
    actor = current_actor()
    actor.require("books.correct", branch_id=entry.book_id)
    form = Form(CorrectionSchema(), initial=request.args.to_dict())
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            draft = service.CorrectionDraft(
                entry_id=entry_id,
                minutes=given["minutes"] if given["kind"] == AMOUNT else None,
                reason=given["reason"],
            )
            done = service.ask(session, draft, form_key=given["form_key"], actor=actor, now=clock.now())
            flash(*_told(done.status))
            return redirect(url_for("desks.entry", entry_id=entry_id))
    try:
        return _page(db.session(), entry_id, form), form.status
    except Conflict as refusal:  # the entry's own page says what became of it
        flash(form.message or refusal.message, "error")
        return redirect(url_for("desks.entry", entry_id=entry_id))


def _told(status: str) -> tuple[str, str]:
    if status == WAITING:
        return "已提出。要另一位管理员在“更正”里决定，同意后才办理。", "warning"
    return "更正好了，相关会员已经收到通知。", "success"


def _page(session: Session, entry_id: int, form: Form) -> str:
    entry = ledger.get_entry(session, entry_id)
    if queries.find_waiting(session, entry_id) is not None:
        raise AlreadyAsked()
    queries.refuse_entry(session, entry, current_actor())
    kind = queries.kind_of(session, entry)
    chosen, minutes = _chosen(form, kind)
    return render_template(
        "corrections/correct.html",
        entry=entry,
        branch=session.get_one(Branch, entry.book_id),
        kind=kind,
        now_minutes=queries.amount_now(session, entry),
        choices=CHOICES,
        chosen=chosen,
        minutes=minutes,
        look=_look(session, entry, form, chosen, minutes),
        form=form,
        requests=queries.list_open_requests_of(session, entry_id),
        month=clock.month_of(clock.now()),
    )


def _chosen(form: Form, kind: str) -> tuple[str, int]:
    """What was chosen, and the right amount in minutes; who may only undo an entry need not choose."""
    if kind == queries.OTHER:
        return WHOLE, 0
    chosen = str(form.value("kind"))
    return chosen if chosen in KIND_NAMES else "", 60 * _count(form, "hours") + _count(form, "minutes")


def _count(form: Form, part: str) -> int:
    typed = str(form.value(f"minutes_{part}"))
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= _MOST_DIGITS else 0


def _look(session: Session, entry: EntryView, form: Form, chosen: str, minutes: int) -> Any:
    """What it would do; None while nothing is chosen, or where it cannot be, which the form then says."""
    if not chosen:
        return None
    try:
        if chosen == AMOUNT and not minutes:
            raise AmountMissing(fields={"minutes": AmountMissing.text})
        return queries.look(session, entry, minutes if chosen == AMOUNT else None)
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        if not form.submitted:
            form.refuse(refusal)
            form.status = 200
        return None
