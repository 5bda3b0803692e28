"""``/me/statement``: what came in and what went out, in words; on the screen, as a table, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, render_template
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.clock import month_name
from timebank.core.db import snapshot
from timebank.core.minutes import coins, points
from timebank.growth import queries
from timebank.growth.queries.statement import get_whole_statement
from timebank.growth.views import blueprint
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.rulebook.queries import find_rule
from timebank.rulebook.rules import sentences
from timebank.web import print as paper
from timebank.web.downloads import pdf_file, table_file
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query, Span

_UNITS = {"coin": "爱心币", "giveaway": "可赠币", "point": "积分"}


@blueprint.get("/me/statement")
@guard("me.read")
def statement() -> str:
    """One page of movements, what is held, and the way to a file."""
    with snapshot() as session:  # lines and balances in several statements, while others book
        return _shown(session, _me(session), Query())


def _shown(session: Session, member: Member, query: Query) -> str:
    unit = query.one_of("unit", _UNITS, "coin")
    span = query.span()
    account_id = queries.account_of(member, unit)
    if account_id is None:  # nothing was ever put there
        unit, account_id = "coin", member.coin_account_id
    return render_template(
        "growth/statement.html",
        statement=queries.get_statement(
            session, member, unit=unit, span=(span.start, span.end), before=query.value("before")
        ),
        account=ledger.get_account(session, account_id),
        held=queries.list_held(session, member) if unit == "coin" else [],
        unit=unit,
        span=span,
        asked={"month": query.month(), "from": query.day("from"), "to": query.day("to")},
        gives=member.giveaway_account_id is not None,
        rules=sentences(find_rule(session, member.branch_id, clock.today(clock.now()))),
        months=[(one, month_name(one)) for one in _months(member)],
        query=query,
    )


@blueprint.get("/me/statement.<kind>")
@guard("me.read")
@limiter.limit(DOWNLOAD_LIMIT)
def statement_file(kind: str) -> Response:
    """The same as a CSV or XLSX file or as a sheet to print, oldest first, whole or of some days."""
    query = Query()
    unit = query.one_of("unit", _UNITS, "coin")
    span = query.span()
    with snapshot() as session:
        member = _me(session)
        page, lines = get_whole_statement(session, member, unit=unit, span=(span.start, span.end))
        name = f"{_UNITS[unit]}流水-{member.number}-{span.words or '全部'}"
        on_paper = _on_paper(member, unit, span, page, lines)
    if kind == "pdf":
        return pdf_file(name, paper.pdf("statement.typ", on_paper))
    titles = (
        "时间",
        "事项",
        "变动" if unit == "point" else "变动（分钟）",
        "余额" if unit == "point" else "余额（分钟）",
    )
    rows = [(f"{clock.local(line.at):%Y-%m-%d %H:%M}", line.whole_text, line.amount, line.balance) for line in lines]
    return table_file(name, kind, titles, rows)


def _on_paper(
    member: Member, unit: str, span: Span, page: queries.MyStatement, lines: Sequence[queries.Line]
) -> dict[str, Any]:
    """What ``statement.typ`` wants."""
    shown = points if unit == "point" else coins
    return {
        "unit": _UNITS[unit],
        "name": member.name,
        "number": member.number,
        "branch": member.branch.name,
        "span": span.words or "从开户到今天",
        "printed": f"{clock.local(clock.now()):%Y-%m-%d %H:%M}",
        "opening": shown(page.opening),
        "came": shown(page.came),
        "went": shown(page.went),
        "closing": shown(page.closing),
        "count": page.count,
        "lines": [
            {
                "at": f"{clock.local(line.at):%Y-%m-%d %H:%M}",
                "text": line.whole_text,
                "amount": ("+" if line.amount > 0 else "") + shown(line.amount),
                "balance": shown(line.balance),
            }
            for line in lines
        ],
    }


def _months(member: Member) -> list[str]:
    """From the present month back to the one in which the member registered."""
    current = clock.month_of(clock.now())
    first = clock.month_of(member.registered_at)
    months = [current]
    while months[-1] > first:
        months.append(clock.previous_month(months[-1]))
    return months


def _me(session: Session) -> Member:
    return get_member(session, current_actor().member_id or 0)
