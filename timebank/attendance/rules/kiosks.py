"""What makes a browser a kiosk: a signed note of which one, for which shift, until when. It opens nothing else."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from timebank.core import codes
from timebank.core.keys import Keys

_KEY_PURPOSE = "kiosk/1"
_MAC_BYTES = 16
_MAC_LENGTH = 20
_LONGEST = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class KioskGrant:
    """A kiosk, the one shift it serves, and when it ends by itself."""

    kiosk_id: int
    shift_id: int
    expires_at: datetime


def kiosk_text(keys: Keys, grant: KioskGrant) -> str:
    """The grant as a browser keeps it: readable, but not to be changed."""
    body = f"{grant.kiosk_id}.{grant.shift_id}.{int(grant.expires_at.timestamp())}"
    return f"{body}.{_mac(keys, body)}"


def read_kiosk(keys: Keys, text: str) -> KioskGrant | None:
    """The grant in a browser's text; None when it is missing or changed. Whether it is over is another question."""
    body, _, mac = text[:_LONGEST].rpartition(".")
    if not body or not hmac.compare_digest(_mac(keys, body).encode(), mac.encode()):
        return None
    kiosk_id, shift_id, seconds = map(int, body.split("."))
    return KioskGrant(kiosk_id=kiosk_id, shift_id=shift_id, expires_at=datetime.fromtimestamp(seconds, UTC))


def _mac(keys: Keys, body: str) -> str:
    return codes.from_bytes(keys.mac(_KEY_PURPOSE, body, _MAC_BYTES), _MAC_LENGTH)
