"""Member numbers and personal codes: what is printed on a card and typed from it.

A member number names a person (``HL000123K``: six or more digits and a check character). A personal code proves that a
card was issued here: ``P1`` (purpose and version), the card's serial, and a keyed fingerprint under a key of its own.
Serial and fingerprint together are 64 bits, so guessing is hopeless; the last character catches slips of the finger.
The generation of the key is not written in it: it is one of the few that count, which are tried in turn.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

from timebank.core import codes, tags
from timebank.core.keys import Keys, of_generation
from timebank.rotation.rules import ONLY_FIRST, Generation

NUMBER_PREFIX = "HL"
_NUMBER_DIGITS = 6
_READ_PREFIX = codes.tidy(NUMBER_PREFIX)  # L is read as 1, so that is how the prefix arrives
_NUMBER = re.compile(rf"^(?:{_READ_PREFIX})?(\d{{{_NUMBER_DIGITS},9}}[{codes.ALPHABET}])$")

PERSONAL_PURPOSE = tags.PERSONAL
SERIAL_LENGTH = 7
_KEY_PURPOSE = "code/personal"
_MAC_LENGTH = 6
_MAC_BYTES = 16
_PERSONAL_LENGTH = len(PERSONAL_PURPOSE) + SERIAL_LENGTH + _MAC_LENGTH + 1


def member_number(ordinal: int) -> str:
    """The member number of the ``ordinal``-th person: ``HL000123K``."""
    digits = f"{ordinal:0{_NUMBER_DIGITS}d}"
    return f"{NUMBER_PREFIX}{digits}{codes.check_character(digits)}"


def read_member_number(typed: str) -> str | None:
    """The member number somebody typed, with or without HL; None when its check character does not fit."""
    read = _NUMBER.match(codes.tidy(typed))
    return f"{NUMBER_PREFIX}{read[1]}" if read and codes.is_valid(read[1]) else None


def is_member_number(typed: str) -> bool:
    """Whether this is a well-formed member number."""
    return read_member_number(typed) is not None


def personal_code(keys: Keys, serial: str, generation: int = 0) -> str:
    """The personal code on the card with this serial: 16 characters, for people who type."""
    body = f"{PERSONAL_PURPOSE}{serial}{_fingerprint(keys, serial, generation)}"
    return body + codes.check_character(body)


def read_personal_code(keys: Keys, text: str, generations: Sequence[Generation] = ONLY_FIRST) -> str | None:
    """The serial of the card this code was made for, or None when it was not made here with one of these generations.

    ``text`` is what was typed or scanned: with spaces, hyphens and look-alikes, or the whole link.
    """
    code = tidy_code(text)
    if not is_personal_code(code):
        return None
    serial = code[len(PERSONAL_PURPOSE) : len(PERSONAL_PURPOSE) + SERIAL_LENGTH]
    made = (personal_code(keys, serial, one.number) for one in generations)
    return serial if any(hmac.compare_digest(code, one) for one in made) else None


def tidy_code(text: str) -> str:
    """The code in what was typed or scanned; of a link, its last part."""
    return codes.tidy(text.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0].rstrip("/").rsplit("/", 1)[-1])


def is_personal_code(code: str) -> bool:
    """Whether a tidied code has the shape of a personal code and its check character fits."""
    return len(code) == _PERSONAL_LENGTH and code.startswith(PERSONAL_PURPOSE) and codes.is_valid(code)


def _fingerprint(keys: Keys, serial: str, generation: int) -> str:
    purpose = of_generation(_KEY_PURPOSE, generation)
    return codes.from_bytes(keys.mac(purpose, f"{PERSONAL_PURPOSE}{serial}", _MAC_BYTES), _MAC_LENGTH)
