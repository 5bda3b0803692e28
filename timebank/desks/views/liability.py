"""``/inspect/liability`` 爱心币家底: coins outstanding, how old, what they can be redeemed for, whose hours."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, render_template
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.clock import month_name
from timebank.core.db import db
from timebank.desks import bookkeeping
from timebank.desks import liability as figures
from timebank.desks.views import blueprint
from timebank.exchange.models import CATEGORIES, GOODS, KIND_NAMES
from timebank.exchange.queries import OfferFilter, list_offers, redemption_capacity
from timebank.exchange.queries.pace import category_paces
from timebank.ledger import queries as ledger
from timebank.ledger.queries.ageing import holdings
from timebank.web.downloads import table_file
from timebank.web.guards import guard
from timebank.web.query import Query

_GOODS_SHOWN = 50
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
    """The whole picture of one branch."""
    choice, query, session, now = choose_branch("books.read"), Query(), db.session(), clock.now()
    branch, today = choice.branch, clock.today(now)
    held = holdings(session, branch.id)
    outstanding = sum(one.standing - one.owed for one in held)
    trend = figures.trend(session, branch.id, outstanding=outstanding, now=now)
    months = _months(session, branch, query)
    recent = [one.month for one in trend[:-1][-figures.PACE_MONTHS :]]
    shelf = list_offers(session, OfferFilter(kind=GOODS, branch_id=branch.id), today=today, size=_GOODS_SHOWN)
    return render_template(
        "desks/liability.html",
        choice=choice,
        branch=branch,
        query=query,
        holdings=held,
        kinds=bookkeeping.ACCOUNT_KINDS,
        outstanding=outstanding,
        ageing=figures.ages(session, branch.id, now=now),
        ages=figures.AGES,
        trend=trend,
        used=figures.pace(trend, outstanding=outstanding, of=lambda one: one.redeemed, opened=branch.opened_on),
        taken_back=figures.pace(trend, outstanding=outstanding, of=lambda one: one.goods, opened=branch.opened_on),
        capacity=redemption_capacity(session, branch.id, today=today),
        goods=shelf,
        paces=category_paces(session, branch.id, [clock.month_range(month) for month in recent], today=today),
        recent=recent,
        categories=CATEGORIES,
        offer_kinds=KIND_NAMES,
        months=months,
        funding=figures.funding(session, branch.id, first=months.first, last=months.last),
    )


@blueprint.get("/inspect/liability.<kind>")
@guard("books.read")
def liability_file(kind: str) -> Response:
    """One of its tables as CSV or XLSX, in minutes: ``part`` is funding, ages or months."""
    choice, query, session, now = choose_branch("books.read"), Query(), db.session(), clock.now()
    branch, part = choice.branch, query.one_of("part", _PARTS, "funding")
    if part == "funding":
        months = _months(session, branch, query)
        found = figures.funding(session, branch.id, first=months.first, last=months.last)
        titles: tuple[str, ...] = ("月份", "活动类别", "服务队或组织者", "服务所在网点", "发行（分钟）")
        rows = [(row.month, row.category, row.team, row.branch, row.minutes) for row in found.rows]
        return table_file(f"{branch.code}-{months.first}-{months.last}-{_PARTS[part]}", kind, titles, rows)
    name = f"{branch.code}-{clock.today(now)}-{_PARTS[part]}"
    if part == "ages":
        amounts = figures.ages(session, branch.id, now=now).classes
        return table_file(name, kind, ("币龄", "爱心币（分钟）"), zip(figures.AGES, amounts, strict=True))
    outstanding = sum(one.standing - one.owed for one in holdings(session, branch.id))
    trend = figures.trend(session, branch.id, outstanding=outstanding, now=now)
    titles = ("月份", "月末没有兑换（分钟）", "兑换物品（分钟）", "兑换服务（分钟）")
    return table_file(name, kind, titles, [(one.month, one.outstanding, one.goods, one.services) for one in trend])


def _months(session: Session, branch: Branch, query: Query) -> Months:
    """What was asked for; else the last twelve months. The later end is never before the earlier."""
    current = clock.month_of(clock.now())
    known = sorted({current, *(period.month for period in ledger.list_periods(session, branch.id))})
    first = query.month("first") or known[-figures.TREND_MONTHS :][0]
    last = query.month("last") or max(current, first)
    return Months(first=min(first, last), last=max(first, last), choices=[(one, month_name(one)) for one in known])
