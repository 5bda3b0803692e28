"""The keys that two branches sign with, as one of them sees both: fingerprints to compare, since when, until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing import queries
from timebank.clearing.models import PairKey
from timebank.clearing.views.base import Side


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    """A key as both managers read it to each other, in two halves; ``until`` None: in use."""

    ours: bool
    whose: str
    generation: int
    fingerprint: tuple[str, str]
    since: datetime
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class KeysView:
    """Every key that counts, ours first; what our next one is called, and how many payments are under way."""

    rows: Sequence[KeyRow]
    generation: int
    under_way: int


def keys_view(session: Session, side: Side, now: datetime) -> KeysView:
    """The keys of a pair at an instant."""
    rows = [_row(side, one) for one in queries.list_keys(session, side.pair.id, at=now)]
    ours = [one.generation for one in rows if one.ours]
    return KeysView(
        rows=sorted(rows, key=lambda one: (not one.ours, -one.generation)),
        generation=max(ours, default=0),
        under_way=len(queries.list_in_flight(session, side.pair)),
    )


def _row(side: Side, key: PairKey) -> KeyRow:
    ours = key.branch_id == side.branch.id
    groups = [key.fingerprint[at : at + 4] for at in range(0, len(key.fingerprint), 4)]
    return KeyRow(
        ours=ours,
        whose=(side.branch if ours else side.peer).name,
        generation=key.generation,
        fingerprint=(" ".join(groups[:4]), " ".join(groups[4:])),
        since=key.from_at,
        until=key.accepted_until,
    )
