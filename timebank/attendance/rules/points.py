"""Points for service minutes: an integer ratio by rule version, rounded down once, the rest carried on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class PointRule:
    """``points`` for every ``per_minutes`` of service, for shifts that end on ``valid_from`` or later."""

    name: str
    valid_from: date
    points: int
    per_minutes: int


# A version is never changed, only followed by another: entries name the version they were made by.
# A member's carry counts in 1/60 points, so every version keeps 60 below the line.
POINT_RULES: Final = (PointRule(name="points/1", valid_from=date(2020, 1, 1), points=10, per_minutes=60),)


def point_rule(day: date) -> PointRule:
    """The version that was in force on a day."""
    return next((rule for rule in reversed(POINT_RULES) if rule.valid_from <= day), POINT_RULES[0])


def named_rule(name: str | None) -> PointRule:
    """The version that an entry was made by; entries older than versions have none and were made by the first."""
    return next((rule for rule in POINT_RULES if rule.name == name), POINT_RULES[0])


def points_of(minutes: int, *, carry: int, rule: PointRule) -> tuple[int, int]:
    """Whole points for ``minutes`` and what was carried before, and what is left to carry now.

    Points and carry together stay what the minutes are worth. So with minutes below zero it says what a correction
    takes back: sometimes a point more than they brought, where their rest became a point with a later one, or one less.
    """
    return divmod(minutes * rule.points + carry, rule.per_minutes)
