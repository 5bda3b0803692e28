"""The one clock. Doors ask it; services are told. Stories and drills may move it, never the system's."""

from __future__ import annotations

import re
import time as ticks
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
WEEKDAYS = "一二三四五六日"
_MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])")
_offset = timedelta()


def now() -> datetime:
    """The present instant, aware UTC."""
    return datetime.now(UTC) + _offset


def move(step: timedelta) -> None:
    """Let this process's clock run ahead of the machine's by ``step`` more than it does."""
    global _offset  # noqa: PLW0603 - one clock per process
    _offset += step


def running_on(start: datetime) -> Callable[[], datetime]:
    """A clock that shows ``start`` now and runs on from there: for work that was told when it began and takes long."""
    begun = ticks.monotonic()
    return lambda: start + timedelta(seconds=ticks.monotonic() - begun)


def put_right() -> None:
    """Let this process's clock show the machine's time again."""
    global _offset  # noqa: PLW0603
    _offset = timedelta()


def local(instant: datetime, zone: ZoneInfo = ZONE) -> datetime:
    """The wall-clock time of an instant in a zone."""
    return instant.astimezone(zone)


def instant(day: date, at: time, zone: ZoneInfo = ZONE) -> datetime:
    """The instant at which a wall clock in ``zone`` shows ``day`` and ``at``."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def today(now: datetime, zone: ZoneInfo = ZONE) -> date:
    """The calendar day of an instant in a zone."""
    return local(now, zone).date()


def month_of(instant: datetime, zone: ZoneInfo = ZONE) -> str:
    """The calendar month of an instant in a zone, as ``YYYY-MM``."""
    return local(instant, zone).strftime("%Y-%m")


def next_month(month: str) -> str:
    """The month after ``YYYY-MM``."""
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def previous_month(month: str) -> str:
    """The month before ``YYYY-MM``."""
    first = date.fromisoformat(f"{month}-01")
    return (first - timedelta(days=1)).strftime("%Y-%m")


def month_name(month: str) -> str:
    """``2026-10`` → ``2026 年 10 月``."""
    year, number = month.split("-")
    return f"{year} 年 {int(number)} 月"


def month_range(month: str, zone: ZoneInfo = ZONE) -> tuple[datetime, datetime]:
    """The half-open range of instants ``[start, end)`` of a calendar month in a zone."""
    first = date.fromisoformat(f"{month}-01")
    after = date.fromisoformat(f"{next_month(month)}-01")
    return instant(first, time(), zone), instant(after, time(), zone)


def year_range(year: int, zone: ZoneInfo = ZONE) -> tuple[datetime, datetime]:
    """The half-open range of instants ``[start, end)`` of a calendar year in a zone."""
    return instant(date(year, 1, 1), time(), zone), instant(date(year + 1, 1, 1), time(), zone)


def is_month(text: str) -> bool:
    """Whether ``text`` is a calendar month written ``YYYY-MM``, in a year that books can have (2000 to 2999)."""
    return _MONTH.fullmatch(text) is not None


def read_day(text: str) -> date | None:
    """The calendar day written ``YYYY-MM-DD``, in a year that books can have (2000 to 2998); None for anything else."""
    if not is_month(text[:7]) or len(text) != len("2026-10-01") or not text.isascii() or text[:4] == "2999":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
