"""How the answer is written down for programs and kept, and how a kept one is read back: with doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from timebank.ledger.verification.catalogue import CHECKS
from timebank.ledger.verification.check import Check

SHAPE = "timebank-verify-1"  # raised when a field goes or changes its meaning; fields may be added
_FIELDS: Final = {"name": str, "title": str, "ok": bool, "milliseconds": int, "count": int, "findings": list}


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What a kept answer tells: the checks that can be read, how many findings, what it says nothing about.

    ``missing`` names checks of today; ``unreadable`` is whether something is in it that this program did not write.
    """

    checks: tuple[dict[str, Any], ...]
    count: int
    missing: tuple[str, ...]
    unreadable: bool

    @property
    def ok(self) -> bool:
        """Whether every check of today was made and found nothing: silence is no praise."""
        return not self.count and not self.missing and not self.unreadable


def read_kept(kept: object, *, at_least: int = 0) -> Kept:
    """Read what ``as_plain`` wrote, perhaps in an older program; ``at_least`` so many findings were counted then."""
    rows: list[Any] = kept if isinstance(kept, list) else [kept]
    checks = tuple(row for row in rows if _is_check(row))
    told = {check["name"] for check in checks}
    return Kept(
        checks=checks,
        count=max(at_least, sum(check["count"] for check in checks)),
        missing=tuple(name for name, _, _ in CHECKS if name not in told),
        unreadable=len(checks) < len(rows),
    )


def _is_check(row: object) -> bool:
    if not isinstance(row, dict) or any(type(row.get(field)) is not kind for field, kind in _FIELDS.items()):
        return False
    found = all(isinstance(one, dict) and "row" in one and "text" in one for one in row["findings"])
    return found and row["ok"] == (row["count"] == 0) and len(row["findings"]) <= row["count"]


def report_of_branch(*, code: str, name: str, kept: Kept) -> dict[str, Any]:
    """One branch's part of a report."""
    return {
        "branch": code,
        "name": name,
        "ok": kept.ok,
        "count": kept.count,
        "missing": list(kept.missing),
        "milliseconds": sum(check["milliseconds"] for check in kept.checks),
        "checks": list(kept.checks),
    }


def report(branches: Sequence[Mapping[str, Any]], *, at: datetime, program: str) -> dict[str, Any]:
    """The whole answer of ``flask ledger verify --json``, as ``docs/operations.md`` describes it."""
    return {
        "shape": SHAPE,
        "program": {"name": "timebank", "version": program},
        "at": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "ok": all(branch["ok"] for branch in branches),
        "count": sum(branch["count"] for branch in branches),
        "branches": list(branches),
    }
