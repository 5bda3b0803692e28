"""What another version of the rules would have made of a month that is over: the same hours, booked anew on paper."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Literal

from timebank.rulebook.rules.earning import Earning, kept_of, points_of, split
from timebank.rulebook.rules.versions import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One movement of the month. ``earn``: minutes served; ``serve``: coins from a neighbour; ``other``: as booked."""

    member_id: int
    kind: Literal["earn", "serve", "other"]
    minutes: int  # ``other``: below zero when it went out
    day: date
    group: bool = False


@dataclass(slots=True)
class Share:
    """What one person, or everybody together, gets out of a month."""

    minutes: int = 0
    coins: int = 0
    given: int = 0
    fund: int = 0
    capped: int = 0
    points: int = 0

    def add(self, other: Share) -> None:
        """Put another one's on top."""
        self.minutes += other.minutes
        self.coins += other.coins
        self.given += other.given
        self.fund += other.fund
        self.capped += other.capped
        self.points += other.points


@dataclass(slots=True)
class Outcome:
    """A month under one version: everybody's share, and the sum."""

    shares: dict[int, Share] = field(default_factory=lambda: defaultdict(Share))

    @property
    def total(self) -> Share:
        """All shares together."""
        total = Share()
        for share in self.shares.values():
            total.add(share)
        return total


def try_out(steps: Iterable[Step], opening: Mapping[int, int], rule: Settings) -> Outcome:
    """Walk through a month's movements in their order under a version, from the balances at its beginning.

    Points are rounded down once a member, as if nobody carried anything into the month.
    """
    outcome = Outcome()
    issued: dict[tuple[int, date], int] = defaultdict(int)
    balances: dict[int, int] = defaultdict(int, opening)
    for step in steps:
        who = step.member_id
        if step.kind == "other":
            balances[who] += step.minutes
            continue
        share = outcome.shares[who]
        if step.kind == "serve":
            kept = kept_of(step.minutes, balance=balances[who], rule=rule)
            share.coins, share.fund = share.coins + kept, share.fund + step.minutes - kept
            balances[who] += kept
            continue
        today = issued[who, step.day]
        parts = split(Earning(minutes=step.minutes, group=step.group, today=today, balance=balances[who]), rule)
        issued[who, step.day] += parts.coins
        balances[who] += parts.kept
        share.add(
            Share(minutes=parts.minutes, coins=parts.kept, given=parts.given, fund=parts.fund, capped=parts.capped)
        )
    for share in outcome.shares.values():
        share.points = points_of(share.minutes, carry=0, rule=rule)[0]
    return outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """An order asked for: by whom, when, what they had earned by then; ``until`` when it stood, None where it does."""

    account_id: int
    at: datetime
    earned: int
    until: datetime | None = None


def count_refused(asked: Sequence[Asked], rule: Settings, *, since: datetime) -> int:
    """How many orders asked for since an instant a version would have refused, since too little had been earned.

    Only a first order can be: whoever has one that stands may ask for the next.
    """
    refused = 0
    for _account, orders in groupby(asked, key=lambda one: one.account_id):
        standing: list[Asked] = []
        for order in orders:
            earlier = any(one.until is None or one.until > order.at for one in standing)
            if order.at >= since and not earlier and order.earned < rule.first_redemption_minutes:
                refused += 1
            else:
                standing.append(order)
    return refused


@dataclass(frozen=True, slots=True)
class Affected:
    """Somebody whom another version would have given something else."""

    member_id: int
    before: Share
    after: Share

    @property
    def difference(self) -> int:
        """Coins to use, more or fewer."""
        return self.after.coins - self.before.coins


def compare(before: Outcome, after: Outcome) -> list[Affected]:
    """Everybody whose share differs, those first who would have had fewest coins more."""
    everybody = sorted(before.shares.keys() | after.shares.keys())
    pairs = [Affected(who, before.shares.get(who, Share()), after.shares.get(who, Share())) for who in everybody]
    differing = [one for one in pairs if one.before != one.after]
    return sorted(differing, key=lambda one: (one.difference, one.after.points - one.before.points, one.member_id))
