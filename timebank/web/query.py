"""The values of a filter bar in the form of a Form: nothing in it can be wrong, only without effect."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask import request

from timebank.core.clock import instant, is_month, month_range, read_day
from timebank.web.forms import tidy_text

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Span:
    """A month, or days from one to another (each may be open), as half-open instants and as words for a heading."""

    start: datetime | None = None
    end: datetime | None = None
    words: str = ""

    def __bool__(self) -> bool:
        return self.start is not None or self.end is not None


class Query:
    """What a page was asked for in its address."""

    errors: Mapping[str, str] = {}
    message = ""

    def value(self, name: str) -> str:
        """What was asked for, or nothing."""
        return tidy_text(request.args.get(name, ""))[:_LONGEST]

    def error(self, _name: str) -> str:
        """Always empty."""
        return ""

    def one_of(self, name: str, allowed: Container[str], otherwise: str = "") -> str:
        """What was chosen if it is one of ``allowed``."""
        chosen = self.value(name)
        return chosen if chosen in allowed else otherwise

    def any_of(self, *names: str) -> bool:
        """Whether anything was asked for under these names."""
        return any(map(self.value, names))

    def month(self, name: str = "month") -> str | None:
        """The calendar month that was chosen, if it is one."""
        chosen = self.value(name)
        return chosen if is_month(chosen) else None

    def day(self, name: str) -> date | None:
        """The day that was chosen, if it is one."""
        return read_day(self.value(name))

    def span(self) -> Span:
        """The ``month`` that was chosen, or the days ``from`` … ``to``, the last one included."""
        month = self.month()
        if month is not None:
            return Span(*month_range(month), words=f"{month[:4]} 年 {int(month[5:])} 月")
        first, last = self.day("from"), self.day("to")
        return Span(
            instant(first, time()) if first else None,
            instant(last + timedelta(days=1), time()) if last else None,
            words=f"{first or '最早'} 至 {last or '今天'}" if first or last else "",
        )
