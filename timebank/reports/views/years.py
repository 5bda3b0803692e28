"""``/branch/figures``: the figures of each year, prepared by one person and published by another."""

from __future__ import annotations

from flask import Response, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as Redirect

from timebank.branches.views import BranchChoice, choose_branch
from timebank.core import clock
from timebank.core.db import db, snapshot, transaction
from timebank.reports import queries, service
from timebank.reports.models import YearlyReport
from timebank.reports.schemas import ReasonSchema, YearSchema
from timebank.reports.views import ID, blueprint
from timebank.reports.views.shown import on_paper, sheets_of
from timebank.web import print as paper
from timebank.web.downloads import pdf_file, workbook, workbook_file
from timebank.web.forms import Form, Untouched, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.limits import limiter

_FILE_LIMIT = "30/minute"


@blueprint.get("/branch/figures")
@guard("figures.read")
def years() -> str:
    """Every version of every year, and the form to count one."""
    return _list_page(choose_branch("figures.read"), Untouched(YearSchema(), initial={"year": _this_year()}))


def _this_year() -> int:
    return clock.today(clock.now()).year


def _list_page(choice: BranchChoice, form: Form) -> str:
    return render_template(
        "reports/years.html",
        choice=choice,
        branch=choice.branch,
        reports=queries.list_years(db.session(), choice.branch.id),
        may_publish=current_actor().may("figures.publish", branch_id=choice.branch.id),
        form=form,
    )


@blueprint.post("/branch/figures")
@guard("figures.publish")
@limiter.limit(_FILE_LIMIT)
def prepare() -> Redirect | tuple[str, int]:
    """Count a year."""
    choice, form = choose_branch("figures.publish"), Form(YearSchema())
    with form.catching():
        given = form.load()
        draft, actor, now = service.YearDraft(branch_id=choice.branch.id, **given), current_actor(), clock.now()
        with snapshot() as session:  # twelve months take long: nobody waits for that
            figures = service.figures_for(session, draft, actor=actor, now=now)
        with transaction() as session:
            report = service.keep_year(session, draft, figures, actor=actor, now=now)
            flash(f"{report.year} 年的数据算好了，是第 {report.version} 版。请另一位管理员核对以后公开。", "success")
            return redirect(url_for("reports.year", report_id=report.id), 303)
    return _list_page(choice, form), form.status


@blueprint.get(f"/branch/figures/<{ID}:report_id>")
@guard("figures.read")
def year(report_id: int) -> str:
    """One version with all its tables."""
    report = _reached(report_id, "figures.read")
    newest = queries.find_newest(db.session(), report.branch_id, report.year)
    actor = current_actor()
    return render_template(
        "reports/year.html",
        report=report,
        branch=report.branch,
        figures=report.figures,
        newest=newest is report,
        may_publish=actor.may("figures.publish", branch_id=report.branch_id),
        mine=report.prepared_by_id == actor.member_id,
    )


@blueprint.post(f"/branch/figures/<{ID}:report_id>/publish")
@guard("figures.publish")
def publish(report_id: int) -> Redirect:
    """Make it public."""
    with saying_refusals(), transaction() as session:
        report = service.publish_year(session, report_id, actor=current_actor(), now=clock.now())
        flash(f"{report.year} 年的数据公开了，谁都能看。", "success")
    return redirect(url_for("reports.year", report_id=report_id), 303)


@blueprint.post(f"/branch/figures/<{ID}:report_id>/withdraw")
@guard("figures.publish")
def withdraw(report_id: int) -> Redirect:
    """Take it back, with a reason that the public reads."""
    _reached(report_id, "figures.publish")
    with saying_refusals():
        given = Form(ReasonSchema()).load()
        with transaction() as session:
            service.withdraw_year(session, report_id, reason=given["reason"], actor=current_actor(), now=clock.now())
            flash("撤回了。公开的那一页现在写着撤回和原因，不再显示数字。", "success")
    return redirect(url_for("reports.year", report_id=report_id), 303)


@blueprint.get(f"/branch/figures/<{ID}:report_id>/file.<kind>")
@guard("figures.read")
@limiter.limit(_FILE_LIMIT)
def year_file(report_id: int, kind: str) -> Response:
    """The figures as XLSX or PDF."""
    report = _reached(report_id, "figures.read")
    name = f"{report.branch.code}-{report.year}-年度数据-v{report.version}"
    if kind == "xlsx":
        return workbook_file(name, workbook(sheets_of(report.figures)))
    if kind == "pdf":
        return pdf_file(name, paper.pdf("report.typ", on_paper(report)))
    abort(404)


def _reached(report_id: int, permission: str) -> YearlyReport:
    found = queries.get_report(db.session(), report_id)
    current_actor().require(permission, branch_id=found.branch_id)
    return found
