"""Working days in China: the yearly notice of the State Council moves holidays and weekends (调休), so they are data.

The data come with ``chinesecalendar`` and end with the last notice it knows. For later years Monday to Friday count and
no holiday is known; whoever shows such a day says so (``UNKNOWN_YEAR``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

import chinese_calendar

from timebank.core.clock import today

SOON: Final = 5  # working days left from which on it is time to act
DUE_DAYS: Final = 10  # 民政部令第 67 号 art. 11: recorded within ten working days of the end
UNKNOWN_YEAR: Final = "该年节假日安排尚未载入，按周一至周五计"
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


def is_known(day: date) -> bool:
    """Whether the holidays of this day's year are loaded."""
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=4096)
def is_workday(day: date) -> bool:
    """Whether people work on this day: weekends that were moved included, holidays excluded."""
    return bool(chinese_calendar.is_workday(day)) if is_known(day) else day.weekday() < _SATURDAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """The last day on which something is in time; not ``known`` where days of a year without data were counted."""

    day: date
    known: bool


@lru_cache(maxsize=4096)
def workdays_after(day: date, count: int) -> Due:
    """The ``count``-th working day after a day."""
    known, at = True, day
    while count:
        at += _DAY
        known = known and is_known(at)
        count -= is_workday(at)
    return Due(day=at, known=known)


def due_on(ended_at: datetime) -> Due:
    """Until the end of which day a service that ended then has to be recorded: the tenth working day after its day."""
    return workdays_after(today(ended_at), DUE_DAYS)


def working_days_left(due: date, day: date) -> int:
    """Working days from a day (not counted) to the due day (counted); 0 on it; below zero: how many days too late."""
    step, start, end = (1, day, due) if day <= due else (-1, due, day)
    return step * sum(is_workday(start + _DAY * ahead) for ahead in range(1, (end - start).days + 1))


def first_in_time(day: date) -> date:
    """The earliest day whose services are still in time on ``day``; what ended before it is overdue."""
    at = day
    while workdays_after(at - _DAY, DUE_DAYS).day >= day:
        at -= _DAY
    return at


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """How a service without its record stands: the last day in time, and the working days left (below 0: late)."""

    day: date
    known: bool
    left: int
    passed: bool

    @property
    def tone(self) -> str:
        """``bad`` when late, ``wait`` when it is time to act, else nothing."""
        return "bad" if self.passed else "wait" if self.left <= SOON else ""

    @property
    def words(self) -> str:
        """What a badge says."""
        if self.passed:
            return f"逾期 {-self.left} 个工作日" if self.left else "已经到期"
        return f"还剩 {self.left} 个工作日" if self.left else "今天到期"

    @property
    def note(self) -> str:
        """Until when, and where the count does not know a year's holidays, that too."""
        until = f"{self.day.isoformat()} 以前要入账"
        return until if self.known else f"{until}；{UNKNOWN_YEAR}"


def deadline(ended_at: datetime, now: datetime) -> Deadline:
    """How a service that ended then stands at an instant."""
    due, day = due_on(ended_at), today(now)
    return Deadline(day=due.day, known=due.known, left=working_days_left(due.day, day), passed=day > due.day)
