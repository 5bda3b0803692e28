"""Near or far: what is kept of a position that somebody chose to attach, and nothing else of it.

The organiser sets the spot and the member attaches a position through the same browser interface, which gives WGS-84 on
every phone, so the two match. Maps made in China shift their coordinates (GCJ-02) by some hundred metres: a spot copied
from one of them would make people look far who are there, which is why the form asks for the button instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

# A phone in a yard between high houses errs by 50 to 100 metres, and a square is 100 metres wide.
INSIDE_METRES: Final = 150
# A quarter of an hour on foot: still on the way, or helping round the corner.
NEAR_METRES: Final = 1_000
_EARTH_METRES: Final = 6_371_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A point on the earth, in degrees."""

    latitude: float
    longitude: float

    @property
    def exists(self) -> bool:
        """Whether there is such a point."""
        return abs(self.latitude) <= 90 and abs(self.longitude) <= 180


def place_fit(spot: Place | None, position: Place | None, *, accuracy_metres: float) -> str:
    """``inside``, ``near`` or ``far``; empty where nothing was attached, or what was attached says nothing.

    The member has the benefit of the doubt: they may be as much nearer as the phone says that it errs. A position that
    may be wrong by more than what is near says nothing.
    """
    if spot is None or position is None or not position.exists or not 0 <= accuracy_metres <= NEAR_METRES:
        return ""
    nearest = _metres(spot, position) - accuracy_metres
    if nearest <= INSIDE_METRES:
        return "inside"
    return "near" if nearest <= NEAR_METRES else "far"


def _metres(one: Place, other: Place) -> float:
    """Great-circle distance (haversine), exact to a few metres at these distances."""
    north = math.radians(other.latitude - one.latitude)
    east = math.radians(other.longitude - one.longitude)
    half = (
        math.sin(north / 2) ** 2
        + math.cos(math.radians(one.latitude)) * math.cos(math.radians(other.latitude)) * math.sin(east / 2) ** 2
    )
    return 2 * _EARTH_METRES * math.asin(math.sqrt(min(half, 1.0)))
