"""What a branch signs on its way to another, and what the other believes.

Ed25519 (RFC 8032) over the hash of a message, the time it is sent and a nonce. A branch has a key of its own in every
pair; the other keeps the public part. Who repeats a message signs it anew: the content, its hash and its number stay.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from timebank.clearing import rules
from timebank.clearing.models import BranchPair, ClearingNonce, PairKey
from timebank.clearing.queries.keys import find_key, newest_key
from timebank.clearing.service.refusals import KeyLost
from timebank.core.db import insert_once, keys_of

# Why a message is not listened to; the sender may come again.
UNKNOWN_KEY, KEY_ENDED, STALE, EARLY, FORGED = "unknown_key", "key_ended", "stale", "early", "forged"
_NONCE_BYTES: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """That somebody who holds a key sent a content with this hash at this time."""

    key: str
    nonce: str
    sent_at: datetime
    value: str = ""

    def text(self, content_hash: str) -> bytes:
        """What is signed: canonical, and bound to the content by its hash."""
        return rules.canonical(self._fields | {"hash": content_hash}).encode()

    @property
    def proof(self) -> str:
        """What a receipt keeps of it."""
        return rules.canonical(self._fields | {"value": self.value})

    @property
    def _fields(self) -> dict[str, str]:
        return {"key": self.key, "nonce": self.nonce, "sent": self.sent_at.isoformat()}


def make_key(session: Session, pair: BranchPair, branch_id: int, *, by_id: int | None, now: datetime) -> PairKey:
    """The next generation of a branch's key in a pair, in use from now; one in use must have been given an end."""
    last = newest_key(session, pair, branch_id)
    generation = last.generation + 1 if last is not None else 1
    public = _private(session, pair.id, branch_id, generation).public_key().public_bytes_raw()
    made = PairKey(
        pair_id=pair.id,
        branch_id=branch_id,
        generation=generation,
        public=public.hex(),
        fingerprint=rules.fingerprint(public),
        from_at=now,
        made_by_id=by_id,
    )
    session.add(made)
    session.flush()
    return made


def have_key(session: Session, pair: BranchPair, branch_id: int, *, now: datetime) -> PairKey:
    """The key that a branch signs with in a pair; the first is made here, also for pairs older than signatures."""
    last = newest_key(session, pair, branch_id)
    in_use = last is not None and last.accepted_until is None
    return last if in_use and last is not None else make_key(session, pair, branch_id, by_id=None, now=now)


def have_keys(session: Session, pair: BranchPair, *, now: datetime) -> None:
    """From now on each side believes what the other signs."""
    for side in (pair.low_id, pair.high_id):
        have_key(session, pair, side, now=now)


def end_keys(session: Session, pair: BranchPair, branch_ids: set[int], *, until: datetime) -> None:
    """Let keys be believed no longer than this; one that ends sooner keeps its end."""
    mine = (PairKey.pair_id == pair.id, PairKey.branch_id.in_(branch_ids))
    for key in session.scalars(select(PairKey).where(*mine)):
        if key.accepted_until is None or key.accepted_until > until:
            key.accepted_until = until
    session.flush()


def sign(session: Session, pair: BranchPair, branch_id: int, content_hash: str, *, now: datetime) -> Signed:
    """Sign a content for a branch, with a new nonce. Raises KeyLost where the secret is not the one of its key."""
    key = have_key(session, pair, branch_id, now=now)
    private = _private(session, pair.id, branch_id, key.generation)
    if private.public_key().public_bytes_raw().hex() != key.public:
        raise KeyLost(branch=(pair.low if branch_id == pair.low_id else pair.high).name)
    bare = Signed(key=key.fingerprint, nonce=secrets.token_hex(_NONCE_BYTES), sent_at=now)
    return Signed(
        key=bare.key, nonce=bare.nonce, sent_at=bare.sent_at, value=private.sign(bare.text(content_hash)).hex()
    )


def doubt(
    session: Session, pair: BranchPair, branch_id: int, content_hash: str, signed: Signed, *, now: datetime
) -> str | None:
    """Why a branch is not believed to have sent this just now; None where it is."""
    key = find_key(session, pair, branch_id, signed.key)
    if key is None:
        return UNKNOWN_KEY
    if not _is_genuine(key, signed, content_hash):
        return FORGED
    if key.accepted_until is not None and key.accepted_until <= now:
        return KEY_ENDED
    if signed.sent_at < now - rules.SENT_WITHIN:
        return STALE
    return EARLY if signed.sent_at > now + rules.SENT_AHEAD else None


def is_first_use(session: Session, branch_id: int, content_hash: str, signed: Signed) -> bool:
    """Remember the nonce; False where it stood for another content before."""
    row = {"from_id": branch_id, "nonce": signed.nonce, "hash": content_hash, "sent_at": signed.sent_at}
    fresh = insert_once(session, ClearingNonce).values(row).returning(ClearingNonce.nonce)
    if session.scalar(fresh) is not None:
        return True
    mine = (ClearingNonce.from_id == branch_id, ClearingNonce.nonce == signed.nonce)
    return session.scalar(select(ClearingNonce.hash).where(*mine)) == content_hash


def forget_nonces(session: Session, *, now: datetime) -> None:
    """Let go of nonces whose messages would be refused for their age anyway."""
    session.execute(delete(ClearingNonce).where(ClearingNonce.sent_at < now - rules.NONCES_KEPT))


def _private(session: Session, pair_id: int, branch_id: int, generation: int) -> Ed25519PrivateKey:
    return keys_of(session).signer(f"clearing/{pair_id}/{branch_id}/g{generation}")


def _is_genuine(key: PairKey, signed: Signed, content_hash: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public)).verify(
            bytes.fromhex(signed.value), signed.text(content_hash)
        )
    except (InvalidSignature, ValueError):  # the second: no hexadecimal number at all
        return False
    return True
