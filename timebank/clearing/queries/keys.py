"""Reads about the keys that branches sign their messages with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from timebank.clearing.models import FROZEN, OPEN, BranchPair, PairKey


def find_key(session: Session, pair: BranchPair, branch_id: int, fingerprint: str) -> PairKey | None:
    """The key of a branch in a pair that a message names."""
    mine = (PairKey.pair_id == pair.id, PairKey.branch_id == branch_id)
    return session.scalars(select(PairKey).where(*mine, PairKey.fingerprint == fingerprint)).one_or_none()


def newest_key(session: Session, pair: BranchPair, branch_id: int) -> PairKey | None:
    """The last key that a branch made in a pair, whether it still signs with it or not."""
    mine = (PairKey.pair_id == pair.id, PairKey.branch_id == branch_id)
    chosen = select(PairKey).where(*mine).order_by(PairKey.generation.desc()).limit(1)
    return session.scalars(chosen).one_or_none()


def list_keys(session: Session, pair_id: int, *, at: datetime) -> Sequence[PairKey]:
    """Both branches' keys that count at an instant, the newest first."""
    counts = or_(PairKey.accepted_until.is_(None), PairKey.accepted_until > at)
    chosen = select(PairKey).where(PairKey.pair_id == pair_id, counts)
    return session.scalars(chosen.order_by(PairKey.generation.desc(), PairKey.branch_id)).all()


def list_old_keys(session: Session, *, before: datetime) -> Sequence[PairKey]:
    """Keys in use since before an instant, in pairs that are not parted, in the order of their pairs."""
    chosen = (
        select(PairKey)
        .join(BranchPair, BranchPair.id == PairKey.pair_id)
        .where(PairKey.accepted_until.is_(None), PairKey.from_at <= before, BranchPair.status.in_((OPEN, FROZEN)))
    )
    return session.scalars(chosen.order_by(PairKey.pair_id, PairKey.branch_id)).all()
