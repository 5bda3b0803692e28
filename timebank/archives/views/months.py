"""``/branch/archives``: months of a branch, closing one, its package, its members' table."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, current_app, flash, redirect, render_template, send_file, url_for
from werkzeug.wrappers import Response as Redirect

from timebank.archives import closing, queries, rules, service
from timebank.archives.models import Archive
from timebank.archives.queries import STATE_NAMES
from timebank.archives.schemas import CorrectionSchema
from timebank.archives.views.base import blueprint, folder
from timebank.branches.models import Branch
from timebank.branches.queries import get_branch_by_code
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.clock import month_name
from timebank.core.db import db
from timebank.core.errors import Refusal
from timebank.core.paging import Page, page_number
from timebank.watch.words import list_alarm_words
from timebank.web.downloads import FILE_KINDS, table_file
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query

_MONTH = "/branch/archives/<code>/<month>"
_PER_PAGE = 100
_TONES = {"running": "", "due": "wait", "closed": "ok"}
_RESULTS = {
    "closed": ("已结账", "ok"),
    "already_closed": ("此前已结账", ""),
    "refused": ("没有通过检查", "wait"),
    "failed": ("出错，没有完成", "bad"),
}

# Where what a check found is put right: label, endpoint, who may open it, and what the address says beside the branch.
_PLACES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "months": ("看各月", "archives.months", "archive.read", {}),
    "approvals": ("去审批", "attendance.approvals", "attendance.review", {}),
    "overdue": ("看没提交的班次", "attendance.overdue", "attendance.review", {}),
    "orders": ("看兑换单", "exchange.branch_orders", "order.read", {"status": "open"}),
    "clearing": ("去网点互通", "clearing.network", "clearing.read", {}),
    "verify": ("看账本自检", "desks.verify", "books.read", {}),
}


@blueprint.get("/branch/archives")
@guard("archive.read")
def months() -> str:
    """The months of a branch with their state, and every attempt to close one."""
    session, choice, now = db.session(), choose_branch("archive.read"), clock.now()
    return render_template(
        "archives/months.html",
        choice=choice,
        branch=choice.branch,
        alarms=list_alarm_words(session, now=now),
        unclosed=queries.find_unclosed(session, choice.branch.id, now=now),
        preview=queries.preview_running(session, choice.branch, now=now),
        months=queries.list_months(session, choice.branch.id, now=now),
        runs=queries.list_runs(session, choice.branch.id),
        may_close=current_actor().may("archive.close", branch_id=choice.branch.id),
        states=STATE_NAMES,
        tones=_TONES,
        results=_RESULTS,
    )


@blueprint.get(_MONTH)
@guard("archive.read")
def month(code: str, month: str) -> str:
    """One month: what would stand in the way of closing it, its seal and package, and what every member had and got."""
    return _page(*_month(code, month), form=Form(CorrectionSchema()))


def _page(branch: Branch, view: queries.MonthView, *, form: Form) -> str:
    session, month, now = db.session(), view.month, clock.now()
    closed = view.state == "closed"
    preview = None if closed else queries.preview_month(session, branch, month, now=now)
    checks = queries.as_plain(preview.results) if preview else queries.sealed_checks(session, branch.id, month)
    members = queries.list_member_rows(session, branch, month)
    return render_template(
        "archives/month.html",
        branch=branch,
        month=view,
        preview=preview,
        checks=[one | {"mend": None if closed else _mend(one, branch)} for one in checks],
        versions=_versions(branch, month),
        runs=queries.list_runs(session, branch.id, month=month),
        page=_members_page(members, page_number(Query().value("page"))),
        sums=[sum(row[at] for row in members) for at in range(2, len(rules.MEMBERS.columns))],
        may_close=current_actor().may("archive.close", branch_id=branch.id),
        results=_RESULTS,
        form=form,
    )


def _mend(check: dict[str, Any], branch: Branch) -> tuple[str, str] | None:
    """Label and address of the page where what a check found is put right, for whoever may open it."""
    label, endpoint, permission, values = _PLACES.get(check["place"], ("", "", "", {}))
    if check["passed"] or not endpoint or not current_actor().may(permission, branch_id=branch.id):
        return None
    return label, url_for(endpoint, branch=branch.id, **values)


def _versions(branch: Branch, month: str) -> list[tuple[Archive, bool]]:
    """Every package of a month, the newest first, and whether its file is there."""
    kept = queries.list_versions(db.session(), branch.id, month)
    return [(one, (folder() / one.file_name).is_file()) for one in reversed(kept)]


def _close(branch: Branch, month: str) -> closing.Close:
    return closing.Close(
        branch_id=branch.id,
        month=month,
        actor=current_actor(),
        keys=keys(),
        folder=folder(),
        clock=clock.now,
        site=current_app.config["TIMEBANK_URL"],
    )


@blueprint.post(f"{_MONTH}/close")
@guard("archive.close")
def close(code: str, month: str) -> Redirect:
    """Close the month now. Pressing again answers with the package that is there."""
    branch = _branch(code, "archive.close")
    try:
        archive = closing.run(_close(branch, month))
    except service.NotAMonth as refusal:
        flash(refusal.message, "error")
        return redirect(url_for("archives.months", branch=branch.id))
    except Refusal as refusal:
        flash(refusal.message, "error")
    else:
        flash(f"{month_name(month)}已结账，归档包 {archive.file_name.rpartition('/')[2]} 可以下载了。", "success")
    return redirect(url_for("archives.month", code=code, month=month))


@blueprint.post(f"{_MONTH}/correct")
@guard("archive.close")
def correct(code: str, month: str) -> Redirect | tuple[str, int]:
    """Pack a closed month anew, with a reason. Pressing again answers with the version that is there."""
    _branch(code, "archive.close")
    branch, view = _month(code, month)
    form = Form(CorrectionSchema())
    with form.catching():
        archive = closing.correct(_close(branch, month), reason=form.load()["reason"])
        flash(f"{month_name(month)}的归档包另做了第 {archive.version} 版，原来的版本都留着。", "success")
        return redirect(url_for("archives.month", code=code, month=month), 303)
    return _page(branch, view, form=form), form.status


@blueprint.get(f"{_MONTH}/package")
@guard("archive.read")
@limiter.limit(DOWNLOAD_LIMIT)
def package(code: str, month: str) -> Response:
    """The newest package of a closed month."""
    branch, _ = _month(code, month)
    return _file(queries.get_archive(db.session(), branch.id, month))


@blueprint.get(f"{_MONTH}/package/<int(max=9999):version>")
@guard("archive.read")
@limiter.limit(DOWNLOAD_LIMIT)
def package_version(code: str, month: str, version: int) -> Response:
    """One version of the package of a closed month."""
    branch, _ = _month(code, month)
    return _file(queries.get_version(db.session(), branch.id, month, version))


def _file(archive: Archive) -> Response:
    path = folder() / archive.file_name
    if not path.is_file():
        raise queries.PackageLost(month=archive.month)
    return send_file(path, mimetype="application/zip", as_attachment=True, download_name=path.name, max_age=0)


@blueprint.get(f"{_MONTH}/members.<kind>")
@guard("archive.read")
@limiter.limit(DOWNLOAD_LIMIT)
def members_file(code: str, month: str, kind: str) -> Response:
    """The members' table of a month as CSV or XLSX; people as number and masked name."""
    if kind not in FILE_KINDS:
        abort(404)
    branch, _ = _month(code, month)
    rows = queries.list_member_rows(db.session(), branch, month)
    return table_file(f"{branch.code}-{month}-会员", kind, [column.title for column in rules.MEMBERS.columns], rows)


def _members_page(rows: list[tuple[Any, ...]], number: int) -> Page[tuple[Any, ...]]:
    number = max(1, min(number, -(-len(rows) // _PER_PAGE)))
    items = rows[(number - 1) * _PER_PAGE : number * _PER_PAGE]
    return Page(items=items, number=number, size=_PER_PAGE, total=len(rows))


def _branch(code: str, permission: str) -> Branch:
    branch = get_branch_by_code(db.session(), code)
    current_actor().require(permission, branch_id=branch.id)
    return branch


def _month(code: str, month: str) -> tuple[Branch, queries.MonthView]:
    branch = _branch(code, "archive.read")
    return branch, queries.get_month(db.session(), branch.id, month, now=clock.now())
