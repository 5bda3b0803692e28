"""Keys derived from the one SECRET_KEY, a separate one per purpose, and what they seal.

HKDF (RFC 5869) keeps purposes apart: a voucher code can never verify as a check-in. Fields are sealed with
AES-256-GCM (NIST SP 800-38D) under a random nonce; look-ups go through a keyed index (HMAC-SHA-256), never plain text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


def of_generation(purpose: str, generation: int) -> str:
    """A purpose's name for one generation of its key; the first keeps the plain name, so that what is printed holds."""
    return f"{purpose}/g{generation}" if generation else purpose


@lru_cache(maxsize=256)
def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"timebank/{purpose}".encode()).derive(secret)


@lru_cache(maxsize=256)
def _signer(secret: bytes, purpose: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_derive(secret, f"signature/{purpose}"))


@dataclass(frozen=True)
class Keys:
    """Everything that rests on the instance's secret. Handed down by the doors; holds no state of its own."""

    secret: bytes = field(repr=False)

    def derived(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        return _derive(self.secret, purpose)

    def mac(self, purpose: str, message: str, length: int = 32) -> bytes:
        """The first ``length`` bytes of HMAC-SHA-256 over ``message`` under the purpose's key."""
        return hmac.digest(self.derived(purpose), message.encode(), hashlib.sha256)[:length]

    def index(self, purpose: str, value: str) -> str:
        """A keyed fingerprint for equality look-ups of an encrypted value (hex, 64 characters)."""
        return self.mac(f"index/{purpose}", value).hex()

    def encrypt(self, purpose: str, plain: str) -> str:
        """Seal a text; the purpose is bound as associated data. Returns URL-safe base64."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self.derived(f"field/{purpose}")).encrypt(nonce, plain.encode(), purpose.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def decrypt(self, purpose: str, sealed: str) -> str:
        """Open what ``encrypt`` sealed; raises ``cryptography.exceptions.InvalidTag`` when it was changed."""
        raw = base64.urlsafe_b64decode(sealed)
        box = AESGCM(self.derived(f"field/{purpose}"))
        return box.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode()).decode()

    def seal(self, purpose: str, plain: bytes, about: str) -> bytes:
        """Seal bytes; purpose and what they are about are bound, so that they open nowhere else."""
        nonce = os.urandom(_NONCE_BYTES)
        bound = f"{purpose}/{about}".encode()
        return nonce + AESGCM(self.derived(f"bytes/{purpose}")).encrypt(nonce, plain, bound)

    def unseal(self, purpose: str, sealed: bytes, about: str) -> bytes:
        """Open what ``seal`` sealed; raises ``cryptography.exceptions.InvalidTag`` when it was changed or moved."""
        bound = f"{purpose}/{about}".encode()
        return AESGCM(self.derived(f"bytes/{purpose}")).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)

    def signer(self, purpose: str) -> Ed25519PrivateKey:
        """The Ed25519 key (RFC 8032) that signs for one purpose."""
        return _signer(self.secret, purpose)

    def signing_key(self) -> Ed25519PrivateKey:
        """The instance's Ed25519 key that signs seals and archive packages."""
        return self.signer("archive")
