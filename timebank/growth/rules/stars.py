"""When somebody reached a star, and how far the next one is.

A star is reached on the day on which the minutes that were approved by then pass what the rule of that day asks for. A
later version never takes it away; only a correction does, by which the minutes themselves turn out not to have been.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from timebank.growth.rules.recognition import STARS, RecognitionVersion, recognition_on, version_words


@dataclass(frozen=True, slots=True)
class Reached:
    """A star, the day it was reached, the minutes it took, and the version of the rules that said so."""

    star: int
    day: date
    minutes: int
    rule: str

    @property
    def rule_words(self) -> str:
        """The version as people say it: 第 2 版规则."""
        return version_words(self.rule)


@dataclass(frozen=True, slots=True)
class Stars:
    """The stars somebody has, one after the other, and what the next takes under today's rule."""

    reached: tuple[Reached, ...]
    minutes: int
    next_minutes: int  # 0 at five

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.reached)

    @property
    def missing_minutes(self) -> int:
        """What is missing to the next star; 0 at five."""
        return max(self.next_minutes - self.minutes, 0)

    @property
    def share(self) -> int:
        """How far along the way from the last star to the next, in per cent; 100 at five."""
        start = self.reached[-1].minutes if self.reached else 0
        if not self.next_minutes:
            return 100
        return 100 * max(self.minutes - start, 0) // (self.next_minutes - start)


def stars_of(gains: Iterable[tuple[date, int]], versions: Sequence[RecognitionVersion], today: date) -> Stars:
    """The stars of somebody whose approved minutes grew, or were corrected, by so much on these days."""
    by_day: Counter[date] = Counter({version.valid_from: 0 for version in versions if version.valid_from <= today})
    for day, minutes in gains:
        by_day[day] += minutes
    held: list[Reached] = []
    total = 0
    for day in sorted(by_day):
        total += by_day[day]
        while held and total < held[-1].minutes:
            held.pop()
        rule = recognition_on(versions, day)
        while len(held) < STARS and total >= rule.star_minutes[len(held)]:
            held.append(Reached(len(held) + 1, day, rule.star_minutes[len(held)], rule.name))
    following = recognition_on(versions, today).star_minutes[len(held)] if len(held) < STARS else 0
    return Stars(tuple(held), total, following)
