"""Personal passes: what the QR on a 成长卡 holds, judged by a phone without a network and without any secret.

``P2`` + mark of the key's generation + serial of the card (7) + signature (104): 114 characters of the core alphabet.

- *Mark*: the generation's number modulo 31, as one character. Two generations that count never share a mark.
- *Signed* are the 10 characters before the signature, as ASCII, with Ed25519 (RFC 8032) under a key derived for this
  purpose and generation alone.
- *Signature*: its 64 bytes as one number, highest byte first, written with 104 characters, highest place first, filled
  with ``0`` in front (31^104 > 2^512). A number of 2^512 or more is no signature: every pass has one spelling.

The pass travels in an address in capitals, so that the QR stays in alphanumeric mode. The public keys are no secret;
what says that a card was lost is a list of serials (``members.queries.list_revoked_serials``).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypedDict

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from timebank.core import codes, tags
from timebank.core.keys import Keys, of_generation
from timebank.members.rules.codes import SERIAL_LENGTH, personal_code, tidy_code
from timebank.rotation.rules import ONLY_FIRST, Generation, accepted

SCANNED_PURPOSE: Final = tags.SCANNED
SIGNATURE_LENGTH: Final = 104
_SIGNATURE_BYTES: Final = 64
_HEAD_LENGTH: Final = len(SCANNED_PURPOSE) + 1 + SERIAL_LENGTH
PASS_LENGTH: Final = _HEAD_LENGTH + SIGNATURE_LENGTH
_KEY_PURPOSE: Final = "pass/personal"


class PassKey(TypedDict):
    """What a device needs to judge the passes of one generation by itself."""

    generation: int
    mark: str  # the third character of a pass
    public_key: str  # 32 bytes, base64url without padding
    accepted_until: str | None  # ISO 8601 in UTC; None: until a newer list says otherwise


def personal_pass(keys: Keys, serial: str, generation: int = 0) -> str:
    """The pass of the card with this serial. The same card and generation always give the same text."""
    head = f"{SCANNED_PURPOSE}{_mark(generation)}{serial}"
    return head + codes.encode(_signer(keys, generation).sign(head.encode()), SIGNATURE_LENGTH)


def read_personal_pass(keys: Keys, text: str, generations: Sequence[Generation] = ONLY_FIRST) -> str | None:
    """The serial of the card this pass was made for, or None when it was not made here with one of these generations.

    ``text`` is what was scanned: the pass, or the whole link.
    """
    read = tidy_code(text)
    if not is_personal_pass(read):
        return None
    head, signature = read[:_HEAD_LENGTH], codes.decode(read[_HEAD_LENGTH:], _SIGNATURE_BYTES)
    if signature is None:
        return None
    marked = (one.number for one in generations if _mark(one.number) == read[len(SCANNED_PURPOSE)])
    verified = any(_verifies(_public_key(keys, number), signature, head) for number in marked)
    return head[-SERIAL_LENGTH:] if verified else None


@dataclass(frozen=True, kw_only=True, slots=True)
class CardCodes:
    """What a card shows: ``typed`` for people, ``scanned`` for cameras (``web.keyring.pass_url`` makes its address)."""

    typed: str
    scanned: str


def card_codes(keys: Keys, serial: str, generation: int) -> CardCodes:
    """Both forms of a card's code, made with one generation."""
    return CardCodes(typed=personal_code(keys, serial, generation), scanned=personal_pass(keys, serial, generation))


def is_personal_pass(read: str) -> bool:
    """Whether a tidied text has the shape of a pass; its signature is another question."""
    return len(read) == PASS_LENGTH and read.startswith(SCANNED_PURPOSE)


def pass_keys(keys: Keys, generations: Sequence[Generation], at: datetime) -> list[PassKey]:
    """What an offline device is given: the public keys of the generations that count, the newest first."""
    return [
        PassKey(
            generation=one.number,
            mark=_mark(one.number),
            public_key=base64.urlsafe_b64encode(_public_key(keys, one.number).public_bytes_raw()).rstrip(b"=").decode(),
            accepted_until=one.accepted_until.isoformat() if one.accepted_until else None,
        )
        for one in accepted(generations, at)
    ]


def _mark(generation: int) -> str:
    return codes.ALPHABET[generation % len(codes.ALPHABET)]


def _signer(keys: Keys, generation: int) -> Ed25519PrivateKey:
    return keys.signer(of_generation(_KEY_PURPOSE, generation))


def _public_key(keys: Keys, generation: int) -> Ed25519PublicKey:
    return _signer(keys, generation).public_key()


def _verifies(key: Ed25519PublicKey, signature: bytes, head: str) -> bool:
    try:
        key.verify(signature, head.encode())
    except InvalidSignature:
        return False
    return True
