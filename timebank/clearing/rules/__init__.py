"""What may happen to a proposal when, how a message is written, how full a line is, which circles of debt there are.

States after the two-phase design of docs/decisions.md: before ``committed`` either side may cancel and time frees what
was reserved; after it nobody cancels, and the creditor's posting is repeated until it is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from timebank.core.errors import Conflict

DEFAULT_LINE: Final = 10 * 60  # minutes a new branch and the one above it let each other owe
MAX_LINE: Final = 100_000 * 60
GRACE: Final = timedelta(days=7)  # so much longer the creditor keeps space on its line, for what is under way
LONGEST_CIRCLE: Final = 5

Verb = Literal["accept", "refuse", "cancel", "expire", "commit", "settle"]
MOVES: Final[dict[str, dict[str, str]]] = {
    "accept": {"reserved": "accepted", "accepted": "accepted"},
    "refuse": {"reserved": "refused", "refused": "refused"},
    "cancel": {"reserved": "cancelled", "accepted": "cancelled", "cancelled": "cancelled"},
    "expire": {"reserved": "expired", "accepted": "expired", "expired": "expired"},
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


def canonical(fields: Mapping[str, Any]) -> str:
    """The one way to write what is hashed: keys sorted, no spaces; whole numbers, words, instants as ISO text."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def write(fields: Mapping[str, int | str | None]) -> Envelope:
    """A message about to be sent."""
    content = canonical(fields)
    return Envelope(content, digest(content))


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


def line_space_until(expires_at: datetime) -> datetime:
    """Until when the creditor keeps the space it reserved."""
    return expires_at + GRACE
