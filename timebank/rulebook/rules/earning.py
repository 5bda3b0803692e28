"""What becomes of served minutes: coins to use, to give away, for the fund, or none above the day's cap; and points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from timebank.core.minutes import COIN_MINUTES, coins, hours
from timebank.rulebook.rules.versions import Settings

# How an entry's facts name the parts.
CAPPED, BEYOND, TO_FUND, TO_GIVE = "capped_minutes", "beyond_minutes", "fund_minutes", "giveaway_minutes"
GROUP: Final = "group_activity"


@dataclass(frozen=True, kw_only=True, slots=True)
class Earning:
    """Minutes about to become coins. ``today``: coins issued for the day's other shifts; ``balance``: coins at hand."""

    minutes: int
    group: bool = False
    today: int = 0
    balance: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Where the minutes of one earning go. The parts add up to the minutes served.

    ``beyond``: longer than was agreed to be paid by who asked for the service.
    """

    kept: int
    given: int
    fund: int
    capped: int
    beyond: int = 0

    @property
    def coins(self) -> int:
        """What becomes coins, wherever they go."""
        return self.kept + self.given + self.fund

    @property
    def minutes(self) -> int:
        """What was served."""
        return self.coins + self.capped + self.beyond


def split(earning: Earning, rule: Settings) -> Split:
    """Share served minutes out: what the day's cap leaves becomes coins; of these go group hours to the give-away
    account where the rule says so, otherwise to the member as far as the holding cap allows, and the rest to the fund.
    """
    left = earning.minutes if rule.daily_cap_minutes is None else max(rule.daily_cap_minutes - earning.today, 0)
    issued = min(earning.minutes, left)
    capped = earning.minutes - issued
    if earning.group and rule.group_hours_give_away:
        return Split(kept=0, given=issued, fund=0, capped=capped)
    kept = kept_of(issued, balance=earning.balance, rule=rule)
    return Split(kept=kept, given=0, fund=issued - kept, capped=capped)


def split_paid(minutes: int, *, held: int, balance: int, rule: Settings) -> Split:
    """Share out minutes that are paid from ``held`` coins of somebody else: nothing is issued, so no day's cap asks.

    What the holding cap does not allow goes to the fund; what was served longer brings no coins.
    """
    paid = min(minutes, held)
    kept = kept_of(paid, balance=balance, rule=rule)
    return Split(kept=kept, given=0, fund=paid - kept, capped=0, beyond=minutes - paid)


def kept_of(amount: int, *, balance: int, rule: Settings) -> int:
    """How much of coins coming in a member may keep under the holding cap; the rest is the fund's."""
    if rule.holding_cap_minutes is None:
        return amount
    return min(amount, max(rule.holding_cap_minutes - balance, 0))


def points_of(minutes: int, *, carry: int, rule: Settings) -> tuple[int, int]:
    """Whole points for ``minutes`` and what was carried before, and what is left to carry now, in 1/60 points."""
    return divmod(minutes * rule.points_per_hour + carry, COIN_MINUTES)


def facts_of(parts: Split) -> dict[str, int]:
    """What an entry tells of its parts: nothing where every minute went to the member."""
    named = {CAPPED: parts.capped, BEYOND: parts.beyond, TO_FUND: parts.fund, TO_GIVE: parts.given}
    return {name: minutes for name, minutes in named.items() if minutes}


def aside(facts: Mapping[str, Any]) -> str:
    """What did not go to the member's own coins, in words; empty where everything did."""
    told = (
        (TO_GIVE, coins, "{} 记入可赠币"),
        (TO_FUND, coins, "{} 超过持有上限，转入爱心基金"),
        (CAPPED, hours, "{} 超过当天上限，记时长、不存币"),
        (BEYOND, hours, "{} 超过点单时说好的时长，记时长、不存币"),
    )
    return "；".join(words.format(shown(int(facts[name]))) for name, shown, words in told if facts.get(name))
