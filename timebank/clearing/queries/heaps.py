"""What each side says of a pair, from its own book, outbox and inbox alone; and what does not agree, item by item."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.clearing.models import (
    IN_FLIGHT,
    BranchPair,
    ClearingMessage,
    ClearingReceipt,
    PairItem,
    PairSummary,
    Proposal,
)
from timebank.clearing.queries.statements import list_lines, undone_by
from timebank.clearing.rules import canonical, digest
from timebank.clearing.rules.heaps import HEAPS, OpenLine, SideSays
from timebank.core import clock
from timebank.core.errors import NotFound
from timebank.ledger import queries as ledger


class ItemNotFound(NotFound):
    """No such difference."""

    code = "clearing.item_not_found"
    text = "没有找到这一项差异。"


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryView:
    """What a side says tonight: the text that it would send, and the same item by item."""

    content: str
    says: SideSays

    @property
    def hash(self) -> str:
        """Of what would be sent."""
        return digest(self.content)


def draw_summary(session: Session, pair: BranchPair, *, branch_id: int, now: datetime) -> SummaryView:
    """Last numbers and hashes, counts, sums, what is open, the balance: as a branch on a server of its own knows them.

    Its book is told from the low branch, as a statement is, so that both sides' hashes are equal where they agree.
    """
    sign = 1 if branch_id == pair.low_id else -1
    account_id, peer_id = pair.account_of(branch_id), pair.other_of(branch_id)
    lines = list(list_lines(session, account_id))
    entries = {line.entry_id: line for line in lines}
    booked: dict[str, int] = defaultdict(int)
    amounts: dict[int, int] = defaultdict(int)  # one side may book in parts what the other books in one
    for line in lines:
        booked[_uid_of(_first_of(line, entries))] += sign * line.amount
        amounts[line.entry_id] += line.amount
    opened = _open_lines(session, pair, branch_id, sign)
    items = sorted((uid, minutes) for uid, minutes in booked.items() if minutes)
    fields = {
        "branch": pair.peer_of(peer_id).code,
        "peer": pair.peer_of(branch_id).code,
        "night": clock.today(now).isoformat(),
        "unit": "coin",
        "balance": ledger.balance(session, account_id),
        "book": {"count": len(items), "hash": digest(canonical({"items": items})), "sum": sum(m for _, m in items)},
        "sent": _sent(session, branch_id, peer_id),
        "received": _received(session, peer_id, branch_id, amounts),
        "open": [
            [one.uid, "pays" if one.pays else "takes", one.status, one.minutes, one.since.isoformat()]
            for one in sorted(opened.values(), key=lambda one: one.uid)
        ],
    }
    return SummaryView(content=canonical(fields), says=SideSays(booked=dict(booked), open=opened))


def _first_of(line: ledger.StatementLine, entries: Mapping[int, ledger.StatementLine]) -> ledger.StatementLine:
    """What undoes an entry, or takes the place of one, belongs to the entry that it undoes or replaces."""
    before = entries.get(undone_by(line) or int(line.facts.get("replaces") or 0))
    return _first_of(before, entries) if before is not None else line


def _uid_of(line: ledger.StatementLine) -> str:
    """By what both sides know a movement: its proposal, or (a netting) its document."""
    named = line.facts.get("proposal")
    return str(named) if named else f"{line.source_type}:{line.source_id or ''}"


def _sent(session: Session, from_id: int, to_id: int) -> dict[str, Any]:
    """The outbox: only what was committed is counted and chained."""
    rows = session.execute(
        select(ClearingMessage.number, ClearingMessage.hash, ClearingMessage.content)
        .where(ClearingMessage.from_id == from_id, ClearingMessage.to_id == to_id, ClearingMessage.number.is_not(None))
        .order_by(ClearingMessage.number)
    ).all()
    return _counted(rows, sum(_minutes_in(row.content) for row in rows))


def _minutes_in(content: str) -> int:
    """What a message is about; a damaged one counts for nothing here, it is a case as a broken chain."""
    try:
        return int(json.loads(content)["minutes"])
    except (ValueError, TypeError, KeyError):
        return 0


def _received(session: Session, from_id: int, to_id: int, amounts: Mapping[int, int]) -> dict[str, Any]:
    """The inbox, and what this side's book has for it."""
    rows = session.execute(
        select(ClearingReceipt.number, ClearingReceipt.hash, Proposal.payee_entry_id)
        .outerjoin(Proposal, (Proposal.uid == ClearingReceipt.uid) & (Proposal.payee_id == to_id))
        .where(ClearingReceipt.from_id == from_id, ClearingReceipt.to_id == to_id, ClearingReceipt.number.is_not(None))
        .order_by(ClearingReceipt.number)
    ).all()
    return _counted(rows, sum(abs(amounts.get(row.payee_entry_id or 0, 0)) for row in rows))


