"""``/inspect/liability`` 爱心币家底: coins outstanding, how old, what they can be redeemed for, whose hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Response, render_template
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.clock import month_name
from timebank.core.db import snapshot
from timebank.desks import bookkeeping
from timebank.desks import liability as figures
from timebank.desks.views import blueprint
from timebank.exchange.models import CATEGORIES, KIND_NAMES
from timebank.exchange.queries import list_shelf, redemption_capacity
from timebank.exchange.queries.pace import category_paces
from timebank.ledger import queries as ledger
from timebank.ledger.queries.ageing import Holding, holdings
from timebank.web.downloads import table_file
from timebank.web.guards import guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query

_GOODS_SHOWN = 50
Table = tuple[str, tuple[str, ...], list[tuple[Any, ...]]]  # of which days, titles, rows
_PARTS = {"funding": "发行来源", "ages": "币龄", "months": "逐月"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Months:
    """The months chosen for whose hours the coins are, and those to choose from."""

    first: str
    last: str
    choices: list[tuple[str, str]]


@blueprint.get("/inspect/liability")
@guard("books.read")
def liability() -> str:
    """The whole picture of one branch, all of it as of one instant."""
    query, now = Query(), clock.now()
    with snapshot() as session:
        choice = choose_branch("books.read")
        return render_template(
            "desks/liability.html",
            choice=choice,
            branch=choice.branch,
            query=query,
            kinds=bookkeeping.ACCOUNT_KINDS,
            ages=figures.AGES,
            categories=CATEGORIES,
            offer_kinds=KIND_NAMES,
            **_owed(session, choice.branch, now=now),
            **_against_it(session, choice.branch, now=now),
            **_origin(session, choice.branch, query),
        )


def _owed(session: Session, branch: Branch, *, now: datetime) -> dict[str, Any]:
    """What is outstanding, how old it is, how it came to that, and how long it lasts."""
    held = holdings(session, branch.id)
    outstanding = _outstanding(held)
    trend = figures.trend(session, branch.id, outstanding=outstanding, now=now)
    return {
        "holdings": held,
        "outstanding": outstanding,
        "ageing": figures.ages(session, branch.id, now=now),
        "trend": trend,
        "used": figures.pace(trend, outstanding=outstanding, of=lambda one: one.redeemed, opened=branch.opened_on),
        "taken_back": figures.pace(trend, outstanding=outstanding, of=lambda one: one.goods, opened=branch.opened_on),
    }


def _against_it(session: Session, branch: Branch, *, now: datetime) -> dict[str, Any]:
    """What it can be redeemed for, and what was redeemed lately."""
    today, recent = clock.today(now), figures.months_until(now, figures.PACE_MONTHS + 1)[:-1]
    return {
        "capacity": redemption_capacity(session, branch.id, today=today),
        "goods": list_shelf(session, branch.id, today=today, size=_GOODS_SHOWN),
        "paces": category_paces(session, branch.id, [clock.month_range(month) for month in recent], today=today),
        "recent": recent,
    }


def _origin(session: Session, branch: Branch, query: Query) -> dict[str, Any]:
    """Whose hours it was made of, in the months that were asked for."""
    months = _months(session, branch, query)
    return {
        "months": months,
        "funding": figures.funding(session, branch.id, first=months.first, last=months.last),
    }


def _outstanding(held: Sequence[Holding]) -> int:
    return sum(one.standing - one.owed for one in held)


@blueprint.get("/inspect/liability.<kind>")
@guard("books.read")
@limiter.limit(DOWNLOAD_LIMIT)
def liability_file(kind: str) -> Response:
    """One of its tables as CSV or XLSX, in minutes: ``part`` is funding, ages or months."""
    query = Query()
    part = query.one_of("part", _TABLES, "funding")
    with snapshot() as session:
        choice = choose_branch("books.read")
        days, titles, rows = _TABLES[part](session, choice.branch, query)
        name = f"{choice.branch.code}-{days}-{_PARTS[part]}"
    return table_file(name, kind, titles, rows)


def _funding_table(session: Session, branch: Branch, query: Query) -> Table:
    months = _months(session, branch, query)
    found = figures.funding(session, branch.id, first=months.first, last=months.last)
    titles = ("月份", "活动类别", "服务队或组织者", "服务所在网点", "发行（分钟）")
    rows = [(row.month, row.category, row.team, row.branch, row.minutes) for row in found.rows]
    return f"{months.first}-{months.last}", titles, rows


def _age_table(session: Session, branch: Branch, _query: Query) -> Table:
    now = clock.now()
    amounts = figures.ages(session, branch.id, now=now).classes
    return f"{clock.today(now)}", ("币龄", "爱心币（分钟）"), list(zip(figures.AGES, amounts, strict=True))


def _month_table(session: Session, branch: Branch, _query: Query) -> Table:
    now = clock.now()
    trend = figures.trend(session, branch.id, outstanding=_outstanding(holdings(session, branch.id)), now=now)
    titles = ("月份", "月末没有兑换（分钟）", "兑换物品（分钟）", "兑换服务（分钟）")
    return f"{clock.today(now)}", titles, [(one.month, one.outstanding, one.goods, one.services) for one in trend]


_TABLES: Final[dict[str, Callable[[Session, Branch, Query], Table]]] = {
    "funding": _funding_table,
    "ages": _age_table,
    "months": _month_table,
}


def _months(session: Session, branch: Branch, query: Query) -> Months:
    """What was asked for; else the last twelve months. The later end is never before the earlier."""
    current = clock.month_of(clock.now())
    known = sorted({current, *ledger.list_known_months(session, branch.id)})
    first = query.month("first") or known[-figures.TREND_MONTHS :][0]
    last = query.month("last") or max(current, first)
    return Months(first=min(first, last), last=max(first, last), choices=[(one, month_name(one)) for one in known])
