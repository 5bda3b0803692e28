"""The statements with other branches that were sealed since the close before, each as it was sealed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from timebank.archives.package.sources import Sources
from timebank.clearing.queries import list_sealed
from timebank.core import clock
from timebank.core.minutes import coins
from timebank.ledger import queries as ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A statement in the package. The SHA-256 of its file is its hash, the same in the other branch's package."""

    peer: str
    month: str
    file: str
    hash: str
    previous_hash: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PairWords:
    """The same for a reader: who owed whom at both ends of the month."""

    peer: str
    month: str
    opening: str
    closing: str
    hash: str


def write_statements(sources: Sources) -> tuple[list[dict[str, Any]], list[PairWords]]:
    """Write each statement's file; returns what the manifest and what the summary says of them."""
    branch, month = sources.branch, sources.period.month
    before = ledger.find_period(sources.session, branch.id, clock.previous_month(month))
    since = before.closed_at if before is not None else None
    listed, told = [], []
    for one in list_sealed(sources.session, branch.id, after=since, until=sources.closed_at):
        peer = one.pair.peer_of(branch.id)
        name = f"clearing-{peer.code}-{one.month}.json"
        (sources.folder / name).write_text(one.content, encoding="utf-8", newline="")
        statement = Statement(
            peer=peer.code, month=one.month, file=name, hash=one.hash, previous_hash=one.previous_hash
        )
        listed.append(asdict(statement))
        low = one.pair.low_id == branch.id
        fields, sign = json.loads(one.content), 1 if low else -1
        fields = fields.get("by_low" if low else "by_high", fields)  # where the books differ, each side's own version
        told.append(
            PairWords(
                peer=peer.name,
                month=one.month,
                opening=_owed(sign * fields["opening"]),
                closing=_owed(sign * fields["closing"]),
                hash=one.hash,
            )
        )
    return listed, told


def _owed(minutes: int) -> str:
    """``minutes`` is what this branch owes the other one."""
    if not minutes:
        return "两清"
    return f"我方欠 {coins(minutes)}" if minutes > 0 else f"对方欠 {coins(-minutes)}"
