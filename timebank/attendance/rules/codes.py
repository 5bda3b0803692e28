"""Venue codes: what the screen at the door shows, new every 20 seconds, derived and never stored.

``V1`` + shift id (base 31) + 7 characters of HMAC over shift and time step + check character: 11 characters for the
first 31 shifts, at most 16, in the alphabet without look-alikes. ``V`` is the purpose and ``1`` the version of the
format; the key is derived for this purpose alone, so a code of any other purpose cannot verify here.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime

from timebank.core import codes
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys

TAG = "V1"
STEP_SECONDS = 20
GRACE_STEPS = 1  # the code before the present one still counts: people need time to point their phones
STALE_STEPS = 90  # half an hour: how far back a code is recognised as ours, so that we can say what is wrong
MAX_LENGTH = 16

_KEY_PURPOSE = "code/venue/1"
_MAC_BYTES = 8
_MAC_LENGTH = 7  # 2.7 × 10¹⁰ values, two of them right: hopeless to guess behind the rate limit
_SHORTEST = len(TAG) + 1 + _MAC_LENGTH + 1


class CodeUnreadable(Invalid):
    """Not a whole code: mistyped, cut off, or something else altogether."""

    code = "attendance.code_unreadable"
    text = "这串字不是完整的签到码，可能打错或漏了一位。请对照屏幕再输一次，或者直接扫码。"


class CodeForOtherUse(Invalid):
    """A whole code, but of another purpose."""

    code = "attendance.code_other_use"
    text = "这是别的码（例如个人码或兑换券），不能用来签到。请扫现场屏幕上的签到码。"


class CodeStale(Conflict):
    """A code of ours whose time is over."""

    code = "attendance.code_stale"
    text = "这个签到码已经过期（每 20 秒换一次）。请重新扫一下现场屏幕上的码。"


class CodeUnknown(Conflict):
    """Shaped like a venue code, but not one of ours within the last half hour."""

    code = "attendance.code_unknown"
    text = "这个签到码不对，或者早就过期了。请重新扫一下现场屏幕上的码。"


def venue_code(keys: Keys, shift_id: int, at: datetime) -> str:
    """The code that the screen shows at an instant."""
    return _code(keys, shift_id, _step(at))


def photo_seconds(at: datetime) -> int:
    """How many seconds a photo of the code taken now can still be used: between 20 and 40."""
    return (_step(at) + 1 + GRACE_STEPS) * STEP_SECONDS - int(at.timestamp())


def next_code_seconds(at: datetime) -> int:
    """In how many seconds the next code is due."""
    return (_step(at) + 1) * STEP_SECONDS - int(at.timestamp())


def read_venue_code(keys: Keys, typed: str, at: datetime) -> int:
    """The shift whose screen shows this code now, or did one step ago.

    Takes what people type or a whole address. Raises CodeUnreadable, CodeForOtherUse, CodeStale, CodeUnknown.
    """
    address = re.split(r"[?#]", typed.strip(), maxsplit=1)[0]
    code = codes.tidy(address.rstrip("/").rsplit("/", 1)[-1])
    if not codes.is_valid(code):
        raise CodeUnreadable()
    if not code.startswith(TAG):
        raise CodeForOtherUse()
    if not _SHORTEST <= len(code) <= MAX_LENGTH:
        raise CodeUnreadable()
    shift_id = _number(code[len(TAG) : -_MAC_LENGTH - 1])
    age = _age(keys, code, shift_id, _step(at))
    if age is None:
        raise CodeUnknown()
    if age > GRACE_STEPS:
        raise CodeStale()
    return shift_id


def _age(keys: Keys, code: str, shift_id: int, step: int) -> int | None:
    """How many steps ago this was the code of the shift; None when it never was within the last half hour."""
    found = [age for age in range(STALE_STEPS + 1) if hmac.compare_digest(_code(keys, shift_id, step - age), code)]
    return found[0] if found else None


def _code(keys: Keys, shift_id: int, step: int) -> str:
    mac = codes.from_bytes(keys.mac(_KEY_PURPOSE, f"{shift_id}.{step}", _MAC_BYTES), _MAC_LENGTH)
    body = f"{TAG}{_letters(shift_id)}{mac}"
    return body + codes.check_character(body)


def _step(at: datetime) -> int:
    return int(at.timestamp()) // STEP_SECONDS


def _letters(number: int) -> str:
    letters = ""
    while True:
        number, rest = divmod(number, len(codes.ALPHABET))
        letters = codes.ALPHABET[rest] + letters
        if not number:
            return letters


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * len(codes.ALPHABET) + codes.ALPHABET.index(letter)
    return number