def _counted(rows: Sequence[Any], minutes: int) -> dict[str, Any]:
    last = rows[-1] if rows else None
    return {
        "number": last.number if last is not None else 0,
        "hash": last.hash if last is not None else None,
        "count": len(rows),
        "sum": minutes,
    }


def _open_lines(session: Session, pair: BranchPair, branch_id: int, sign: int) -> dict[str, OpenLine]:
    """What a branch has set aside or paid and not seen the end of; for what it would be owed, space on its line."""
    peer_id = pair.other_of(branch_id)
    pays = session.scalars(
        select(Proposal).where(
            Proposal.payer_id == branch_id, Proposal.payee_id == peer_id, Proposal.status.in_(IN_FLIGHT)
        )
    )
    found = {
        one.uid: OpenLine(
            uid=one.uid,
            pays=True,
            status=one.status,
            minutes=sign * (one.settled_minutes or one.amount_minutes),
            since=one.committed_at or one.reserved_at,
            until=one.expires_at,
        )
        for one in pays
    }
    space = {hold.id: hold for hold in ledger.list_open_holds(session, account_id=pair.account_of(branch_id))}
    takes = session.scalars(select(Proposal).where(Proposal.line_hold_id.in_(space)))
    return found | {
        one.uid: OpenLine(
            uid=one.uid,
            pays=False,
            status="held",
            minutes=-sign * space[one.line_hold_id or 0].amount,
            since=space[one.line_hold_id or 0].placed_at,
            until=space[one.line_hold_id or 0].expires_at,
        )
        for one in takes
    }


def find_summary(session: Session, pair_id: int, branch_id: int) -> PairSummary | None:
    """What a side said last."""
    chosen = select(PairSummary).where(PairSummary.pair_id == pair_id, PairSummary.branch_id == branch_id)
    return session.scalars(chosen.order_by(PairSummary.id.desc()).limit(1)).one_or_none()


# --- items ---------------------------------------------------------------------------------------------------------


def get_item(session: Session, item_id: int, *, lock: bool = False) -> PairItem:
    """The item. Raises ItemNotFound."""
    item = session.get(PairItem, item_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock)
    if item is None:
        raise ItemNotFound()
    return item


def list_open_items(session: Session, pair_id: int) -> Sequence[PairItem]:
    """What of a pair does not agree, by heap, the oldest first."""
    chosen = select(PairItem).where(PairItem.pair_id == pair_id, PairItem.settled_at.is_(None))
    items = session.scalars(chosen.order_by(PairItem.first_seen_at, PairItem.id)).all()
    return sorted(items, key=lambda item: HEAPS.index(item.heap))


def list_case_items(session: Session, case_id: int) -> Sequence[PairItem]:
    """What belongs to a case and does not agree yet."""
    chosen = select(PairItem).where(PairItem.case_id == case_id, PairItem.settled_at.is_(None))
    return session.scalars(chosen.order_by(PairItem.id)).all()


def list_settled_items(session: Session, pair_id: int, *, at_most: int = 50) -> Sequence[PairItem]:
    """What was settled, the newest first."""
    chosen = select(PairItem).where(PairItem.pair_id == pair_id, PairItem.settled_at.is_not(None))
    return session.scalars(chosen.order_by(PairItem.settled_at.desc(), PairItem.id.desc()).limit(at_most)).all()


def find_last_item(session: Session, pair_id: int, uid: str) -> PairItem | None:
    """What was last found about a proposal."""
    chosen = select(PairItem).where(PairItem.pair_id == pair_id, PairItem.uid == uid)
    return session.scalars(chosen.order_by(PairItem.id.desc()).limit(1)).one_or_none()


def list_items_at(session: Session, branch_id: int) -> Sequence[PairItem]:
    """What does not agree between a branch and any other, the oldest first."""
    chosen = (
        select(PairItem)
        .join(BranchPair, BranchPair.id == PairItem.pair_id)
        .where(or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id), PairItem.settled_at.is_(None))
        .options(joinedload(PairItem.pair).joinedload(BranchPair.low))
        .options(joinedload(PairItem.pair).joinedload(BranchPair.high))
    )
    return session.scalars(chosen.order_by(PairItem.first_seen_at, PairItem.id)).all()


def count_items(session: Session, branch_id: int) -> int:
    """How many differences a branch has to act on."""
    return session.scalar(select(func.count()).where(_owned_by(branch_id))) or 0


def oldest_item(session: Session, branch_id: int) -> datetime | None:
    """Since when the oldest of them is known."""
    return session.scalar(select(func.min(PairItem.first_seen_at)).where(_owned_by(branch_id)))


def _owned_by(branch_id: int) -> ColumnElement[bool]:
    return (PairItem.owner_id == branch_id) & PairItem.settled_at.is_(None)
