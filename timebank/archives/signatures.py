"""Ed25519 (RFC 8032) as packages use it: keys as PEM and as fingerprints, signatures made and checked. Pure.

A fingerprint is the SHA-256 of the key's DER form, what ``openssl pkey -pubin -outform DER | sha256sum`` prints.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from timebank.core.keys import Keys

_KEY_BYTES: Final = 32
_PEM: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----[^-]{1,500}-----END PUBLIC KEY-----")
_HEX: Final = re.compile(rb"(?<![0-9A-Za-z])[0-9a-fA-F]{64}(?![0-9A-Za-z])")


def public_key(keys: Keys) -> str:
    """This instance's public key, as 64 hexadecimal digits."""
    return keys.signing_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign(keys: Keys, content: bytes) -> bytes:
    """The 64 bytes that prove who wrote ``content``. The same content has the same signature."""
    return keys.signing_key().sign(content)


def holds(key: str, signature: bytes, content: bytes) -> bool:
    """Whether ``signature`` over ``content`` was made with the private half of ``key`` (hexadecimal)."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(key: str) -> str:
    """What people compare: 64 hexadecimal digits. Empty for what is no key."""
    try:
        found = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except ValueError:
        return ""
    return hashlib.sha256(found.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def grouped(digits: str, size: int = 8) -> str:
    """Hexadecimal digits in groups that can be read aloud."""
    return " ".join(digits[at : at + size] for at in range(0, len(digits), size))


def as_pem(key: str) -> str:
    """A public key in the form other programs read."""
    found = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    return found.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_keys(content: bytes) -> list[str]:
    """Every public key in a file: PEM blocks, or 64 hexadecimal digits that stand alone (no fingerprints)."""
    found = [key for block in _PEM.findall(content) if (key := _from_pem(block))]
    return found or [digits.decode().lower() for digits in _HEX.findall(content)]


def _from_pem(block: bytes) -> str:
    try:
        key = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm):
        return ""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex() if isinstance(key, Ed25519PublicKey) else ""
