"""``/me/card`` and ``/me/record``: what somebody has done, and the code that shows who they are; also on paper."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, abort, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Redirect

from timebank.attendance.models import ATTENDANCE_STATUS_NAMES
from timebank.attendance.queries import member_totals
from timebank.core import clock
from timebank.core.clock import month_name
from timebank.core.db import db, snapshot, transaction
from timebank.core.minutes import hours
from timebank.core.paging import page_number
from timebank.growth import printing, queries
from timebank.growth.models import GRADE_NAMES, KIND_NAMES
from timebank.growth.rules import (
    STAR_WORDS,
    Month,
    Square,
    recognition_sentences,
    star_name,
    year_months,
    year_squares,
)
from timebank.growth.views import blueprint
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.members.queries import get_member, list_teams_of, who_is_named
from timebank.members.service import let_be_named
from timebank.web import print as paper
from timebank.web import qr
from timebank.web.downloads import pdf_file
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys, pass_url, public_base
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query

_TONES = {"approved": "ok", "ready": "wait", "pending": "wait"}
_LATEST = 8
_NAME_WEEKS = 2  # how many weeks a month's name is wide
WEEKS_IN_A_ROW = 27  # the year's picture stands in two rows, so that its squares are seen on a phone
_FORMATS = ("a6", "a4")
_PAGE_OF_RECORDS = 500


@dataclass(frozen=True, slots=True)
class Bar:
    """A month as a column of the trend: ``height`` in per cent of the tallest, ``label`` its hours."""

    month: Month
    height: int
    label: str


def _me(session: Session) -> Member:
    return get_member(session, current_actor().member_id or 0)


@blueprint.get("/me/card")
@guard("me.read")
def card() -> str:
    """The growth card: personal code, totals, stars, milestones, the year in pictures, the latest activities."""
    with snapshot() as session:
        return _shown(session, _me(session))


def _shown(session: Session, member: Member) -> str:
    last = clock.today(clock.now())
    view = queries.get_card(session, member, keys(), today=last)
    squares, months = year_squares(view.days, last), year_months(view.days, last)
    rule = queries.find_recognition(session, member.branch_id, last)
    return render_template(
        "growth/card.html",
        card=view,
        coins=ledger.get_account(session, member.coin_account_id) if member.coin_account_id else None,
        giveaway=ledger.get_account(session, member.giveaway_account_id) if member.giveaway_account_id else None,
        qr=qr.svg(pass_url(view.codes.scanned), "个人码，签到时出示") if view.codes else "",
        squares=squares,
        in_a_row=WEEKS_IN_A_ROW,
        month_marks=_month_marks(squares),
        months=months,
        bars=_bars(months),
        months_shown=[
            (month_name(f"{month.first:%Y-%m}"), f"{month.days} 天", hours(month.minutes)) for month in months[::-1]
        ],
        rule_says=recognition_sentences(rule, GRADE_NAMES)[0],
        star_name=star_name,
        star_words=STAR_WORDS,
        kinds=KIND_NAMES,
        grades=GRADE_NAMES,
        milestones=queries.list_milestones_of(session, member.id),
        named=bool(who_is_named(session, [member.id])),
        teams=list_teams_of(session, member.id),
        latest=queries.list_record(session, member.id, queries.RecordFilter(approved_only=True), size=_LATEST),
        today=last,
    )


@blueprint.get("/me/card/<kind>.pdf")
@guard("me.read")
@limiter.limit(DOWNLOAD_LIMIT)
def card_file(kind: str) -> Response:
    """The card to print: ``a6`` to carry along, ``a4`` with the year."""
    if kind not in _FORMATS:
        abort(404)
    now = clock.now()
    with snapshot() as session:
        member = _me(session)
        [cards] = printing.lay_out(session, [member.id], keys(), form=kind, address=public_base(), now=now)
        name = f"成长卡-{member.number}-{kind.upper()}"
        on_paper = printing.sheets(cards, kind, title=f"成长卡 {member.number}", now=now)
    return pdf_file(name, paper.pdf(printing.TEMPLATE, on_paper))


@blueprint.post("/me/card/named")
@guard("me.change")
def be_named() -> Redirect:
    """Agree to be named in the points table that one's team sees, or take that back."""
    named = request.form.get("named") == "1"
    with transaction() as session:
        let_be_named(session, named=named, actor=current_actor(), now=clock.now())
    flash("队友的积分表上会显示您的称呼。" if named else "队友的积分表上只显示您的会员号尾号。", "success")
    return redirect("/me/card#teams", 303)


@blueprint.get("/me/record")
@guard("me.read")
def record() -> str:
    """Every service record, with its state, by year."""
    session, query = db.session(), Query()
    member = _me(session)
    years = queries.list_years(session, member.id)
    wanted = _wanted(query, years)
    return render_template(
        "growth/record.html",
        page=queries.list_record(session, member.id, wanted, number=page_number(query.value("page"))),
        totals=member_totals(session, member.id),
        years=years,
        year=wanted.year,
        year_options=[(year, f"{year} 年") for year in years],
        query=query,
        statuses=ATTENDANCE_STATUS_NAMES,
        tones=_TONES,
    )


def _wanted(query: Query, years: list[int]) -> queries.RecordFilter:
    year = query.one_of("year", {str(year) for year in years})
    return queries.RecordFilter(year=int(year) if year else None)


@blueprint.get("/me/record.pdf")
@guard("me.read")
@limiter.limit(DOWNLOAD_LIMIT)
def record_file() -> Response:
    """What the card says and every service record on paper, oldest first, of a year or all."""
    now = clock.now()
    with snapshot() as session:
        member = _me(session)
        wanted = _wanted(Query(), queries.list_years(session, member.id))
        page = queries.list_record(session, member.id, wanted, size=_PAGE_OF_RECORDS)
        records = list(page.items)
        for number in range(2, page.pages + 1):
            more = queries.list_record(session, member.id, wanted, number=number, size=_PAGE_OF_RECORDS)
            records += more.items
        today = clock.today(now)
        last = printing.last_pictured(wanted.year, today)
        view = queries.get_card(session, member, keys(), today=today, pictured_to=last)
        sheet = printing.record_sheet(view, records[::-1], year=wanted.year, now=now)
        name = f"服务记录-{member.number}-{printing.record_words(wanted.year)}"
    return pdf_file(name, paper.pdf(printing.TEMPLATE, sheet))


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


def _bars(months: list[Month]) -> list[Bar]:
    most = max((month.minutes for month in months), default=0) or 1
    return [Bar(month, round(100 * month.minutes / most), _short(month.minutes)) for month in months]


def _short(minutes: int) -> str:
    """Hours with at most one decimal, as there is room for above a column; half a tenth goes up."""
    tenths = (minutes + 3) // 6
    return f"{tenths // 10}.{tenths % 10}" if tenths % 10 else f"{tenths // 10}"
