"""What a check is, what it finds, and how the answer is written down for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

SHAPE = "timebank-verify-1"  # raised when a field goes or changes its meaning; fields may be added

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


def report_of_branch(*, code: str, name: str, checks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One branch's part of a report; ``checks`` as ``as_plain`` wrote them."""
    count = sum(check["count"] for check in checks)
    return {
        "branch": code,
        "name": name,
        "ok": count == 0,
        "count": count,
        "milliseconds": sum(check["milliseconds"] for check in checks),
        "checks": list(checks),
    }


def report(branches: Sequence[Mapping[str, Any]], *, at: datetime, program: str) -> dict[str, Any]:
    """The whole answer of ``flask ledger verify --json``, as ``docs/operations.md`` describes it."""
    count = sum(branch["count"] for branch in branches)
    return {
        "shape": SHAPE,
        "program": {"name": "timebank", "version": program},
        "at": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "ok": count == 0,
        "count": count,
        "branches": list(branches),
    }
