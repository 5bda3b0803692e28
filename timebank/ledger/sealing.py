"""The seal of a closed month: SHA-256 over its canonical rows and the seal before, signed with Ed25519 (RFC 8032).

A room of its own because closing (service) and checking (queries) must read exactly the same rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from cryptography.hazmat.primitives import serialization
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from timebank.core.keys import Keys
from timebank.ledger.models import Account, Book, Entry, Period, Seal, Transfer
from timebank.ledger.rules import canonical

_BATCH = 2_000


def period_rows(session: Session, period_id: int) -> Iterator[tuple[Any, list[Any]]]:
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
    digest, counts, totals = _digest(session, period, previous_hash)
    key = keys.signing_key()
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {
        "period_id": period.id,
        "book_id": period.book_id,
        "entry_count": counts["entries"],
        "transfer_count": counts["transfers"],
        "totals": dict(sorted(totals.items())),
        "hash": digest,
        "previous_hash": previous_hash,
        "signature": key.sign(bytes.fromhex(digest)).hex(),
        "public_key": public.hex(),
        "sealed_at": now,
    }


def digest_of(session: Session, period: Period, previous_hash: str | None) -> str:
    """The hash a period has now, to hold against its seal."""
    return _digest(session, period, previous_hash)[0]


def seal_head(book_code: str, month: str, previous_hash: str | None) -> bytes:
    """What the digest of a month begins with: which books, which month, which seal before."""
    return canonical(["timebank-seal-1", book_code, month, previous_hash])


def seal_line(number: int, e: Any, transfers: list[Any]) -> bytes:
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


def _digest(session: Session, period: Period, previous_hash: str | None) -> tuple[str, Counter[str], Counter[str]]:
    book = session.get_one(Book, period.book_id)
    digest = hashlib.sha256(seal_head(book.code, period.month, previous_hash))
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for number, (e, transfers) in enumerate(period_rows(session, period.id), start=1):
        digest.update(seal_line(number, e, transfers))
        counts["entries"] += 1
        counts["transfers"] += len(transfers)
        for _, unit, _, _, amount in transfers:
            totals[unit] += amount
    return digest.hexdigest(), counts, totals
