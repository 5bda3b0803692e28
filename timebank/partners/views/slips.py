"""The monthly slips: what each organisation gave, as the books have it; to read, to print, as a table."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, render_template, request

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.clock import is_month, month_name, month_of, next_month, previous_month
from timebank.core.db import db
from timebank.core.minutes import coins
from timebank.members.models import Organisation
from timebank.members.queries import OrganisationNotFound, get_organisation
from timebank.partners import queries
from timebank.partners.views.base import ID, blueprint
from timebank.web import print as paper
from timebank.web.downloads import pdf_file, table_file
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter

_SLIP = f"/branch/slips/<{ID}:organisation_id>/<month>"


@blueprint.get("/branch/slips")
@guard("slip.read")
def slips() -> str:
    """What each organisation of a branch gave in a month, together equal to the books."""
    choice, now = choose_branch("slip.read"), clock.now()
    asked = request.args.get("month", "")
    month = asked if is_month(asked) else month_of(now)
    found = queries.list_slips(db.session(), choice.branch.id, month)
    return render_template(
        "partners/slips.html",
        choice=choice,
        branch=choice.branch,
        month=month,
        before=previous_month(month),
        after=next_month(month) if month < month_of(now) else "",
        slips=found,
        total=sum(slip.minutes for slip in found),
        booked=queries.redeemed_in(db.session(), choice.branch.id, month),
    )


@blueprint.get(_SLIP)
@guard("slip.read")
def slip(organisation_id: int, month: str) -> str:
    """One organisation's month, line by line, without names."""
    organisation = _organisation(organisation_id)
    return render_template(
        "partners/slip.html", organisation=organisation, slip=_slip(organisation, month), month=month
    )


@blueprint.get(f"{_SLIP}.<kind>")
@guard("slip.read")
@limiter.limit(DOWNLOAD_LIMIT)
def slip_file(organisation_id: int, month: str, kind: str) -> Response:
    """The same as a file: PDF to print and sign, CSV or XLSX to reckon with."""
    organisation = _organisation(organisation_id)
    found = _slip(organisation, month)
    name = f"合作单位对账单-{organisation.name}-{month}"
    if kind == "pdf":
        return pdf_file(name, paper.pdf("slip.typ", _on_paper(organisation, found, month)))
    titles = ("时间", "项目", "券尾号", "份数", "用币（分钟）", "备注")
    rows = [
        (_at(one), one.title, one.tail, one.quantity, one.minutes, "更正" if one.corrects else "")
        for one in found.lines
    ]
    return table_file(name, kind, titles, rows)


def _organisation(organisation_id: int) -> Organisation:
    organisation = get_organisation(db.session(), organisation_id)
    if not current_actor().may("slip.read", branch_id=organisation.branch_id):
        raise OrganisationNotFound()
    return organisation


def _slip(organisation: Organisation, month: str) -> queries.Slip:
    if not is_month(month):
        abort(404)
    return queries.get_slip(db.session(), organisation, month)


def _at(line: queries.SlipLine) -> str:
    return f"{clock.local(line.at):%Y-%m-%d %H:%M}"


def _on_paper(organisation: Organisation, found: queries.Slip, month: str) -> dict[str, Any]:
    """What ``slip.typ`` wants."""
    return {
        "organisation": organisation.name,
        "branch": organisation.branch.name,
        "month": month_name(month),
        "printed": f"{clock.local(clock.now()):%Y-%m-%d %H:%M}",
        "quantity": found.quantity,
        "coins": coins(found.minutes),
        "goods": [{"title": one.title, "quantity": one.quantity, "coins": coins(one.minutes)} for one in found.goods],
        "lines": [
            {
                "at": _at(one),
                "title": one.title + ("（更正）" if one.corrects else ""),
                "tail": one.tail,
                "quantity": one.quantity,
                "coins": coins(one.minutes),
            }
            for one in found.lines
        ],
    }
