"""Generations as plain facts: which one codes are made with, and which are still taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MOST_ACCEPTED: Final = 30  # at a time: codes carry one of 31 marks, and two generations taken must not share one
LONGEST_OVERLAP: Final = timedelta(days=730)


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """``from_at`` None: since ever · ``accepted_until`` None: until a newer one takes its place and time."""

    number: int
    from_at: datetime | None
    accepted_until: datetime | None

    def is_accepted(self, at: datetime) -> bool:
        """Whether a code of this generation counts at an instant."""
        return self.accepted_until is None or at < self.accepted_until


FIRST: Final = Generation(number=0, from_at=None, accepted_until=None)
ONLY_FIRST: Final = (FIRST,)


def newest(generations: Sequence[Generation]) -> Generation:
    """The generation that new codes are made with."""
    return max(generations, key=lambda one: one.number)


def accepted(generations: Sequence[Generation], at: datetime) -> list[Generation]:
    """The generations whose codes count at an instant, the newest first."""
    return sorted((one for one in generations if one.is_accepted(at)), key=lambda one: -one.number)


def accepted_since(generations: Sequence[Generation], at: datetime) -> datetime | None:
    """The beginning of the oldest generation that still counts; None: since ever.

    What ended before it, as a card that was revoked, can only be found on codes of generations that do not count.
    """
    starts = [one.from_at for one in accepted(generations, at)]
    return None if None in starts else min((start for start in starts if start), default=None)
