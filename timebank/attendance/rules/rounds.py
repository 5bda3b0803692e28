"""When the yes of one person is too little for a round."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from timebank.core.minutes import hours

HAND_SHARE_FROM: Final = 5  # so many by hand before their share of the list says anything


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one person's yes is enough for: minutes by hand for one person, percent of the list by hand."""

    large_minutes: int
    hand_share: int
    backdated: bool = False


def second_reasons(manual_minutes: Collection[int], limits: Limits) -> list[str]:
    """Why a second person has to say yes, in words; empty when one is enough.

    ``manual_minutes``: of everybody in the round who has minutes, those entered by hand. The database counts the same.
    """
    large = sum(minutes > limits.large_minutes for minutes in manual_minutes)
    by_hand = sum(minutes > 0 for minutes in manual_minutes)
    reasons = []
    if limits.backdated:
        reasons.append("这是事后补登的活动")
    if large:
        reasons.append(f"有 {large} 人的补录时长超过 {hours(limits.large_minutes)}")
    if by_hand >= HAND_SHARE_FROM and by_hand * 100 > len(manual_minutes) * limits.hand_share:
        share = f"超过 {limits.hand_share}%"
        reasons.append(f"名单里有 {by_hand} 人的时长是补录的，占比{share}")
    return reasons
