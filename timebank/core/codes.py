"""Codes that people read aloud and type: an alphabet without look-alikes and a check character.

The alphabet has 31 characters (no I, L, O, U, Z; typed look-alikes are read as what they look like). 31 is prime, so a
sum weighted by place, modulo 31, changes with every single wrong character and every swap of unequal neighbours
(as in ISO 7064's systems with a prime modulus).
"""

from __future__ import annotations

import secrets
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXY"
_READ_AS = str.maketrans("OILZ", "0112")


def tidy(text: str) -> str:
    """What a person typed, as the code it means: full-width folded, upper case, separators and look-alikes mended."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(c for c in folded if c.isalnum()).translate(_READ_AS)


def check_character(body: str) -> str:
    """The check character of a code body of up to 30 characters. Raises ValueError outside the alphabet."""
    total = sum((place + 1) * ALPHABET.index(c) for place, c in enumerate(body))
    return ALPHABET[total % len(ALPHABET)]


def is_valid(code: str) -> bool:
    """Whether a tidied code ends with its own check character."""
    try:
        return len(code) > 1 and check_character(code[:-1]) == code[-1]
    except ValueError:
        return False


def random_code(length: int) -> str:
    """A fresh unguessable code: ``length - 1`` random characters and the check character."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(length - 1))
    return body + check_character(body)


def from_bytes(raw: bytes, length: int) -> str:
    """``length`` characters of the alphabet derived from ``raw`` (at least 8 bytes per 11 characters wanted)."""
    value, letters = int.from_bytes(raw, "big"), []
    for _ in range(length):
        value, rest = divmod(value, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(letters)


def encode(raw: bytes, length: int) -> str:
    """``raw`` as one number of exactly ``length`` letters, the highest place first; ``decode`` gives it back.

    Raises ValueError when it does not fit.
    """
    value, letters = int.from_bytes(raw, "big"), []
    for _ in range(length):
        value, rest = divmod(value, len(ALPHABET))
        letters.append(ALPHABET[rest])
    if value:
        raise ValueError("too long a number")
    return "".join(reversed(letters))


def decode(letters: str, size: int) -> bytes | None:
    """The ``size`` bytes that ``encode`` wrote; None for other letters and for a number too great."""
    value = 0
    for letter in letters:
        place = ALPHABET.find(letter)
        if place < 0:
            return None
        value = value * len(ALPHABET) + place
    return value.to_bytes(size, "big") if value < 1 << (8 * size) else None


def number_letters(number: int, width: int = 1) -> str:
    """A number in the alphabet, the highest place first, filled with ``0`` to ``width``."""
    letters = ""
    while number or len(letters) < width:
        number, rest = divmod(number, len(ALPHABET))
        letters = ALPHABET[rest] + letters
    return letters


def letters_number(letters: str) -> int:
    """The number that ``number_letters`` wrote. Raises ValueError outside the alphabet."""
    number = 0
    for letter in letters:
        number = number * len(ALPHABET) + ALPHABET.index(letter)
    return number


def grouped(code: str, size: int = 4) -> str:
    """The code in groups for reading: ``ABCD-EFGH``."""
    return "-".join(code[at : at + size] for at in range(0, len(code), size))
