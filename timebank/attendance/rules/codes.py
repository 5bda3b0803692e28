"""Codes at the door. Venue codes: what the screen shows, new every 20 seconds, derived and never stored.

``V1`` + shift id (base 31) + 7 characters of HMAC over shift and time step + check character: 11 characters for the
first 31 shifts, at most 17, in the alphabet without look-alikes. ``V`` is the purpose and ``1`` the version of the
format (``core.tags``); the key is derived for this purpose alone, so a code of any other purpose cannot verify here.

Poster codes: the same for paper. ``S1`` + number of the poster (2) + shift id + 8 characters of HMAC over both + check
character: 14 to 19 characters. They do not move, so the poster's row says whether it still counts.

Neither carries the generation of its key: it is one of the few that count, which are tried in turn.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from timebank.core import codes, tags
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys, of_generation
from timebank.rotation.rules import ONLY_FIRST, Generation, accepted

TAG = tags.VENUE
STEP_SECONDS = 20
GRACE_STEPS = 1  # the code before the present one still counts: people need time to point their phones
STALE_STEPS = 90  # half an hour: how far back a code is recognised as ours, so that we can say what is wrong
MAX_LENGTH = 17

_KEY_PURPOSE = "code/venue/1"
_MAC_BYTES = 8
_MAC_LENGTH = 7  # 2.7 × 10¹⁰ values, two of them right: hopeless to guess behind the rate limit
_SHORTEST = len(TAG) + 1 + _MAC_LENGTH + 1

POSTER_TAG = tags.POSTER
NUMBER_LENGTH = 2
MOST_POSTERS = len(codes.ALPHABET) ** NUMBER_LENGTH - 1
_POSTER_KEY_PURPOSE = "code/poster/1"
_POSTER_MAC_LENGTH = 8  # one more than on the screen: there is a day to guess, not half a minute
_POSTER_HEAD = len(POSTER_TAG) + NUMBER_LENGTH
_POSTER_LENGTHS = range(_POSTER_HEAD + 1 + _POSTER_MAC_LENGTH + 1, _POSTER_HEAD + 7 + _POSTER_MAC_LENGTH + 2)


class CodeUnreadable(Invalid):
    """Not a whole code: mistyped, cut off, or something else altogether."""

    code = "attendance.code_unreadable"
    text = "这串字不是完整的签到码，可能打错或漏了一位。请对照屏幕再输一次，或者直接扫码。"


class CodeForOtherUse(Invalid):
    """A whole code, but of another purpose."""

    code = "attendance.code_other_use"
    text = "这是别的码（{what}），不能用来签到。请扫现场屏幕上的签到码。"


class CodeStale(Conflict):
    """A code of ours whose time is over."""

    code = "attendance.code_stale"
    text = "这个签到码已经过期（每 20 秒换一次）。请重新扫一下现场屏幕上的码。"


class CodeUnknown(Conflict):
    """Shaped like a venue code, but not one of ours within the last half hour."""

    code = "attendance.code_unknown"
    text = "这个签到码不对，或者早就过期了。请重新扫一下现场屏幕上的码。"


def tidy_code(typed: str) -> str:
    """The code in what people type or scan: of a whole address, its last part.

    Raises CodeUnreadable, CodeForOtherUse.
    """
    address = re.split(r"[?#]", typed.strip(), maxsplit=1)[0]
    code = codes.tidy(address.rstrip("/").rsplit("/", 1)[-1])
    tag, whole = tags.find_tag(code), codes.is_valid(code)
    if tag in {TAG, POSTER_TAG} and whole:
        return code
    if whole or tag == tags.SCANNED:  # a pass has a signature instead of a check character
        raise CodeForOtherUse(what=tags.TAG_NAMES.get(tag or "", "例如个人码或兑换券"))
    raise CodeUnreadable()


def venue_code(keys: Keys, shift_id: int, at: datetime, generation: int = 0) -> str:
    """The code that the screen shows at an instant."""
    return _code(keys, shift_id, _step(at), generation)


def photo_seconds(at: datetime) -> int:
    """How many seconds a photo of the code taken now can still be used: between 20 and 40."""
    return (_step(at) + 1 + GRACE_STEPS) * STEP_SECONDS - int(at.timestamp())


def next_code_seconds(at: datetime) -> int:
    """In how many seconds the next code is due."""
    return (_step(at) + 1) * STEP_SECONDS - int(at.timestamp())


def read_venue_code(keys: Keys, typed: str, at: datetime, generations: Sequence[Generation] = ONLY_FIRST) -> int:
    """The shift whose screen shows this code now, or did one step ago.

    Takes what people type or a whole address. Raises CodeUnreadable, CodeForOtherUse, CodeStale, CodeUnknown.
    """
    code = tidy_code(typed)
    if not code.startswith(TAG):
        raise CodeForOtherUse(what=tags.TAG_NAMES[POSTER_TAG])
    if not _SHORTEST <= len(code) <= MAX_LENGTH:
        raise CodeUnreadable()
    shift_id = codes.letters_number(code[len(TAG) : -_MAC_LENGTH - 1])
    recent = accepted(generations, at - timedelta(seconds=STALE_STEPS * STEP_SECONDS))
    found = [(age, one) for one in recent if (age := _age(keys, code, shift_id, _step(at), one.number)) is not None]
    if not found:
        raise CodeUnknown()
    if not any(age <= GRACE_STEPS and one.is_accepted(at) for age, one in found):
        raise CodeStale()
    return shift_id


def _age(keys: Keys, code: str, shift_id: int, step: int, generation: int) -> int | None:
    """How many steps ago this was the code of the shift; None when it never was within the last half hour."""
    shown = ((age, _code(keys, shift_id, step - age, generation)) for age in range(STALE_STEPS + 1))
    return next((age for age, one in shown if hmac.compare_digest(one, code)), None)


def _code(keys: Keys, shift_id: int, step: int, generation: int) -> str:
    purpose = of_generation(_KEY_PURPOSE, generation)
    mac = codes.from_bytes(keys.mac(purpose, f"{shift_id}.{step}", _MAC_BYTES), _MAC_LENGTH)
    body = f"{TAG}{codes.number_letters(shift_id)}{mac}"
    return body + codes.check_character(body)


def _step(at: datetime) -> int:
    return int(at.timestamp()) // STEP_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class PosterRead:
    """What a poster's code says: which shift's, and the how manieth of it."""

    shift_id: int
    number: int


def poster_code(keys: Keys, shift_id: int, number: int, generation: int = 0) -> str:
    """The code on the ``number``-th poster of a shift, which stays the same."""
    purpose = of_generation(_POSTER_KEY_PURPOSE, generation)
    mac = codes.from_bytes(keys.mac(purpose, f"{shift_id}.{number}", _MAC_BYTES), _POSTER_MAC_LENGTH)
    body = f"{POSTER_TAG}{codes.number_letters(number, NUMBER_LENGTH)}{codes.number_letters(shift_id)}{mac}"
    return body + codes.check_character(body)


def is_poster_code(code: str) -> bool:
    """Whether a tidied code is one of a poster, true or made up."""
    return code.startswith(POSTER_TAG)


def read_poster_code(keys: Keys, code: str, generations: Sequence[Generation] = ONLY_FIRST) -> PosterRead | None:
    """Which poster a tidied code stands on; None when it was not made here with one of these generations."""
    if not is_poster_code(code) or len(code) not in _POSTER_LENGTHS or not codes.is_valid(code):
        return None
    number = codes.letters_number(code[len(POSTER_TAG) : _POSTER_HEAD])
    shift_id = codes.letters_number(code[_POSTER_HEAD : -_POSTER_MAC_LENGTH - 1])
    made = (poster_code(keys, shift_id, number, one.number) for one in generations)
    return PosterRead(shift_id=shift_id, number=number) if any(hmac.compare_digest(code, one) for one in made) else None
