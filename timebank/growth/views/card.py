"""``/me/card`` and ``/me/record``: what somebody has done, and the code that shows who they are."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from flask import render_template

from timebank.attendance.models import ATTENDANCE_STATUS_NAMES
from timebank.core import clock
from timebank.core.clock import month_name
from timebank.core.db import db
from timebank.core.minutes import hours
from timebank.core.paging import page_number
from timebank.growth import queries
from timebank.growth.rules import STAR_HOURS, Square, year_squares
from timebank.growth.views import blueprint
from timebank.members.queries import get_member
from timebank.web import qr
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys, pass_url
from timebank.web.query import Query

_TONES = {"approved": "ok", "ready": "wait", "pending": "wait"}
_LATEST = 8
_NAME_WEEKS = 2  # how many weeks a month's name is wide
WEEKS_IN_A_ROW = 27  # the year's picture stands in two rows, so that its squares are seen on a phone


@blueprint.get("/me/card")
@guard("me.read")
def card() -> str:
    """The growth card: personal code, totals, stars, the year in squares, the latest activities."""
    session = db.session()
    member = get_member(session, current_actor().member_id or 0)
    view = queries.get_card(session, member, keys())
    last = clock.today(clock.now())
    squares = year_squares(queries.minutes_by_day(session, member.id, last=last), last)
    months = _by_month(squares)
    return render_template(
        "growth/card.html",
        card=view,
        qr=qr.svg(pass_url(view.codes.scanned), "个人码，签到时出示") if view.codes else "",
        squares=squares,
        in_a_row=WEEKS_IN_A_ROW,
        month_marks=_month_marks(squares),
        months=months,
        months_shown=[(month_name(f"{first:%Y-%m}"), f"{days} 天", hours(minutes)) for first, days, minutes in months],
        star_hours=STAR_HOURS,
        latest=queries.list_record(session, member.id, queries.RecordFilter(approved_only=True), size=_LATEST),
        today=last,
    )


@blueprint.get("/me/record")
@guard("me.read")
def record() -> str:
    """Every service record, with its state, by year."""
    session, query = db.session(), Query()
    member = get_member(session, current_actor().member_id or 0)
    years = queries.list_years(session, member.id)
    year = query.one_of("year", {str(year) for year in years})
    wanted = queries.RecordFilter(year=int(year) if year else None)
    return render_template(
        "growth/record.html",
        page=queries.list_record(session, member.id, wanted, number=page_number(query.value("page"))),
        totals=queries.get_card(session, member, keys()).totals,
        years=years,
        year_options=[(year, f"{year} 年") for year in years],
        query=query,
        statuses=ATTENDANCE_STATUS_NAMES,
        tones=_TONES,
    )


def _month_marks(squares: list[Square]) -> list[tuple[int, str]]:
    """Where a month's name stands above the weeks: at the first whole week that begins in it, unless names collide."""
    first: dict[str, Square] = {}
    for square in squares:
        if square.weekday == 0:
            first.setdefault(f"{square.day:%Y-%m}", square)
    starts = list(first.values())
    if len(starts) > 1 and starts[1].week - starts[0].week <= _NAME_WEEKS:
        del starts[0]  # a rest of a month
    cut = WEEKS_IN_A_ROW - _NAME_WEEKS
    return [(square.week, f"{square.day.month}月") for square in starts if square.week % WEEKS_IN_A_ROW <= cut]


def _by_month(squares: list[Square]) -> list[tuple[date, int, int]]:
    """(first day, days served, minutes) of each month shown, newest first: the picture as numbers."""
    found: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    for square in squares:
        row = found[square.day.replace(day=1)]
        row[0] += square.minutes > 0
        row[1] += square.minutes
    return [(month, days, minutes) for month, (days, minutes) in sorted(found.items(), reverse=True)]
