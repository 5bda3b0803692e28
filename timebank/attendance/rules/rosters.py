"""The roster that a scanning device holds: proof of whose it is and since when, and how cards are recognised in it.

Cards stand in a roster as 20 bits of a salted hash: enough to find one among hundreds of people, far too little to make
the code of a card from a lost phone. A false hit (one in a million per person) is put right by the server's word.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from timebank.attendance.rules.judging import Policy, closes_at
from timebank.core import codes
from timebank.core.keys import Keys

_KEY_PURPOSE = "roster/held/1"
_MAC_BYTES, _MAC_LENGTH = 16, 16
_LONGEST = 100
_HASH_LETTERS = 5  # 20 bits
LONGEST_HOURS = 24  # a roster loaded today is gone tomorrow
AFTER_HOURS = 2  # … and two hours after check-out has closed


@dataclass(frozen=True, slots=True)
class Held:
    """Who loaded the roster of a shift, and when: signed by us, kept by the device, sent with its scans."""

    shift_id: int
    member_id: int
    at: datetime


def held_text(keys: Keys, held: Held) -> str:
    """The proof as a device keeps it."""
    body = f"{held.shift_id}.{held.member_id}.{int(held.at.timestamp())}"
    return f"{body}.{_mac(keys, body)}"


def read_held(keys: Keys, text: str) -> Held | None:
    """What a proof says; None when it is missing or was changed."""
    body, _, mac = text[:_LONGEST].rpartition(".")
    if not body or not hmac.compare_digest(_mac(keys, body).encode(), mac.encode()):
        return None
    shift_id, member_id, seconds = body.split(".")
    return Held(int(shift_id), int(member_id), datetime.fromtimestamp(int(seconds), UTC))


def expires_at(policy: Policy, now: datetime) -> datetime:
    """Until when a device may keep the roster: a day, and not long past the shift; two hours where it is over."""
    day, after = timedelta(hours=LONGEST_HOURS), timedelta(hours=AFTER_HOURS)
    return min(now + day, max(closes_at(policy), now) + after)


def salted(salt: str, text: str) -> str:
    """How a card's serial or code stands in a roster."""
    return hashlib.sha512(f"{salt}:{text}".encode()).hexdigest()[:_HASH_LETTERS]


def _mac(keys: Keys, body: str) -> str:
    return codes.from_bytes(keys.mac(_KEY_PURPOSE, body, _MAC_BYTES), _MAC_LENGTH)
