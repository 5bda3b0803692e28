"""``/branch/organisations/summary``: a year at a branch, organisation by organisation, also as a table to take away."""

from __future__ import annotations

from flask import Response, render_template

from timebank.agreements import queries
from timebank.agreements.models import AGREEMENT_STATUS_NAMES
from timebank.agreements.queries import OrganisationYear
from timebank.agreements.views.base import AGREEMENT_TONES, blueprint
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, snapshot
from timebank.members.models import ORGANISATION_KINDS
from timebank.web.downloads import table_file
from timebank.web.guards import guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query


@blueprint.get("/branch/organisations/summary")
@guard("organisation.read")
def summary() -> str:
    """The year."""
    choice, session = choose_branch("organisation.read"), db.session()
    today, year = clock.today(clock.now()), _year(choice.branch.id)
    rows = queries.summary_of_year(session, choice.branch.id, year, today=today)
    return render_template(
        "agreements/summary.html",
        choice=choice,
        branch=choice.branch,
        year=year,
        years=_years(choice.branch.id),
        rows=rows,
        minutes=sum(one.hours.minutes for one in rows),
        kept=sum(one.theirs.kept + one.branch.kept for one in rows),
        promised=sum(one.theirs.all + one.branch.all for one in rows),
        statuses=AGREEMENT_STATUS_NAMES,
        tones=AGREEMENT_TONES,
    )


@blueprint.get("/branch/organisations/summary.<kind>")
@guard("organisation.read")
@limiter.limit(DOWNLOAD_LIMIT)
def summary_file(kind: str) -> Response:
    """The same as CSV or XLSX, hours in minutes."""
    with snapshot() as session:
        choice = choose_branch("organisation.read")
        year, today = _year(choice.branch.id), clock.today(clock.now())
        rows = [_row(one) for one in queries.summary_of_year(session, choice.branch.id, year, today=today)]
    titles = (
        "单位", "类型", "协议", "单位承诺", "单位已兑现", "单位进行中", "单位逾期", "网点承诺", "网点已兑现",
        "网点进行中", "网点逾期", "参加服务人数", "服务时长（分钟）", *(f"{month}月（分钟）" for month in range(1, 13)),
    )  # fmt: skip
    return table_file(f"{choice.branch.code}-{year}-共建总结", kind, titles, rows)


def _row(one: OrganisationYear) -> tuple[object, ...]:
    sides = [(side.all, side.kept, side.open, side.overdue + side.over) for side in (one.theirs, one.branch)]
    return (
        one.organisation.name,
        ORGANISATION_KINDS[one.organisation.kind],
        AGREEMENT_STATUS_NAMES[one.agreement.status] if one.agreement else "没有协议",
        *sides[0],
        *sides[1],
        one.hours.people,
        one.hours.minutes,
        *one.hours.months,
    )


def _years(branch_id: int) -> list[int]:
    this_year = clock.today(clock.now()).year
    return sorted({this_year, *queries.list_years(db.session(), branch_id)}, reverse=True)


def _year(branch_id: int) -> int:
    years = _years(branch_id)
    return int(Query().one_of("year", {str(one) for one in years}, str(clock.today(clock.now()).year)))
