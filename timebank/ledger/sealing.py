"""The seal of a closed month: SHA-256 over its canonical rows and the seal before, signed with Ed25519 (RFC 8032).

A room of its own because closing (service) and checking (queries) must read exactly the same rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from cryptography.hazmat.primitives import serialization
from sqlalchemy import Row, select
from sqlalchemy.orm import Session, aliased

from timebank.core.keys import Keys
from timebank.ledger.models import Account, Book, Entry, Period, Seal, Transfer
from timebank.ledger.rules import canonical

_BATCH = 2_000
Line = tuple[int, str, str, str, int]  # a transfer as the seal reads it: seq, unit, debit, credit, amount


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a seal says about a period: how much there is in it, control totals per unit, and the hash over it all."""

    entry_count: int
    transfer_count: int
    totals: dict[str, int]
    hash: str


def period_rows(session: Session, period_id: int) -> Iterator[tuple[Row[*tuple[Any, ...]], list[Line]]]:
    """Each entry of a period, in id order, with its transfers as ``(seq, unit, debit, credit, amount)``.

    An entry's number is its place in this order, from 1: free of gaps by construction.
    """
    debit, credit = aliased(Account), aliased(Account)
    rows = session.execute(
        select(
            Entry.id, Entry.kind, Entry.key, Entry.source_type, Entry.source_id, Entry.actor_id, Entry.for_member_id,
            Entry.occurred_at, Entry.posted_at, Entry.reverses_id, Entry.rule, Entry.facts,
            Transfer.seq, Transfer.unit, debit.code.label("debit"), credit.code.label("credit"), Transfer.amount,
        )
        .join(Transfer, Transfer.entry_id == Entry.id)
        .join(debit, debit.id == Transfer.debit_id)
        .join(credit, credit.id == Transfer.credit_id)
        .where(Entry.period_id == period_id)
        .order_by(Entry.id, Transfer.seq)
        .execution_options(yield_per=_BATCH)
    )  # fmt: skip
    for _, group in groupby(rows, key=lambda row: row.id):
        entry = list(group)
        yield entry[0], [(row.seq, row.unit, row.debit, row.credit, row.amount) for row in entry]


def seal_row(
    session: Session, period: Period, previous_hash: str | None, *, keys: Keys, now: datetime
) -> dict[str, Any]:
    """The seal of a period as it stands, ready to be kept."""
    sealed = contents(session, period, previous_hash)
    key = keys.signing_key()
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return asdict(sealed) | {
        "period_id": period.id,
        "book_id": period.book_id,
        "previous_hash": previous_hash,
        "signature": key.sign(bytes.fromhex(sealed.hash)).hex(),
        "public_key": public.hex(),
        "sealed_at": now,
    }


def seal_head(book_code: str, month: str, previous_hash: str | None) -> bytes:
    """What the digest of a month begins with: which books, which month, which seal before."""
    return canonical(["timebank-seal-1", book_code, month, previous_hash])


def seal_line(number: int, e: Row[*tuple[Any, ...]], transfers: list[Line]) -> bytes:
    """One entry as the digest reads it: a row of ``period_rows`` with its number."""
    return canonical([
        number, e.kind, e.key, e.source_type, e.source_id, e.actor_id, e.for_member_id,
        e.occurred_at, e.posted_at, e.reverses_id, e.rule, e.facts, transfers,
    ])  # fmt: skip


def chain_head(session: Session, book_id: int) -> str | None:
    """The hash of the book's newest seal; None before the first."""
    return session.scalar(
        select(Seal.hash)
        .join(Period, Period.id == Seal.period_id)
        .where(Seal.book_id == book_id)
        .order_by(Period.month.desc())
        .limit(1)
    )


def contents(session: Session, period: Period, previous_hash: str | None) -> Contents:
    """What a period holds now, to be sealed or to be held against its seal."""
    book = session.get_one(Book, period.book_id)
    digest = hashlib.sha256(seal_head(book.code, period.month, previous_hash))
    entries, lines, totals = 0, 0, Counter[str]()
    for entries, (entry, transfers) in enumerate(period_rows(session, period.id), start=1):
        digest.update(seal_line(entries, entry, transfers))
        lines += len(transfers)
        for _, unit, _, _, amount in transfers:
            totals[unit] += amount
    return Contents(
        entry_count=entries, transfer_count=lines, totals=dict(sorted(totals.items())), hash=digest.hexdigest()
    )
