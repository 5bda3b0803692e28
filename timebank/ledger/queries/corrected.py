"""Movements that are not what they seem in time: reversed ones, reversals, and what took the place of another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, or_, select
from sqlalchemy.orm import Session, aliased

from timebank.ledger.models import COIN, EXPIRE, MEMBER, Account, Entry, Transfer
from timebank.ledger.rules import Corrected

_MANY = 2_000


def list_corrected(
    session: Session, book_id: int, account_ids: Sequence[int] | None = None
) -> dict[int, list[Corrected]]:
    """Movements on members' coin accounts, all or some, that corrections undid or put in place of others.

    An expiry that was reversed is left as it is: what comes back then comes in anew. Read row by row, since there are
    as many as there were mistakes.
    """
    pairs = _pairs(session, book_id, account_ids)
    reversed_by = {row.id: row.back_id for row in pairs}

    def stands(entry_id: int) -> bool:
        back = reversed_by.get(entry_id)
        return back is None or not stands(back)

    gone = {id_ for entry_id, back in reversed_by.items() if stands(back) for id_ in (entry_id, back)}
    booked_at = {row.id: row.posted_at for row in pairs}
    replaces: dict[int, int] = {}
    for row in _same_documents(session, list(booked_at)):
        booked_at[row.id] = row.posted_at
        replaces[row.id] = row.facts["replaces"]
    origins = {entry_id: _origin(entry_id, replaces, booked_at) for entry_id in replaces if entry_id not in gone}
    found: dict[int, list[Corrected]] = defaultdict(list)
    for entry_id, account_id, at, amount in _movements(session, sorted(gone | set(origins)), account_ids):
        found[account_id].append(Corrected(at=at, amount=amount, counts_from=origins.get(entry_id)))
    return dict(found)


def _pairs(session: Session, book_id: int, account_ids: Sequence[int] | None) -> Sequence[Row[int, datetime, int]]:
    """Every reversed entry of a book with its reversal."""
    back = aliased(Entry)
    chosen = (
        select(Entry.id, Entry.posted_at, back.id.label("back_id"))
        .join(back, back.reverses_id == Entry.id)
        .where(back.reverses_id.is_not(None), back.book_id == book_id, Entry.kind != EXPIRE)
    )
    if account_ids is not None:
        touched = or_(Transfer.debit_id.in_(account_ids), Transfer.credit_id.in_(account_ids))
        chosen = chosen.where(exists().where(Transfer.entry_id == Entry.id, touched))
    return session.execute(chosen).all()


def _same_documents(session: Session, entry_ids: Sequence[int]) -> Iterator[Row[Any]]:
    """What replaces some entries: it has the same document, and its facts name the one it replaces."""
    wrong = aliased(Entry)
    for at in range(0, len(entry_ids), _MANY):
        rows = session.execute(
            select(Entry.id, Entry.posted_at, Entry.facts)
            .join(wrong, (wrong.source_type == Entry.source_type) & (wrong.source_id == Entry.source_id))
            .where(wrong.id.in_(entry_ids[at : at + _MANY]), Entry.id > wrong.id)
        )
        yield from (row for row in rows if "replaces" in row.facts)


def _origin(entry_id: int, replaces: Mapping[int, int], booked_at: Mapping[int, datetime]) -> datetime:
    """When the first of a chain of entries was booked, each of which replaced the one before."""
    while entry_id in replaces:
        entry_id = replaces[entry_id]
    return booked_at[entry_id]


def _movements(
    session: Session, entry_ids: Sequence[int], account_ids: Sequence[int] | None
) -> Iterator[tuple[int, int, datetime, int]]:
    """Entry, account, instant and amount, below zero what went out."""
    for at in range(0, len(entry_ids), _MANY):
        for side, sign in ((Transfer.credit_id, 1), (Transfer.debit_id, -1)):
            chosen = (
                select(Entry.id, side.label("account_id"), Entry.posted_at, Transfer.amount)
                .join(Transfer, Transfer.entry_id == Entry.id)
                .join(Account, Account.id == side)
                .where(Entry.id.in_(entry_ids[at : at + _MANY]), Account.kind == MEMBER, Account.unit == COIN)
            )
            if account_ids is not None:
                chosen = chosen.where(side.in_(account_ids))
            for row in session.execute(chosen):
                yield row.id, row.account_id, row.posted_at, sign * int(row.amount)
