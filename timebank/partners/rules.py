"""What makes a browser a desk: two signed notes of which one. Whether it is still open is the database's to say."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Final

from timebank.core import codes
from timebank.core.keys import Keys

LINK, COOKIE = "desk/link/1", "desk/cookie/1"  # purposes of keys: a link is no cookie
LINK_LASTS: Final = timedelta(days=7)
DESK_LASTS: Final = timedelta(days=180)
TAIL: Final = 4
_MAC_BYTES = 16
_MAC_LENGTH = 20
_MOST_DIGITS = 9


def note_of(keys: Keys, purpose: str, desk_id: int) -> str:
    """The note that names a desk for a purpose: readable, but not to be made up."""
    return f"{desk_id}.{_mac(keys, purpose, desk_id)}"


def read_note(keys: Keys, purpose: str, text: str) -> int | None:
    """The desk that a note names; None when it is not ours."""
    number, _, mac = text.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        return None
    return int(number) if hmac.compare_digest(_mac(keys, purpose, int(number)).encode(), mac.encode()) else None


def tail_of(voucher: str) -> str:
    """The end of a voucher as a slip shows it: enough to compare with a stub, not enough to use."""
    return voucher[-TAIL:]


def _mac(keys: Keys, purpose: str, desk_id: int) -> str:
    return codes.from_bytes(keys.mac(purpose, str(desk_id), _MAC_BYTES), _MAC_LENGTH)
