"""The values of a filter bar in the form of a Form: nothing in it can be wrong, only without effect."""

from __future__ import annotations

from collections.abc import Container, Mapping

from flask import request

from timebank.core.clock import is_month
from timebank.web.forms import tidy_text

_LONGEST = 60


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
