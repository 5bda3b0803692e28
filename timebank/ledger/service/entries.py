"""Posting entries, one or thousands, and reversing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

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

# Both built once, which spares SQLAlchemy walking them at every posting.
_ENTRY = cast(Table, Entry.__table__)
_ADD_TRANSFERS = insert(cast(Table, Transfer.__table__))


@cache
def _add_entries(dialect: str) -> ReturningInsert[int, str]:
    """Insert what is new and answer with ids and keys; a row under a known key or a second reversal is passed over."""
    into = postgresql.insert(_ENTRY) if dialect == "postgresql" else sqlite.insert(_ENTRY)
    return into.on_conflict_do_nothing().returning(_ENTRY.c.id, _ENTRY.c.key)


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
    ids: dict[tuple[int, str], int] = {}
    fresh: list[EntryDraft] = []
    for book_id, entries in _by_book(drafts).items():
        inserted = _insert_entries(session, book_id, entries, now)
        if inserted:
            fresh += entries
        ids |= inserted or _first_answers(session, book_id, entries)
    if fresh and len(fresh) != len(drafts):
        raise KeyReused()  # part of the batch was booked before: never guess which half was meant
    if fresh:
        connection = session.connection()
        apply_changes(connection, _changes(fresh, released or {}))
        _insert_transfers(connection, fresh, ids)
    return [Posted(ids[draft.book_id, draft.key], repeated=not fresh) for draft in drafts]


def _by_book(drafts: Sequence[EntryDraft]) -> dict[int, list[EntryDraft]]:
    """The drafts of each book in the order given; books in id order, so that no two postings wait for each other."""
    books: dict[int, list[EntryDraft]] = {draft.book_id: [] for draft in sorted(drafts, key=lambda d: d.book_id)}
    for draft in drafts:
        books[draft.book_id].append(draft)
    return books


def _changes(drafts: Iterable[EntryDraft], released: Mapping[int, Change]) -> dict[int, Change]:
    changes = changes_of(drafts)
    for account_id, release in released.items():
        changes.setdefault(account_id, Change()).held += release.held
    return changes


def _insert_entries(
    session: Session, book_id: int, drafts: Sequence[EntryDraft], now: datetime
) -> dict[tuple[int, str], int]:
    """The new ids by book and key; none when every key was there before. Raises KeyReused when some were."""
    if len({draft.key for draft in drafts}) != len(drafts):
        raise KeyReused()
    period_id = open_period(session, book_id, now=now)
    rows = [_entry_row(draft, period_id, now) for draft in drafts]
    connection = session.connection()
    answer = connection.execute(_add_entries(connection.dialect.name), _one_or_many(rows))
    ids = {(book_id, key): entry_id for entry_id, key in answer}
    if ids and len(ids) != len(rows):
        raise KeyReused()
    return ids


def _first_answers(session: Session, book_id: int, drafts: Sequence[EntryDraft]) -> dict[tuple[int, str], int]:
    wanted = {draft.key: content_hash(draft) for draft in drafts}
    found = session.execute(
        select(Entry.key, Entry.id, Entry.content_hash).where(Entry.book_id == book_id, Entry.key.in_(wanted))
    ).all()
    if any(row.content_hash != wanted[row.key] for row in found):
        raise KeyReused()
    if len(found) != len(wanted):
        raise AlreadyReversed()  # no key stood in the way, so it was the one reversal an entry may have
    return {(book_id, row.key): row.id for row in found}


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


def _insert_transfers(connection: Connection, drafts: Iterable[EntryDraft], ids: Mapping[tuple[int, str], int]) -> None:
    rows = [
        {
            "entry_id": ids[draft.book_id, draft.key],
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
    connection.execute(_ADD_TRANSFERS, _one_or_many(rows))


def _one_or_many(rows: list[dict[str, Any]]) -> list[dict[str, Any]] | dict[str, Any]:
    """A row alone goes SQLAlchemy's short way."""
    return rows if len(rows) > 1 else rows[0]


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
