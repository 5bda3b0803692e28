"""``/me/statement``: what came in and what went out, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, render_template

from timebank.core import clock
from timebank.core.db import db
from timebank.growth import queries
from timebank.growth.views import blueprint
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.rulebook.queries import find_rule
from timebank.rulebook.rules import sentences
from timebank.web.downloads import table_file
from timebank.web.filters import month_name
from timebank.web.guards import current_actor, guard
from timebank.web.query import Query

_UNITS = {"coin": "爱心币", "giveaway": "可赠币", "point": "积分"}
_EXPORT_ROWS = 1_000  # lines read at a time


@blueprint.get("/me/statement")
@guard("me.read")
def statement() -> str:
    """One page of movements, what is held, and the way to a file."""
    session, member, query = db.session(), _me(), Query()
    unit = query.one_of("unit", _UNITS, "coin")
    month = query.month()
    account_id = queries.account_of(member, unit)
    if account_id is None:  # nothing was ever put there
        unit, account_id = "coin", member.coin_account_id
    return render_template(
        "growth/statement.html",
        statement=queries.get_statement(session, member, unit=unit, month=month, before=query.value("before")),
        account=ledger.get_account(session, account_id),
        held=queries.list_held(session, member) if unit == "coin" else [],
        unit=unit,
        gives=member.giveaway_account_id is not None,
        rules=sentences(find_rule(session, member.branch_id, clock.today(clock.now()))),
        month=month,
        months=[(one, month_name(one)) for one in _months(member)],
        query=query,
    )


@blueprint.get("/me/statement.<kind>")
@guard("me.read")
def statement_file(kind: str) -> Response:
    """The same as a CSV or XLSX file, oldest first, whole or of one month."""
    member, query = _me(), Query()
    unit = query.one_of("unit", _UNITS, "coin")
    month = query.month()
    titles = (
        "时间",
        "事项",
        "变动" if unit == "point" else "变动（分钟）",
        "余额" if unit == "point" else "余额（分钟）",
    )
    rows = list(_all_rows(member, unit, month))
    rows.reverse()
    return table_file(f"{_UNITS[unit]}流水-{member.number}-{month or '全部'}", kind, titles, rows)


def _all_rows(member: Member, unit: str, month: str | None) -> Iterator[tuple[Any, ...]]:
    before, more = "", True
    while more:
        page = queries.get_statement(db.session(), member, unit=unit, month=month, before=before, size=_EXPORT_ROWS)
        for line in page.lines:
            yield f"{clock.local(line.at):%Y-%m-%d %H:%M}", line.text, line.amount, line.balance
        before, more = page.older, bool(page.older)


def _months(member: Member) -> list[str]:
    """From the present month back to the one in which the member registered."""
    current = clock.month_of(clock.now())
    first = clock.month_of(member.registered_at)
    months = [current]
    while months[-1] > first:
        months.append(clock.previous_month(months[-1]))
    return months


def _me() -> Member:
    return get_member(db.session(), current_actor().member_id or 0)
