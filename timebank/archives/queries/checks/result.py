"""What a check before a close is, what it found, and how that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

SHOWN_ROWS: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """One check with its answer: ``title`` says what holds, ``fault`` what was found instead, ``todo`` what to do.

    ``rows`` are the first that were found (no names of people), ``count`` all of them. A check that does not ``block``
    warns. ``place`` names the page where it is put right: a word for the views, and behind a colon what it is about.
    """

    name: str
    title: str
    fault: str
    todo: str
    place: str
    blocks: bool
    count: int
    rows: tuple[str, ...]
    milliseconds: int = 0

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.count

    @property
    def code(self) -> str:
        """Stable, for machines."""
        return f"archives.{self.name}"


def count_rows(found: Iterator[str]) -> tuple[int, tuple[str, ...]]:
    """How many rows there are, and the first of them."""
    rows = list(found)
    return len(rows), tuple(rows[:SHOWN_ROWS])


def blocking(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Those that stand in the way of a close."""
    return [result for result in results if result.blocks and not result.passed]


def as_plain(results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    """The checks as JSON keeps them, the passed ones too.

    Each has ``check`` (stable name), ``title``, ``passed``, ``blocks``, ``fault`` and ``todo`` (empty where it passed),
    ``place``, ``count``, ``rows`` (the first) and ``milliseconds``.
    """
    return [
        {
            "check": result.name,
            "title": result.title,
            "passed": result.passed,
            "blocks": result.blocks,
            "fault": "" if result.passed else result.fault,
            "todo": "" if result.passed else result.todo,
            "place": result.place,
            "count": result.count,
            "rows": list(result.rows),
            "milliseconds": result.milliseconds,
        }
        for result in results
    ]
