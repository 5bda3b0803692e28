"""``/branch/ministry``: what is due for the ministry's system, batches, and the answers to them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from timebank.branches.views import BranchChoice, choose_branch
from timebank.core import clock
from timebank.core.db import db, snapshot, transaction
from timebank.core.paging import Page, page_number
from timebank.members.roster.sheets import open_sheets
from timebank.reports import queries, service
from timebank.reports.models import PERSON, SERVICE, STATE_NAMES, MinistryBatch
from timebank.reports.queries import Line
from timebank.reports.rules import PERSON_COLUMNS, SERVICE_COLUMNS, Answer, read_answers
from timebank.reports.schemas import AnswersSchema, BatchSchema, ReasonSchema
from timebank.reports.views import ID, blueprint
from timebank.web.downloads import workbook, workbook_file
from timebank.web.forms import Form, Untouched, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.limits import limiter
from timebank.web.query import Query

_FILE_LIMIT = "10/minute"
_PER_PAGE = 50
TONES = {"prepared": "wait", "submitted": "wait", "accepted": "ok", "rejected": "bad", "cancelled": ""}


@blueprint.get("/branch/ministry")
@guard("ministry.submit")
def ministry() -> str:
    """What is due, what is missing, the batches so far."""
    return _list_page(choose_branch("ministry.submit"), Untouched(BatchSchema()))


def _list_page(choice: BranchChoice, form: Form) -> str:
    session, branch = db.session(), choice.branch
    due = queries.list_due(session, branch, keys())
    batches = queries.list_batches(session, branch.id)
    return render_template(
        "reports/ministry.html",
        choice=choice,
        branch=branch,
        people=[one for one in due if one.line.kind == PERSON],
        records=[one for one in due if one.line.kind == SERVICE],
        problems=queries.list_problems(session, branch),
        batches=batches,
        states=queries.count_states(session, [batch.id for batch in batches]),
        state_names=STATE_NAMES,
        tones=TONES,
        most=queries.MOST_LINES,
        form=form,
    )


@blueprint.post("/branch/ministry")
@guard("ministry.submit")
def make_batch() -> Redirect | tuple[str, int]:
    """Put what is due into a batch."""
    choice, form = choose_branch("ministry.submit"), Form(BatchSchema())
    with form.catching():
        draft, actor = service.BatchDraft(branch_id=choice.branch.id, **form.load()), current_actor()
        with snapshot() as session:
            lines = list(queries.make_lines(session, choice.branch, keys()))
        with transaction() as session:
            batch = service.make_batch(session, draft, lines, actor=actor, keys=keys(), now=clock.now())
            flash(f"第 {batch.number} 批做好了。请核对以后取文件。", "success")
            return redirect(url_for("reports.batch", batch_id=batch.id), 303)
    return _list_page(choice, form), form.status


@blueprint.get(f"/branch/ministry/<{ID}:batch_id>")
@guard("ministry.submit")
def batch(batch_id: int) -> str:
    """One batch with its records, masked."""
    return _page(_reached(batch_id), Untouched(AnswersSchema()))


def _page(shown: MinistryBatch, form: Form) -> str:
    session = db.session()
    records = queries.list_records(session, shown.id)
    number = max(1, min(page_number(Query().value("page")), -(-len(records) // _PER_PAGE)))
    part = records[(number - 1) * _PER_PAGE : number * _PER_PAGE]
    return render_template(
        "reports/batch.html",
        batch=shown,
        branch=shown.branch,
        page=Page(items=part, number=number, size=_PER_PAGE, total=len(records)),
        number_of=queries.number_of,
        states=queries.count_states(session, [shown.id]).get(shown.id, {}),
        state_names=STATE_NAMES,
        tones=TONES,
        may_take=current_actor().may("member.unmask", branch_id=shown.branch_id),
        form=form,
    )


@blueprint.post(f"/branch/ministry/<{ID}:batch_id>/file")
@guard("ministry.submit")
@limiter.limit(_FILE_LIMIT)
def take_file(batch_id: int) -> Response | Redirect:
    """The file with the full numbers, once."""
    with saying_refusals():
        with transaction() as session:
            taken, content = service.hand_out(
                session, batch_id, _write, actor=current_actor(), keys=keys(), now=clock.now()
            )
            name = f"{taken.branch.code}-上报-{taken.number}"
        return workbook_file(name, content)
    return redirect(url_for("reports.batch", batch_id=batch_id), 303)


def _write(lines: Sequence[Line]) -> bytes:
    return workbook(
        (title, columns, [line.cells for line in lines if line.kind == kind])
        for title, columns, kind in (("志愿者", PERSON_COLUMNS, PERSON), ("服务记录", SERVICE_COLUMNS, SERVICE))
    )


@blueprint.post(f"/branch/ministry/<{ID}:batch_id>/submitted")
@guard("ministry.submit")
def submit(batch_id: int) -> Redirect:
    """Say that the file went out."""
    with saying_refusals(), transaction() as session:
        service.submit_batch(session, batch_id, actor=current_actor(), now=clock.now())
        flash("记下了：这一批已经上报，等对方答复。", "success")
    return redirect(url_for("reports.batch", batch_id=batch_id), 303)


@blueprint.post(f"/branch/ministry/<{ID}:batch_id>/cancel")
@guard("ministry.submit")
def cancel(batch_id: int) -> Redirect:
    """Give the batch up."""
    _reached(batch_id)
    with saying_refusals():
        given = Form(ReasonSchema()).load()
        with transaction() as session:
            service.cancel_batch(session, batch_id, reason=given["reason"], actor=current_actor(), now=clock.now())
            flash("作废了。里面的记录会再出现在“要上报的”里。", "success")
    return redirect(url_for("reports.batch", batch_id=batch_id), 303)


@blueprint.post(f"/branch/ministry/<{ID}:batch_id>/answers")
@guard("ministry.submit")
@limiter.limit(_FILE_LIMIT)
def answer(batch_id: int) -> Redirect | tuple[str, int]:
    """Keep the answers: typed, pasted, or from their list."""
    shown, form = _reached(batch_id), Form(AnswersSchema())
    with form.catching():
        answers = _answers(form)
        with transaction() as session:
            fresh = service.answer_records(session, batch_id, answers, actor=current_actor(), now=clock.now())
            flash(f"记下 {fresh} 条答复。" if fresh else "这些答复都已经记过了。", "success")
            return redirect(url_for("reports.batch", batch_id=batch_id), 303)
    return _page(_reached(shown.id), form), form.status


def _answers(form: Form) -> list[Answer]:
    sent = request.files.get("file")
    if sent is not None and sent.filename:
        rows = [["" if cell is None else str(cell) for cell in row] for row in open_sheets(sent.read())[0].rows]
        return read_answers(rows)
    typed = form.load()["answers"].replace("，", ",").replace("\t", ",")
    return read_answers(csv.reader(io.StringIO(typed)))


def _reached(batch_id: int) -> MinistryBatch:
    found = queries.get_batch(db.session(), batch_id)
    current_actor().require("ministry.submit", branch_id=found.branch_id)
    return found
