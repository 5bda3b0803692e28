"""Seals as people hold them in hand: which month one is of, and which keys signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.ledger.models import Period, Seal


@dataclass(frozen=True, kw_only=True, slots=True)
class SealView:
    """A seal: whose books, which month, when, over how much."""

    book_id: int
    month: str
    hash: str
    previous_hash: str | None
    sealed_at: datetime
    entries: int
    totals: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A public key that signed seals here: from when to when, and how many."""

    public_key: str
    first_at: datetime
    last_at: datetime
    seals: int


def find_seal(session: Session, seal_hash: str) -> SealView | None:
    """The seal with this hash, in any book."""
    row = session.execute(
        select(Seal, Period.month).join(Period, Period.id == Seal.period_id).where(Seal.hash == seal_hash).limit(1)
    ).one_or_none()
    if row is None:
        return None
    seal, month = row
    return SealView(
        book_id=seal.book_id,
        month=month,
        hash=seal.hash,
        previous_hash=seal.previous_hash,
        sealed_at=seal.sealed_at,
        entries=seal.entry_count,
        totals=seal.totals,
    )


def list_signing_keys(session: Session) -> list[SigningKey]:
    """Every key that ever signed a seal here, the newest first."""
    rows = session.execute(
        select(Seal.public_key, func.min(Seal.sealed_at), func.max(Seal.sealed_at), func.count())
        .group_by(Seal.public_key)
        .order_by(func.max(Seal.sealed_at).desc())
    )
    return [SigningKey(public_key=key, first_at=first, last_at=last, seals=count) for key, first, last, count in rows]
