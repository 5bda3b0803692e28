"""Small things several pages here share: the shape of an id in an address, and the values of a filter bar."""

from __future__ import annotations

from collections.abc import Container

from flask import request

from timebank.web.forms import tidy_text

ID = "int(max=2147483647)"


class Values:
    """What a GET form was sent with, in the form of a Form: nothing in it can be wrong, only without effect."""

    def __init__(self, *names: str) -> None:
        self.errors: dict[str, str] = {}
        self._typed = {name: tidy_text(request.args.get(name, "")) for name in names}

    def value(self, name: str) -> str:
        """What was chosen, or nothing."""
        return self._typed.get(name, "")

    def one_of(self, name: str, allowed: Container[str]) -> str:
        """What was chosen, if it is one of ``allowed``."""
        chosen = self.value(name)
        return chosen if chosen in allowed else ""

    def error(self, _name: str) -> str:
        """Always empty."""
        return ""

    @property
    def any(self) -> bool:
        """Whether anything was asked for."""
        return any(self._typed.values())
