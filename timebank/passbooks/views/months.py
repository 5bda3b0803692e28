"""``/me/statements`` and ``/me/statement/<month>``: my months, each final once its books are closed; as a sheet too."""

from __future__ import annotations

from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.clock import is_month, month_name
from timebank.core.db import db, snapshot
from timebank.core.minutes import coins, hours, points
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.passbooks import queries
from timebank.passbooks.queries import MonthStatement
from timebank.passbooks.views.base import blueprint
from timebank.web import print as paper
from timebank.web.downloads import pdf_file
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter


@blueprint.get("/me/statements")
@guard("me.read")
def statements() -> str:
    """My months, newest first."""
    months = queries.list_statement_months(db.session(), _me(db.session()))
    return render_template("passbooks/months.html", months=[(month, month_name(month)) for month in months])


@blueprint.get("/me/statement/<month>")
@guard("me.read")
def month(month: str) -> str | Response:
    """A month; one that is not closed is on the running statement."""
    with snapshot() as session:
        member = _me(session)
        if not _closed(session, member, month):
            return _running(month)
        months = queries.list_statement_months(session, member)
        return render_template(
            "passbooks/month.html",
            statement=queries.get_month(session, member, month),
            member=member,
            name=month_name(month),
            older=next((one for one in months if one < month), ""),
            newer=next((one for one in reversed(months) if one > month), ""),
        )


@blueprint.get("/me/statement/<month>/statement.pdf")
@guard("me.read")
@limiter.limit(DOWNLOAD_LIMIT)
def month_sheet(month: str) -> FlaskResponse | Response:
    """The same as a sheet to print."""
    with snapshot() as session:
        member = _me(session)
        if not _closed(session, member, month):
            return _running(month)
        values = sheet_values(member, queries.get_month(session, member, month))
    return pdf_file(f"对账单-{values['number']}-{month}", paper.pdf("month_statement.typ", values))


def _closed(session: Session, member: Member, month: str) -> bool:
    if not is_month(month):
        abort(404)
    return queries.is_closed(session, member.branch_id, month)


def _running(month: str) -> Response:
    flash(f"{month_name(month)}还没有结账，对账单结账以后才有。这里是到现在为止的流水。", "notice")
    return redirect(url_for("growth.statement", month=month))


def sheet_values(member: Member, found: MonthStatement) -> dict[str, Any]:
    """What ``month_statement.typ`` wants."""
    giveaway = found.giveaway
    return {
        "name": member.name,
        "number": member.number,
        "branch": member.branch.name,
        "phone": member.branch.phone,
        "month": month_name(found.month),
        "printed": f"{clock.local(clock.now()):%Y-%m-%d %H:%M}",
        "opening": coins(found.coins.opening),
        "came": coins(found.coins.came),
        "went": coins(found.coins.went),
        "closing": coins(found.coins.closing),
        "points": f"月初 {points(found.points.opening)}，月末 {points(found.points.closing)}",
        "signed": hours(found.signed_minutes),
        "manual": hours(found.manual_minutes),
        "giveaway": f"月初 {coins(giveaway.opening)}，月末 {coins(giveaway.closing)}" if giveaway else "",
        "parts": [{"name": one.name, "count": one.count, "amount": _signed(one.amount)} for one in found.parts],
        "lines": [
            {
                "at": f"{clock.local(line.at):%m-%d %H:%M}",
                "text": line.whole_text,
                "amount": _signed(line.amount),
                "balance": coins(line.balance),
            }
            for line in found.lines
        ],
    }


def _signed(amount: int) -> str:
    return ("+" if amount > 0 else "") + coins(amount)


def _me(session: Session) -> Member:
    return get_member(session, current_actor().member_id or 0)
