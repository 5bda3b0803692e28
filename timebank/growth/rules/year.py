"""The year in pictures: squares by day, columns by month, and the same in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

HEAT_STEPS: Final = (1, 61, 121, 241)  # minutes from which a day's square takes the next shade
_WEEKS: Final = 53
_DAYS: Final = 7
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Square:
    """One day of the year's picture: which week (0 is the oldest), which weekday (0 is Monday), how dark."""

    day: date
    week: int
    weekday: int
    minutes: int
    shade: int


def year_squares(minutes_by_day: Mapping[date, int], last: date) -> list[Square]:
    """53 weeks up to ``last``, Monday first."""
    first = last - timedelta(days=last.weekday() + _DAYS * (_WEEKS - 1))
    days = (last - first).days + 1
    squares = []
    for at in range(days):
        day = first + timedelta(days=at)
        minutes = minutes_by_day.get(day, 0)
        squares.append(Square(day, at // _DAYS, at % _DAYS, minutes, shade(minutes)))
    return squares


def shade(minutes: int) -> int:
    """0 for an empty day, up to 4."""
    return sum(minutes >= step for step in HEAT_STEPS)


@dataclass(frozen=True, slots=True)
class Month:
    """What was served in a calendar month: ``first`` is its first day."""

    first: date
    days: int
    minutes: int


def year_months(minutes_by_day: Mapping[date, int], last: date) -> list[Month]:
    """The twelve months up to the one of ``last``, oldest first, empty ones included."""
    number = last.year * _MONTHS + last.month - 1
    firsts = [date(at // _MONTHS, at % _MONTHS + 1, 1) for at in range(number - _MONTHS + 1, number + 1)]
    served: dict[date, list[int]] = {first: [] for first in firsts}
    for day, minutes in minutes_by_day.items():
        if minutes > 0 and day.replace(day=1) in served and day <= last:
            served[day.replace(day=1)].append(minutes)
    return [Month(first, len(days), sum(days)) for first, days in served.items()]
