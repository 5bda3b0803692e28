"""The diary: what happens when. It is played in the order of time, so that books fill as they would have in life."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

Happening = Callable[[datetime], object]


class Diary:
    """Happenings by their instant; of two at one instant, the one noted first comes first."""

    def __init__(self) -> None:
        self._pages: list[tuple[datetime, int, Happening]] = []
        self._numbers = itertools.count()

    def note(self, at: datetime, happening: Happening) -> None:
        """Let something happen at an instant; it is handed that instant. It may note further happenings."""
        heapq.heappush(self._pages, (at, next(self._numbers), happening))

    def play(self, until: datetime) -> int:
        """Let everything happen that is noted up to and including ``until``, the rest never; returns how many did."""
        played = 0
        while self._pages and self._pages[0][0] <= until:
            at, _number, happening = heapq.heappop(self._pages)
            happening(at)
            played += 1
        return played
