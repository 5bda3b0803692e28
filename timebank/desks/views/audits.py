"""``/inspect/verify``: what the nightly self-checks of the books found, and one now for who does not want to wait."""

from __future__ import annotations

import json

from flask import Response, render_template

from timebank.archives import queries as archives
from timebank.archives.queries import AuditView
from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, snapshot
from timebank.core.paging import page_number
from timebank.desks.views import blueprint
from timebank.ledger import verification
from timebank.web.guards import current_actor, guard
from timebank.web.query import Query

_HOUR = 3600


@blueprint.get("/inspect/verify")
@guard("books.read")
def verify() -> str:
    """The self-checks that were kept, and on request one now: it reads every row, so it waits to be asked."""
    choice, query, now = choose_branch("books.read"), Query(), clock.now()
    branch_id, checks = choice.branch.id, None
    if query.value("now") == "1":
        with snapshot() as session:
            checks = verification.verify(session, branch_id)
    latest = archives.latest_audit(db.session(), branch_id)
    return render_template(
        "desks/verify.html",
        choice=choice,
        branch=choice.branch,
        latest=latest,
        stale=archives.is_stale(latest, now=now),
        hours=int((now - latest.ran_at).total_seconds() // _HOUR) if latest else None,
        page=archives.page_audits(db.session(), branch_id, number=page_number(query.value("page"))),
        checks=checks,
        plain=verification.as_plain(checks or ()),
        names=[title for _, title, _ in verification.CHECKS],
        at=now,
    )


@blueprint.get("/inspect/verify/<int(max=2147483647):run_id>")
@guard("books.read")
def audit_run(run_id: int) -> str:
    """One kept self-check, check by check."""
    run = _run(run_id)
    return render_template("desks/audit_run.html", run=run, branch=db.session.get_one(Branch, run.branch_id))


@blueprint.get("/inspect/verify/<int(max=2147483647):run_id>.json")
@guard("books.read")
def audit_run_file(run_id: int) -> Response:
    """The same as ``flask ledger verify --json`` writes it."""
    report = archives.audit_report(db.session(), _run(run_id).id)
    return Response(json.dumps(report, ensure_ascii=False, indent=2), mimetype="application/json")


def _run(run_id: int) -> AuditView:
    run = archives.get_audit(db.session(), run_id)
    current_actor().require("books.read", branch_id=run.branch_id)
    return run
