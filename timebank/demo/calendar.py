"""When what takes place: the plans of the town spread over the last three months and the coming two weeks.

Pure: the same moment gives the same calendar. The first day is the first of the month two months ago.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from timebank.core.clock import instant, local, month_of, previous_month, today
from timebank.demo.town import coming, once
from timebank.demo.town.plans import Plan, Series
from timebank.demo.town.weekly import SERIES

DONE: Final = "done"
CANCELLED: Final = "cancelled"
ENDED: Final = "ended"  # over, and nobody has looked at the list yet
SUBMITTED: Final = "submitted"  # the list waits for its approval

AHEAD: Final = timedelta(days=14)
_DAY: Final = timedelta(days=1)
_FIRST_SHIFT: Final = 4 * _DAY  # after the opening: people have to register and sign up first
_NOTICE: Final = timedelta(days=8)
_DAYLIGHT: Final = range(6, 18)
_WAKING: Final = range(8, 22)


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """A plan with its dates. ``course`` says how far it has come by the day of loading."""

    key: str
    plan: Plan
    title: str
    starts: tuple[datetime, ...]
    published_at: datetime
    course: str = DONE


def first_day(now: datetime) -> date:
    """The day on which the town's branches open."""
    return date.fromisoformat(f"{closed_months(now)[0]}-01")


def closed_months(now: datetime) -> tuple[str, str]:
    """The two whole months before the present one."""
    last = previous_month(month_of(now))
    return previous_month(last), last


def list_occasions(now: datetime) -> list[Occasion]:
    """Everything that takes place, past and coming."""
    return [*_series(now), *_past(now), *_coming(now), *_present(now)]


def waking(moment: datetime) -> datetime:
    """The moment itself, or from ten at night to eight in the morning the same time ten hours later."""
    return moment if local(moment).hour in _WAKING else moment + timedelta(hours=10)


def _series(now: datetime) -> Iterator[Occasion]:
    begin, end = first_day(now) + _FIRST_SHIFT, today(now) + AHEAD
    for row, series in enumerate(SERIES):
        months: dict[str, list[datetime]] = {}
        for day in _days(begin, end):
            if day.weekday() == series.weekday and _is_turn(series, day, begin, row):
                months.setdefault(f"{day:%Y-%m}", []).append(instant(day, series.starts))
        for month, starts in months.items():
            title = f"{series.title}（{int(month[5:])} 月）"
            yield _occasion(f"{series.key}:{month}", series, starts, now, title=title)


def _is_turn(series: Series, day: date, begin: date, row: int) -> bool:
    """Every second week falls on even weeks for one half of the series and on odd ones for the other."""
    return series.every == 1 or ((day - begin).days // 7 + row) % series.every == 0


def _past(now: datetime) -> Iterator[Occasion]:
    begin = first_day(now) + _FIRST_SHIFT
    span = (today(now) - begin).days - 2
    for row, plan in enumerate(once.PAST):
        day = begin + span * row // (len(once.PAST) - 1) * _DAY
        yield _occasion(plan.key, plan, [instant(day, plan.starts)], now)
    called_off = begin + span * 3 // 5 * _DAY
    yield _occasion(
        once.CANCELLED.key, once.CANCELLED, [instant(called_off, once.CANCELLED.starts)], now, course=CANCELLED
    )


def _coming(now: datetime) -> Iterator[Occasion]:
    for plan in coming.COMING:
        yield _occasion(plan.key, plan, [instant(today(now) + plan.in_days * _DAY, plan.starts)], now)


def _present(now: datetime) -> Iterator[Occasion]:
    """What is at the door, before the reviewer and before the approver at this very moment."""
    begun, next_one = _even(now - timedelta(minutes=40)), _even(now + timedelta(minutes=34))
    by_day = local(next_one).hour in _DAYLIGHT
    running, soon = (coming.MARKET_NOW, coming.ESCORT_SOON) if by_day else (coming.WATCH_NOW, coming.WATCH_SOON)
    yield _occasion(running.key, running, [begun], now)
    yield _occasion(soon.key, soon, [next_one], now)
    yield _occasion(coming.REVIEW.key, coming.REVIEW, [_last_ended(coming.REVIEW, now)], now, course=ENDED)
    for plan in (coming.WAITING, coming.WAITING_XINQI):
        yield _occasion(plan.key, plan, [instant(today(now) - _DAY, plan.starts)], now, course=SUBMITTED)


def _last_ended(plan: Plan, now: datetime) -> datetime:
    """When it began the last time that it is over by now: today, else yesterday."""
    start = instant(today(now), plan.starts)
    return start if start + timedelta(minutes=plan.minutes + 10) <= now else start - _DAY


def _occasion(
    key: str, plan: Plan, starts: Sequence[datetime], now: datetime, *, title: str = "", course: str = DONE
) -> Occasion:
    """Announced some days ahead, after the opening, and what is still to come at the latest three days ago."""
    opening = instant(first_day(now) + _DAY, time(10, 0))
    announced = instant(today(starts[0] - _NOTICE), time(10, 0))
    published_at = max(opening, min(announced, now - 3 * _DAY))
    return Occasion(
        key=key, plan=plan, title=title or plan.title, starts=tuple(starts), published_at=published_at, course=course
    )


def _days(begin: date, end: date) -> Iterator[date]:
    return (begin + number * _DAY for number in range((end - begin).days + 1))


def _even(moment: datetime) -> datetime:
    """Down to five whole minutes, as shifts begin."""
    return moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)
