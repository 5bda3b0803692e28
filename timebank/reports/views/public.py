"""``/report/<branch>/<year>``: the year's figures for everybody (MCA Order 67 art. 18)."""

from __future__ import annotations

from flask import render_template

from timebank.branches.queries import get_branch_by_code
from timebank.core.db import db
from timebank.reports import queries
from timebank.reports.rules import LEAST_PEOPLE
from timebank.reports.views import blueprint
from timebank.reports.views.shown import TOTALS, public_figures
from timebank.web.guards import public


@blueprint.get("/report/<code>/<int(min=2000, max=2999):year>")
@public
def report(code: str, year: int) -> str:
    """The figures that were published; withdrawn ones only with the reason."""
    branch = get_branch_by_code(db.session(), code)
    shown = queries.get_published(db.session(), branch.id, year)
    return render_template(
        "reports/public.html",
        branch=branch,
        report=shown,
        totals=shown.figures["totals"],
        names=TOTALS,
        figures=public_figures(shown.figures),
        least=LEAST_PEOPLE,
    )
