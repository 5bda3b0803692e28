"""What a check is, what it finds, and how the answer is written down for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

Rows = Iterator[tuple[str, str]]  # which row, and what is wrong with it (Chinese, for the inspector)
Look = Callable[[Session, int], Rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One broken promise: which check, which row, what is wrong (Chinese, for the inspector)."""

    check: str
    row: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A named invariant, what it found, and how long it looked."""

    name: str
    title: str
    findings: tuple[Finding, ...]
    milliseconds: int


def as_plain(checks: Sequence[Check], *, at_most: int | None = None) -> list[dict[str, Any]]:
    """The checks as JSON keeps them: ``name``, ``title``, ``ok``, ``milliseconds``, ``count`` and ``findings``.

    ``at_most`` cuts the findings of each check; ``count`` is always all of them.
    """
    return [
        {
            "name": check.name,
            "title": check.title,
            "ok": not check.findings,
            "milliseconds": check.milliseconds,
            "count": len(check.findings),
            "findings": [{"row": found.row, "text": found.text} for found in check.findings[:at_most]],
        }
        for check in checks
    ]
