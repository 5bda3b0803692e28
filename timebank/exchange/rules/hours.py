"""Weekly hours: when somebody can be asked for, when a room can be booked.

As text ``1-5 08:30-11:30;6 09:00-12:00``: days of the week from 1 (Monday) to 7, a time and a later one; "" is always.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from timebank.core.errors import Invalid

MOST_SPANS: Final = 6
MOST_CAPACITY: Final = 99  # of one resource in one hour
SLOT: Final = timedelta(hours=1)  # what is booked at a time
BOOKED_AHEAD: Final = timedelta(days=60)
MOST_SLOTS: Final = 8  # of one booking
DAY_NAMES: Final = {1: "周一", 2: "周二", 3: "周三", 4: "周四", 5: "周五", 6: "周六", 7: "周日"}
_SPAN = re.compile(r"([1-7])(?:-([1-7]))? (\d\d):(\d\d)-(\d\d):(\d\d)")
_LAST_MINUTE: Final = 24 * 60


class BadHours(Invalid):
    """Hours that end before they begin, overlap, or cannot be read; ``fields`` says which."""

    code = "exchange.bad_hours"


@dataclass(frozen=True, order=True)
class Span:
    """From one day of the week to another, the same minutes of each day."""

    first: int
    last: int
    opens: int
    closes: int

    def on(self, weekday: int) -> bool:
        """Whether it holds on a day of the week, 1 to 7."""
        return self.first <= weekday <= self.last

    @property
    def clock(self) -> str:
        """``08:30-11:30``."""
        return f"{_clock(self.opens)}-{_clock(self.closes)}"

    @property
    def text(self) -> str:
        """As it is kept."""
        days = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{days} {self.clock}"


def read_hours(text: str) -> tuple[Span, ...]:
    """The spans of a text that ``hours_text`` made."""
    found = []
    for part in text.split(";") if text else []:
        match = _SPAN.fullmatch(part)
        if match is None:
            raise BadHours(fields={"hours": "时间格式不对，请从列出的里面选。"})
        first, last = int(match[1]), int(match[2] or match[1])
        opens, closes = int(match[3]) * 60 + int(match[4]), int(match[5]) * 60 + int(match[6])
        found.append(Span(first, last, opens, closes))
    return tuple(found)


def hours_text(spans: Iterable[Span]) -> str:
    """Spans as one text, in the order of the week; the same hours are always the same text. Raises BadHours."""
    ordered = sorted(set(spans))
    if len(ordered) > MOST_SPANS:
        raise BadHours(fields={"hours": f"最多写 {MOST_SPANS} 段时间。"})
    for at, span in enumerate(ordered):
        if not 1 <= span.first <= span.last <= 7:
            raise BadHours(fields={"hours": "后一天不能早于前一天，例如“周一 到 周五”。"})
        if not 0 <= span.opens < span.closes <= _LAST_MINUTE:
            raise BadHours(fields={"hours": "结束要晚于开始，例如 08:30 到 11:30。"})
        if any(_meet(span, other) for other in ordered[at + 1 :]):
            raise BadHours(fields={"hours": "有两段时间重叠了，请合成一段。"})
    return ";".join(span.text for span in ordered)


def hours_in_words(text: str) -> str:
    """``周一至周五 08:30-11:30、13:30-17:00；周六 09:00-12:00``; empty for always."""
    days: dict[tuple[int, int], list[str]] = {}
    for span in read_hours(text):
        days.setdefault((span.first, span.last), []).append(span.clock)
    return "；".join(f"{_days(*pair)} {'、'.join(clocks)}" for pair, clocks in days.items())


def slots_on(text: str, day: date) -> Iterator[time]:
    """When the whole hours begin that can be booked on a day, in order."""
    step = int(SLOT.total_seconds()) // 60
    for span in sorted(read_hours(text), key=lambda one: one.opens):
        if span.on(day.isoweekday()):
            for minute in range(span.opens, span.closes - step + 1, step):
                yield time(minute // 60, minute % 60)


def minute_of(moment: time) -> int:
    """The minute of the day."""
    return moment.hour * 60 + moment.minute


def slots_from(starts_at: datetime, count: int) -> list[datetime]:
    """The beginnings of ``count`` hours in a row."""
    return [starts_at + at * SLOT for at in range(count)]


def _meet(one: Span, other: Span) -> bool:
    days = one.first <= other.last and other.first <= one.last
    return days and one.opens < other.closes and other.opens < one.closes


def _days(first: int, last: int) -> str:
    if (first, last) == (1, 7):
        return "每天"
    if first == last:
        return DAY_NAMES[first]
    return f"{DAY_NAMES[first]}{'、' if last == first + 1 else '至'}{DAY_NAMES[last]}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
