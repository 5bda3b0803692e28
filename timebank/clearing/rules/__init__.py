"""What may happen to a proposal when, how a message is written, how full a line is, which circles of debt there are.

States after the two-phase design of docs/decisions.md: before ``committed`` either side may cancel and time frees what
was reserved; after it nobody cancels, and the creditor's posting is repeated until it is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import gcd
from typing import Any, Final, Literal

from timebank.core.errors import Conflict
from timebank.core.minutes import hours

DEFAULT_LINE: Final = 10 * 60  # minutes a new branch and the one above it let each other owe
MAX_LINE: Final = 100_000 * 60
GRACE: Final = timedelta(days=7)  # so much longer the creditor keeps space on its line, for what is under way
LONGEST_CIRCLE: Final = 5
INBOUND, OUTBOUND = "suspense:inbound", "suspense:outbound"  # where coins wait that found no taker
CONVERTING: Final = ("conversion", "rounding")  # the accounts on which a branch converts
LEAST_WORTH, MOST_WORTH = 6, 600  # minutes that an hour of another branch may be worth: a tenth, or ten hours

# Signatures: how old a message may be, how far its sender's clock may be ahead, and for how long nonces are kept:
# longer than any message that would still be listened to.
SENT_WITHIN: Final = timedelta(minutes=10)
SENT_AHEAD: Final = timedelta(minutes=2)
NONCES_KEPT: Final = timedelta(days=1)
KEY_AGE: Final = timedelta(days=365)  # after which a key is changed by itself
OVERLAP: Final = timedelta(days=7)  # for which what an older key signed is believed, if nobody says otherwise
LONGEST_OVERLAP: Final = timedelta(days=90)

Verb = Literal["accept", "refuse", "cancel", "expire", "commit", "settle"]
MOVES: Final[dict[str, dict[str, str]]] = {
    "accept": {"reserved": "accepted", "accepted": "accepted"},
    "refuse": {"reserved": "refused", "refused": "refused"},
    "cancel": {"reserved": "cancelled", "accepted": "cancelled", "cancelled": "cancelled", "refused": "refused"},
    "expire": {"reserved": "expired", "accepted": "expired", "expired": "expired", "refused": "refused"},
    "commit": {"accepted": "committed", "committed": "committed", "settled": "settled"},
    "settle": {"committed": "settled", "settled": "settled"},
}


PROPOSAL_STATUS_NAMES: Final = {
    "reserved": "已冻结，等对方网点",
    "accepted": "两边都已留好",
    "committed": "付方已付，等对方入账",
    "settled": "两边都已入账",
    "cancelled": "已取消",
    "expired": "已过期",
    "refused": "对方网点没有接受",
}


class ProposalMoved(Conflict):
    """It is not where this step begins."""

    code = "clearing.proposal_moved"
    text = "这张清算单现在是“{name}”，不能这样办。请刷新页面再看一看。"

    def __init__(self, *, status: str) -> None:
        super().__init__(status=status, name=PROPOSAL_STATUS_NAMES[status])


def decide(verb: Verb, status: str) -> str:
    """The state after ``verb``; a repeat stays where it is. Raises ProposalMoved."""
    after = MOVES[verb].get(status)
    if after is None:
        raise ProposalMoved(status=status)
    return after


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as it is sent: canonical JSON of whole numbers and words, and its SHA-256."""

    content: str
    hash: str

    @property
    def fields(self) -> dict[str, Any]:
        """What it says."""
        return dict(json.loads(self.content))

    @property
    def is_whole(self) -> bool:
        """Whether not a byte of it was changed."""
        return digest(self.content) == self.hash


