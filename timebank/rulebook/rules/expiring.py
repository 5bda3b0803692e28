"""Which coins expire, first in first out, without looking at lots: from what had come in by certain instants alone.

Coins leave in the order in which they came. So of what came in between two instants, as much is left as the running sum
of what came in exceeds the running sum of what went out, and at most all of it.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from timebank.rulebook.rules.versions import Version, course

_YEAR = 12


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days ``[start, cut)``: what was earned in them and is still there has stood for the months of the version."""

    start: date
    cut: date
    version: Version


@dataclass(frozen=True, slots=True)
class CameIn:
    """What had come in on an account by the two ends of a stretch, from its first day on."""

    by_start: int
    by_cut: int


def months_before(day: date, months: int) -> date:
    """The same day of the month so many months earlier, or that month's last day."""
    year, month = divmod(day.year * _YEAR + day.month - 1 - months, _YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def stretches(versions: Sequence[Version], today: date) -> list[Stretch]:
    """What has stood for the months of the version it was earned under. Earned before any such version: never."""
    found = []
    for version, end in course(versions):
        if version.expiry_months is None:
            continue
        cut = months_before(today, version.expiry_months)
        if end is not None:
            cut = min(cut, end)
        if cut > version.valid_from:
            found.append(Stretch(version.valid_from, cut, version))
    return found


def to_expire(came_in: Sequence[CameIn], *, spent: int, expired: int, available: int) -> list[int]:
    """How much of each stretch expires now, the oldest first.

    ``spent``: what went out otherwise, and what is held; ``expired``: what expired before.
    """
    due = []
    for one in came_in:
        left = max(0, one.by_cut - max(spent, one.by_start))
        before = min(left, expired)
        amount = max(0, min(left - before, available))
        expired, available = expired - before, available - amount
        due.append(amount)
    return due
