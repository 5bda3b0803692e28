"""Posting entries, one or thousands, and reversing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from timebank.core.db import insert_once
from timebank.core.errors import Conflict, NotFound
from timebank.ledger.models import Entry, Transfer
from timebank.ledger.rules import (
    Change,
    EntryDraft,
    TransferDraft,
    changes_of,
    check_draft,
    content_hash,
    reversed_transfers,
)
from timebank.ledger.service.accounts import apply_changes
from timebank.ledger.service.periods import open_period


class EntryNotFound(NotFound):
    """No such entry."""

    code = "ledger.entry_not_found"
    text = "没有找到这笔分录。"


class KeyReused(Conflict):
    """The key was used before, for something else."""

    code = "ledger.key_reused"
    text = "这个编号已经记过另一笔账，没有重复记。请刷新页面再看一看。"


class AlreadyReversed(Conflict):
    """The entry was reversed before."""

    code = "ledger.already_reversed"
    text = "这笔分录已经冲正过，不能再冲正一次。"


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry under a key; ``repeated`` when it had been posted before."""

    entry_id: int
    repeated: bool


def post(session: Session, draft: EntryDraft, *, now: datetime) -> Posted:
    """Book one entry in the month that is open at ``now``. A repeat with the same key and content returns the first.

    Raises BadAmount, SameAccount, NoTransfers, NotEnough, AccountClosed, KeyReused.
    """
    return post_many(session, [draft], now=now)[0]


def post_many(session: Session, drafts: Sequence[EntryDraft], *, now: datetime) -> list[Posted]:
    """Book many entries in a few statements, all or nothing, in the order given. See ``post`` for the refusals."""
    return book(session, drafts, now=now)


def book(
    session: Session, drafts: Sequence[EntryDraft], *, now: datetime, released: Mapping[int, Change] | None = None
) -> list[Posted]:
    """``post_many``, together with held amounts that are ``released`` in the same guarded update."""
    for draft in drafts:
        check_draft(draft)
    posted: dict[tuple[int, str], Posted] = {}
    fresh: list[EntryDraft] = []
    for book_id, group in groupby(sorted(drafts, key=lambda d: d.book_id), key=lambda d: d.book_id):
        entries = list(group)
        ids, repeated = _insert_entries(session, book_id, entries, now)
        posted |= {(book_id, key): Posted(entry_id, repeated) for key, entry_id in ids.items()}
        if not repeated:
            fresh += entries
    if fresh:
        _insert_transfers(session, fresh, posted)
        changes = changes_of(fresh)
        for account_id, release in (released or {}).items():
            changes.setdefault(account_id, Change()).held += release.held
        apply_changes(session, changes)
    return [posted[draft.book_id, draft.key] for draft in drafts]


def _insert_entries(
    session: Session, book_id: int, drafts: Sequence[EntryDraft], now: datetime
) -> tuple[dict[str, int], bool]:
    period_id = open_period(session, book_id, now=now)
    rows = [_entry_row(draft, period_id, now) for draft in drafts]
    wanted = {row["key"]: row["content_hash"] for row in rows}
    if len(wanted) != len(rows):
        raise KeyReused()
    statement = insert_once(session, Entry).returning(Entry.id, Entry.key)
    ids = {key: entry_id for entry_id, key in session.execute(statement, rows)}
    if len(ids) == len(rows):
        return ids, False
    if ids:
        raise KeyReused()  # part of the batch was booked before: never guess which half was meant
    return _first_answers(session, book_id, wanted), True


def _first_answers(session: Session, book_id: int, wanted: dict[str, str]) -> dict[str, int]:
    found = session.execute(
        select(Entry.key, Entry.id, Entry.content_hash).where(Entry.book_id == book_id, Entry.key.in_(wanted))
    ).all()
    if len(found) != len(wanted):
        raise AlreadyReversed()  # no key stood in the way, so it was the one reversal an entry may have
    if any(row.content_hash != wanted[row.key] for row in found):
        raise KeyReused()
    return {row.key: row.id for row in found}


def _entry_row(draft: EntryDraft, period_id: int, now: datetime) -> dict[str, Any]:
    return {
        "book_id": draft.book_id,
        "period_id": period_id,
        "kind": draft.kind,
        "key": draft.key,
        "content_hash": content_hash(draft),
        "transfer_count": len(draft.transfers),
        "source_type": draft.source_type,
        "source_id": draft.source_id,
        "actor_id": draft.actor_id,
        "for_member_id": draft.for_member_id,
        "occurred_at": draft.occurred_at,
        "posted_at": now,
        "reverses_id": draft.reverses_id,
        "rule": draft.rule,
        "facts": dict(draft.facts),
    }


def _insert_transfers(session: Session, drafts: Iterable[EntryDraft], posted: dict[tuple[int, str], Posted]) -> None:
    rows = [
        {
            "entry_id": posted[draft.book_id, draft.key].entry_id,
            "seq": seq,
            "book_id": draft.book_id,
            "unit": transfer.unit,
            "debit_id": transfer.debit_id,
            "credit_id": transfer.credit_id,
            "amount": transfer.amount,
        }
        for draft in drafts
        for seq, transfer in enumerate(draft.transfers, start=1)
    ]
    session.execute(insert(Transfer), rows)


def reverse(session: Session, entry_id: int, *, key: str, reason: str, actor_id: int | None, now: datetime) -> Posted:
    """Book the opposite of an entry, naming it. Raises AlreadyReversed, and NotEnough where it was spent meanwhile."""
    entry = session.get(Entry, entry_id)
    if entry is None:
        raise EntryNotFound()
    transfers = tuple(
        TransferDraft(debit_id=t.debit_id, credit_id=t.credit_id, amount=t.amount, unit=t.unit) for t in entry.transfers
    )
    draft = EntryDraft(
        book_id=entry.book_id,
        kind=entry.kind if entry.kind == "inter_branch" else "reverse",
        key=key,
        transfers=reversed_transfers(transfers),
        source_type=entry.source_type,
        source_id=entry.source_id,
        occurred_at=now,
        actor_id=actor_id,
        for_member_id=entry.for_member_id,
        reverses_id=entry.id,
        rule=entry.rule,
        facts={"reason": reason},
    )
    return post(session, draft, now=now)
