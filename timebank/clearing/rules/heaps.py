"""What does not agree between two sides, item by item: four heaps, each item with the branch that has to act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

ONLY_LOW, ONLY_HIGH, DIFFERS, OPEN_LONG = "only_low", "only_high", "differs", "open_long"
HEAPS: Final = (ONLY_LOW, ONLY_HIGH, DIFFERS, OPEN_LONG)
AGREED_NOW, ANSWERED_NOW, BECAME_OTHER, BY_WORDS = "agreed", "answered", "changed", "words"
ANSWERED_WITHIN: Final = timedelta(days=1)  # messages are sent again every few minutes: longer is too long


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenLine:
    """A proposal that one side has not finished, in its own words; ``minutes`` as the low branch would come to owe."""

    uid: str
    pays: bool
    status: str
    minutes: int
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SideSays:
    """What one side says: proposal → minutes that the low branch came to owe by it, and what is not finished."""

    booked: Mapping[str, int]
    open: Mapping[str, OpenLine]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unequal:
    """One thing on which the sides do not agree, and whether the low branch has to act."""

    uid: str
    heap: str
    low: int | None
    high: int | None
    low_acts: bool


def sort_into_heaps(low: SideSays, high: SideSays, *, now: datetime) -> list[Unequal]:
    """Item by item what does not agree: by proposal, each in one heap.

    A payment on its way (the payer has booked it and says so, the other has not yet) is no difference of the books; it
    is open too long after a day. What one side booked and took back by itself is none either.
    """
    found = []
    for uid in sorted({*low.booked, *high.booked}):
        ours, theirs = low.booked.get(uid), high.booked.get(uid)
        if (ours or 0) != (theirs or 0) and not is_on_way(uid, low, high):
            found.append(_unequal(uid, ours, theirs))
    for uid in sorted({*low.open, *high.open}):
        late = _late(low.open.get(uid), high.open.get(uid), now)
        if late is not None:
            found.append(late)
    return found


def is_on_way(uid: str, low: SideSays, high: SideSays) -> bool:
    """Whether the payer has paid and the other has booked nothing yet."""
    return any(
        payer.open[uid].status == "committed" and not payee.booked.get(uid)
        for payer, payee in ((low, high), (high, low))
        if uid in payer.open and payer.open[uid].pays
    )


def _unequal(uid: str, low: int | None, high: int | None) -> Unequal:
    """Who lacks it has to book it; where both have it, the payer coordinates, as in all else."""
    if not high:
        return Unequal(uid=uid, heap=ONLY_LOW, low=low, high=high, low_acts=False)
    if not low:
        return Unequal(uid=uid, heap=ONLY_HIGH, low=low, high=high, low_acts=True)
    return Unequal(uid=uid, heap=DIFFERS, low=low, high=high, low_acts=low > 0)


def _late(low: OpenLine | None, high: OpenLine | None, now: datetime) -> Unequal | None:
    """What has no answer for a day is the other side's to answer.

    What was agreed to and has run out is the payer's to end; space that is kept for nothing the creditor's to free.
    """
    sides = [(one, is_low) for one, is_low in ((low, True), (high, False)) if one is not None]
    line, is_low = next((side for side in sides if side[0].pays), sides[0])
    unanswered = line.pays and line.status != "accepted"
    if (line.since if unanswered else line.until) > now - ANSWERED_WITHIN:
        return None
    return Unequal(
        uid=line.uid,
        heap=OPEN_LONG,
        low=low.minutes if low is not None else None,
        high=high.minutes if high is not None else None,
        low_acts=is_low != unanswered,
    )
