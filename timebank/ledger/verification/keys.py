"""Keys: none twice, and what was written under each is still what it was written for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from timebank.ledger.models import Entry, Hold, Transfer
from timebank.ledger.rules import EntryDraft, TransferDraft, content_hash, hold_hash
from timebank.ledger.verification.check import Rows

_BATCH = 5_000


def keys(session: Session, book_id: int) -> Rows:
    """No key stands twice, and the hash beside each key is that of the entry or hold it stands with.

    An entry that lacks transfers cannot be recomputed; ``complete`` names it.
    """
    yield from _twice(session, book_id)
    yield from _entries(session, book_id)
    yield from _holds(session, book_id)


def _twice(session: Session, book_id: int) -> Rows:
    for table, word in ((Entry, "entry"), (Hold, "hold")):
        again = select(table.key).where(table.book_id == book_id).group_by(table.key).having(func.count() > 1)
        rows = session.execute(
            select(table.id, table.key).where(table.book_id == book_id, table.key.in_(again)).order_by(table.id)
        )
        for row_id, key in rows:
            yield f"{word} {row_id}", f"凭号 {key} 用了不止一次。"


def _entries(session: Session, book_id: int) -> Rows:
    rows = session.execute(
        select(
            Entry.id, Entry.book_id, Entry.content_hash, Entry.transfer_count, Entry.kind, Entry.key, Entry.source_type,
            Entry.source_id, Entry.occurred_at, Entry.reverses_id,
            Transfer.debit_id, Transfer.credit_id, Transfer.amount, Transfer.unit,
        )
        .join(Transfer, Transfer.entry_id == Entry.id)
        .where(Entry.book_id == book_id)
        .order_by(Entry.id, Transfer.seq)
        .execution_options(yield_per=_BATCH)
    )  # fmt: skip
    for entry_id, group in groupby(rows, key=lambda row: row.id):
        found = list(group)
        if len(found) == found[0].transfer_count and found[0].content_hash != content_hash(_draft(found)):
            yield f"entry {entry_id}", "内容与凭号旁的校验值不符：记账以后改过。"


def _draft(rows: Sequence[Row[*tuple[Any, ...]]]) -> EntryDraft:
    """The draft that an entry's rows must have been booked from."""
    entry = rows[0]
    return EntryDraft(
        book_id=entry.book_id,
        kind=entry.kind,
        key=entry.key,
        transfers=tuple(
            TransferDraft(debit_id=row.debit_id, credit_id=row.credit_id, amount=row.amount, unit=row.unit)
            for row in rows
        ),
        source_type=entry.source_type,
        source_id=entry.source_id,
        occurred_at=entry.occurred_at,
        actor_id=None,
        reverses_id=entry.reverses_id,
    )


def _holds(session: Session, book_id: int) -> Rows:
    rows = session.execute(
        select(Hold.id, Hold.content_hash, Hold.account_id, Hold.amount, Hold.source_type, Hold.source_id)
        .where(Hold.book_id == book_id)
        .order_by(Hold.id)
        .execution_options(yield_per=_BATCH)
    )
    for hold_id, kept, account_id, amount, source_type, source_id in rows:
        if kept != hold_hash(account_id, amount, source_type, source_id):
            yield f"hold {hold_id}", "内容与凭号旁的校验值不符：冻结以后改过。"
