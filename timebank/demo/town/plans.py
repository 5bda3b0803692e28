"""What an activity of the town is: the words on its page, its hours, how many come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An activity as the street office would announce it. ``turnout``: how many sign up, ``surely``: who among them."""

    key: str
    branch: str
    organiser: str
    title: str
    category: str
    content: str
    place: str
    starts: time
    minutes: int
    capacity: int
    turnout: int
    team: str = ""
    bring: str = ""
    requirements: str = ""
    risk: str = "low"
    risk_text: str = ""
    walk_ins: bool = True
    judged_by: str = "actual"
    break_minutes: int = 0
    overtime_limit_minutes: int = 0
    spot: tuple[int, int] | None = None  # north and east, in millionths of a degree
    surely: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Series(Plan):
    """A plan that comes back on a weekday, every week or every second; each month is posted as one activity."""

    weekday: int
    every: int = 1
