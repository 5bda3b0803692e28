"""A claim: this browser saw a valid code at this time. It bridges signing in, which may take minutes."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from timebank.core import codes
from timebank.core.keys import Keys

CLAIM_MINUTES = 15
_KEY_PURPOSE = "claim/2"
_MAC_BYTES = 16
_MAC_LENGTH = 20
_LONGEST = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Which shift's code was seen, when and where (venue, poster): what counts, however long signing in takes."""

    shift_id: int
    seen_at: datetime
    source: str


def claim_text(keys: Keys, claim: Claim) -> str:
    """The claim as a browser keeps it: readable, but not to be changed."""
    body = f"{claim.shift_id}.{int(claim.seen_at.timestamp())}.{claim.source}"
    return f"{body}.{_mac(keys, body)}"


def read_claim(keys: Keys, text: str, now: datetime) -> Claim | None:
    """The claim in a browser's text; None when it is missing, changed, or older than a quarter of an hour."""
    body, _, mac = text[:_LONGEST].rpartition(".")
    if not body or not hmac.compare_digest(_mac(keys, body).encode(), mac.encode()):
        return None
    shift_id, seconds, source = body.split(".")
    seen_at = datetime.fromtimestamp(int(seconds), UTC)
    fresh = seen_at <= now + timedelta(seconds=1) and now - seen_at <= timedelta(minutes=CLAIM_MINUTES)
    return Claim(shift_id=int(shift_id), seen_at=seen_at, source=source) if fresh else None


def _mac(keys: Keys, body: str) -> str:
    return codes.from_bytes(keys.mac(_KEY_PURPOSE, body, _MAC_BYTES), _MAC_LENGTH)
