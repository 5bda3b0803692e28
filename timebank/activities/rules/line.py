"""The waiting list: who is asked when places are free, and how long an offered place waits for its answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final

from timebank.activities.rules.limits import MOST_PASSED

SHORTEST: Final = timedelta(minutes=30)
SHARE_OF_REST: Final = 4  # an answer may take a quarter of the time that is left
NIGHT_BEGINS: Final = time(22)
NIGHT_ENDS: Final = time(7)
MORNING: Final = time(8)
BEFORE_START: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """People who wait together, most often one; ``passed`` how often smaller parties went before."""

    key: object
    size: int = 1
    passed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which parties are asked, and which were passed over for them."""

    asked: list[Party] = field(default_factory=list)
    passed: list[Party] = field(default_factory=list)


def choose_parties(line: Iterable[Party], free: int) -> Choice:
    """Whom to ask, first come first. A party that is too large lets a smaller one go before, three times at most.

    After that the free places are saved up for it. Only the first part of ``line`` is looked at that matters.
    """
    choice, skipped = Choice(), list[Party]()
    if free <= 0:
        return choice
    for party in line:
        if party.size <= free:
            choice.asked.append(party)
            free -= party.size
            choice.passed.extend(skipped)
            skipped = []
        elif party.passed >= MOST_PASSED:
            break
        else:
            skipped.append(party)
        if not free:
            break
    return choice


def offer_deadline(now: datetime, starts_at: datetime, *, offer_hours: int) -> datetime:
    """Until when an offer made now is open; both instants as the clock on the wall shows them.

    A quarter of the time that is left, at least half an hour, at most ``offer_hours``, and never past the start. Who is
    asleep cannot answer: what would end at night ends at eight, or an hour before the start where that comes first.
    """
    answer = min(timedelta(hours=offer_hours), max(SHORTEST, (starts_at - now) / SHARE_OF_REST))
    until = min(now + answer, starts_at)
    if NIGHT_ENDS <= until.time() < NIGHT_BEGINS:
        return until
    day = until.date() + timedelta(days=1 if until.time() >= NIGHT_BEGINS else 0)
    morning = datetime.combine(day, MORNING, until.tzinfo)
    return max(until, min(morning, starts_at - BEFORE_START))
