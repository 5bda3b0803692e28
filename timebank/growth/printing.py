"""The growth card on paper: what ``card.typ`` wants, for one member or a thousand; and the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from timebank.attendance.models import APPROVED, ATTENDANCE_STATUS_NAMES, Attendance
from timebank.core import clock
from timebank.core.codes import grouped
from timebank.core.keys import Keys
from timebank.core.minutes import coins, hours, points
from timebank.core.paging import batched
from timebank.growth.models import AWARD, EVALUATION, GRADE_NAMES, TRAINING, Milestone
from timebank.growth.queries import CardView, get_cards
from timebank.growth.rules import STAR_WORDS, star_name, year_months, year_squares
from timebank.members.models import Member
from timebank.web import qr
from timebank.web.filters import span
from timebank.web.keyring import pass_address

Render = Callable[[str, Mapping[str, Any]], bytes]
TEMPLATE: Final = "card.typ"
WITH_YEAR: Final = "a4"
_AT_A_TIME: Final = 50
_LISTED: Final = 6  # milestones of a kind on a page
_SQUARE, _STEP = 10, 12


def lay_out(
    session: Session, member_ids: Sequence[int], keys: Keys, *, form: str, address: str, now: datetime
) -> Iterator[list[dict[str, Any]]]:
    """Cards as ``card.typ`` wants them for a format, some at a time, in the order of the ids.

    ``address`` is what their codes lead to.
    """
    today = clock.today(now)
    for some in batched(member_ids, _AT_A_TIME):
        people = {
            member.id: member
            for member in session.scalars(select(Member).options(joinedload(Member.branch)).where(Member.id.in_(some)))
        }
        members = [people[member_id] for member_id in some if member_id in people]
        yield [
            on_paper(view, address, today, pictured=form == WITH_YEAR)
            for view in get_cards(session, members, keys, today=today)
        ]


def sheets(cards: Sequence[dict[str, Any]], form: str, *, title: str, now: datetime) -> dict[str, Any]:
    """Everything ``card.typ`` wants."""
    return {"format": form, "title": title, "day": f"{clock.today(now):%Y-%m-%d}", "cards": list(cards)}


def on_paper(view: CardView, address: str, today: date, *, pictured: bool) -> dict[str, Any]:
    """One card as ``card.typ`` wants it."""
    return _about(view, today, pictured=pictured, listed=_LISTED) | {
        "qr": list(qr.png(pass_address(address, view.codes.scanned))) if view.codes else [],
        "code": grouped(view.codes.typed) if view.codes else "",
    }


def _about(view: CardView, last: date, *, pictured: bool, listed: int | None) -> dict[str, Any]:
    """What a card says of somebody beside the code; the year's picture ends on ``last``."""
    member, stars = view.member, view.stars
    months = year_months(view.days, last)
    return {
        "name": member.name,
        "number": member.number,
        "branch": member.branch.name,
        "stars": stars.count,
        "star": star_name(stars.count),
        "star_day": f"{stars.reached[-1].day:%Y-%m-%d}" if stars.reached else "",
        "next": f"离{STAR_WORDS[stars.count]}星还差 {hours(stars.missing_minutes)}" if stars.next_minutes else "",
        "hours": hours(view.totals.minutes),
        "signed": hours(view.totals.signed_minutes),
        "manual": hours(view.totals.manual_minutes),
        "coins": coins(view.coin_minutes),
        "points": points(view.points),
        "count": view.totals.count,
        "teams": view.teams,
        "awards": [_line(one) for one in view.of_kind(AWARD)[:listed]],
        "trainings": [_line(one) for one in view.of_kind(TRAINING)[:listed]],
        "evaluations": [_line(one) for one in view.of_kind(EVALUATION)[:listed]],
        "year": _year_picture(view, last) if pictured else "",
        "months": [{"name": f"{month.first.month}月", "minutes": month.minutes} for month in months],
        "year_hours": hours(sum(month.minutes for month in months)),
        "year_days": sum(month.days for month in months),
    }


def _line(one: Milestone) -> dict[str, str]:
    what = one.title
    if one.length_minutes is not None:
        what += f"（{hours(one.length_minutes)}）"
    if one.grade is not None:
        what += f"：{GRADE_NAMES[one.grade]}"
    return {"day": f"{one.on_day:%Y-%m-%d}", "what": what, "giver": one.giver}


def _year_picture(view: CardView, today: date) -> str:
    """The year's squares as one small SVG: one path a shade, and the darker the bigger, so that grey paper will do."""
    colours = ("#ece5da", "#e3a79f", "#d2705f", "#b0241b", "#6d120c")
    paths = ["" for _ in colours]
    for square in year_squares(view.days, today):
        size = _SQUARE if not square.shade else 4 + 1.5 * square.shade
        inset = (_SQUARE - size) / 2
        x, y = square.week * _STEP + inset, square.weekday * _STEP + inset
        paths[square.shade] += f"M{x:g} {y:g}h{size:g}v{size:g}h-{size:g}z"
    drawn = "".join(f'<path fill="{colour}" d="{path}"/>' for colour, path in zip(colours, paths, strict=True) if path)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {53 * _STEP} {7 * _STEP}">{drawn}</svg>'


def last_pictured(year: int | None, today: date) -> date:
    """The day on which the pictured year of a record ends: of a year that is over its last, otherwise today."""
    return min(today, date(year, 12, 31)) if year else today


def record_sheet(view: CardView, records: Sequence[Attendance], *, year: int | None, now: datetime) -> dict[str, Any]:
    """What ``card.typ`` wants for the record: what the card says, without its code, and records, oldest first.

    ``view`` pictures the days up to ``last_pictured``.
    """
    today = clock.today(now)
    last = last_pictured(year, today)
    approved = sum(one.minutes_now for one in records if one.status == APPROVED)
    about = _about(view, last, pictured=True, listed=None)
    return sheets([about], "record", title=f"服务记录 {view.member.number}", now=now) | {
        "span": record_words(year),
        "year_words": f"{year} 年" if last < today else "近 12 个月",
        "printed": f"{clock.local(now):%Y-%m-%d %H:%M}",
        "approved": hours(approved),
        "lines": [_record_line(one) for one in records],
    }


def record_words(year: int | None) -> str:
    """Which records are meant."""
    return f"{year} 年" if year else "全部"


def _record_line(one: Attendance) -> dict[str, str]:
    return {
        "title": one.shift.activity.title,
        "at": span(one.shift.starts_at, one.shift.ends_at),
        "hours": hours(one.minutes_now),
        "how": f"补录 {hours(one.manual_now)}" if one.manual_now else "签到",
        "points": points(one.points_now),
        "state": "更正过" if one.corrections else ATTENDANCE_STATUS_NAMES[one.status],
    }