def digest(content: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(content.encode()).hexdigest()


def fingerprint(public: bytes) -> str:
    """What a public key is told apart by, and what people compare: half of its SHA-256, in hex."""
    return hashlib.sha256(public).hexdigest()[:32]


def canonical(fields: Mapping[str, Any]) -> str:
    """The one way to write what is hashed: keys sorted, no spaces; whole numbers, words, instants as ISO text."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def exception_text(content_hash: str) -> bytes:
    """What is signed of a month that is sealed by an exception: a signature that means this and nothing else.

    The key that signs it seals months, too, over bare hashes.
    """
    return b"timebank-pair-exception-1\n" + bytes.fromhex(content_hash)


def write(fields: Mapping[str, int | str | None]) -> Envelope:
    """A message about to be sent."""
    content = canonical(fields)
    return Envelope(content, digest(content))


@dataclass(frozen=True, slots=True)
class Rate:
    """So many minutes of the payer's branch are worth so many of the payee's. All arithmetic between two kinds of
    minutes is here: whole numbers, divided once, and what the division leaves over is said.
    """

    payer: int = 1
    payee: int = 1

    def __str__(self) -> str:
        """As messages and forms carry it: ``4:5``."""
        return f"{self.payer}:{self.payee}"

    @property
    def even(self) -> bool:
        """Whether a minute is a minute."""
        return self.payer == self.payee

    def cost(self, taken: int) -> Amounts:
        """What somebody pays for a price of the payee's branch: a minute that is not whole is paid whole."""
        return Amounts(-(-taken * self.payer // self.payee), taken, self)

    def gain(self, paid: int) -> Amounts:
        """What arrives of minutes of the payer's branch: whole minutes only; may be none."""
        return Amounts(paid, paid * self.payee // self.payer, self)

    def part(self, whole: Amounts, taken: int) -> Amounts:
        """What is paid where only so much of ``whole`` was taken there."""
        return whole if taken == whole.taken else self.cost(taken)


@dataclass(frozen=True, slots=True)
class Amounts:
    """One payment in both branches' own minutes."""

    paid: int
    taken: int
    rate: Rate = field(default_factory=Rate)

    def paid_for(self, taken: int) -> int:
        """What of this somebody pays where only so much is taken."""
        return self.rate.part(self, taken).paid

    @property
    def turned(self) -> Amounts:
        """The same on its way back: whoever got it pays it."""
        return Amounts(self.taken, self.paid, Rate(self.rate.payee, self.rate.payer))

    def left_at_payer(self) -> int:
        """Of what was paid, what is worth no whole minute there: the minute that was made whole; of a gift, a few."""
        return self.paid - self.taken * self.rate.payer // self.rate.payee

    def left_at_payee(self) -> int:
        """Of what arrived, what the payee's branch passed on to nobody: worth less than one minute of the payer's."""
        return self.paid * self.rate.payee // self.rate.payer - self.taken


@dataclass(frozen=True, slots=True)
class Gauge:
    """How much of a line is used, in whole per cent rounded down; over 100 where it was cut below what is owed."""

    owed: int
    held: int
    line: int

    @property
    def used(self) -> int:
        """What is owed or reserved."""
        return max(0, self.owed) + self.held

    @property
    def free(self) -> int:
        """What may still be owed; what the other owes the other way round counts on top."""
        return max(0, self.line - self.owed - self.held)

    @property
    def percent(self) -> int:
        """Used per cent of the line."""
        return 100 * self.used // self.line if self.line else (100 if self.used else 0)

    @property
    def level(self) -> int:
        """The highest of 70, 90 and 100 that is reached; 0 below."""
        return next((level for level in (100, 90, 70) if self.line and self.percent >= level), 0)


@dataclass(frozen=True, slots=True)
class Circle:
    """Branches of which each owes the next, the last the first, at least so many minutes."""

    branches: tuple[int, ...]
    minutes: int


def find_circles(owed: Mapping[tuple[int, int], int]) -> list[Circle]:
    """Circles of three to five branches in ``(debtor, creditor) → minutes``, the largest amount first.

    Each circle once, beginning with its smallest id.
    """
    owes: dict[int, list[int]] = {}
    for (debtor, creditor), minutes in sorted(owed.items()):
        if minutes > 0:
            owes.setdefault(debtor, []).append(creditor)
    found = [circle for start in sorted(owes) for circle in _circles_from(start, owes, owed)]
    return sorted(found, key=lambda one: (-one.minutes, one.branches))


def _circles_from(start: int, owes: Mapping[int, list[int]], owed: Mapping[tuple[int, int], int]) -> Iterator[Circle]:
    paths: list[tuple[int, ...]] = [(start,)]
    while paths:
        path = paths.pop()
        for creditor in owes.get(path[-1], ()):
            if creditor == start and len(path) > 2:
                steps = zip(path, (*path[1:], start), strict=True)
                yield Circle(path, min(owed[step] for step in steps))
            elif creditor > start and creditor not in path and len(path) < LONGEST_CIRCLE:
                paths.append((*path, creditor))


def rate_words(one: str, other: str, one_units: int, other_units: int) -> str:
    """``AA 站 1 小时 = BB 站 1 小时 15 分钟``; where that is not whole, hours against hours."""
    minutes, rest = divmod(60 * other_units, one_units)
    if rest:
        return f"{one} {one_units} 小时 = {other} {other_units} 小时"
    return f"{one} 1 小时 = {other} {hours(minutes)}"


def lowest(one: int, other: int) -> tuple[int, int]:
    """A pair of numbers in lowest terms: 60 to 75 is 4 to 5."""
    shared = gcd(one, other)
    return one // shared, other // shared


def line_space_until(expires_at: datetime) -> datetime:
    """Until when the creditor keeps the space it reserved."""
    return expires_at + GRACE
