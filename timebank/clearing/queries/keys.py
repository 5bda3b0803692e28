"""Reads about the keys that branches sign their messages with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.branches.models import Branch
from timebank.clearing.models import FROZEN, OPEN, BranchPair, PairKey

# Written once: two of them are asked for each message.
_MINE = select(PairKey).where(PairKey.pair_id == bindparam("pair"), PairKey.branch_id == bindparam("branch"))
_NAMED = _MINE.where(PairKey.fingerprint == bindparam("fingerprint"))
_NEWEST = _MINE.order_by(PairKey.generation.desc()).limit(1)


def find_key(session: Session, pair: BranchPair, branch_id: int, fingerprint: str) -> PairKey | None:
    """The key of a branch in a pair that a message names."""
    named = {"pair": pair.id, "branch": branch_id, "fingerprint": fingerprint}
    return session.scalars(_NAMED, named).one_or_none()


def newest_key(session: Session, pair: BranchPair, branch_id: int) -> PairKey | None:
    """The last key that a branch made in a pair, whether it still signs with it or not."""
    return session.scalars(_NEWEST, {"pair": pair.id, "branch": branch_id}).one_or_none()


def list_keys(session: Session, pair_id: int, *, at: datetime) -> Sequence[PairKey]:
    """Both branches' keys that count at an instant, the newest first."""
    chosen = select(PairKey).where(PairKey.pair_id == pair_id, _counts(at))
    return session.scalars(chosen.order_by(PairKey.generation.desc(), PairKey.branch_id)).all()


def list_all_keys(session: Session, *, at: datetime) -> Sequence[tuple[BranchPair, Branch, PairKey]]:
    """Every key that counts at an instant with its pair and branch, pair by pair, the newest first."""
    rows = session.execute(
        select(BranchPair, Branch, PairKey)
        .join_from(PairKey, BranchPair, BranchPair.id == PairKey.pair_id)
        .join(Branch, Branch.id == PairKey.branch_id)
        .where(_counts(at))
        .order_by(PairKey.pair_id, PairKey.branch_id, PairKey.generation.desc())
        .options(joinedload(BranchPair.low), joinedload(BranchPair.high))
    )
    return [(row[0], row[1], row[2]) for row in rows]


def _counts(at: datetime) -> ColumnElement[bool]:
    return or_(PairKey.accepted_until.is_(None), PairKey.accepted_until > at)


def list_old_keys(session: Session, *, before: datetime) -> Sequence[PairKey]:
    """Keys in use since before an instant, in pairs that are not parted, in the order in which all take pairs."""
    chosen = (
        select(PairKey)
        .join(BranchPair, BranchPair.id == PairKey.pair_id)
        .where(PairKey.accepted_until.is_(None), PairKey.from_at <= before, BranchPair.status.in_((OPEN, FROZEN)))
    )
    return session.scalars(chosen.order_by(BranchPair.low_id, BranchPair.high_id, PairKey.branch_id)).all()
