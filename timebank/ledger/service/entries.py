"""Posting entries, one or thousands: entered under their keys, looked through, then moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Table, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from timebank.core.db import lock_name
from timebank.core.errors import Conflict, NotFound
from timebank.ledger.models import Entry, Transfer
from timebank.ledger.rules import Course, EntryDraft, accounts_of, check_draft, content_hash, course_of
from timebank.ledger.service.accounts import Accounts, lock_accounts, refuse
from timebank.ledger.service.periods import OpenPeriod, open_period

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
    entered = enter(session, drafts, now=now)
    if entered.fresh:
        accounts = lock_accounts(session.connection(), accounts_of(entered.fresh))
        refuse(accounts, course(entered.fresh, accounts))
        move(session, entered)
    return entered.posted(drafts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entered:
    """Entries that have their rows but have not moved anything yet; none is ``fresh`` when all were booked before."""

    ids: dict[tuple[int, str], int]
    fresh: list[EntryDraft]
    periods: dict[int, int]  # book → period

    def posted(self, drafts: Sequence[EntryDraft]) -> list[Posted]:
        """The answers to drafts, in their order."""
        return [Posted(self.ids[draft.book_id, draft.key], repeated=not self.fresh) for draft in drafts]


def enter(session: Session, drafts: Sequence[EntryDraft], *, now: datetime) -> Entered:
    """Write the rows of entries, which holds their keys, or find those of the first time.

    Raises BadAmount, SameAccount, NoTransfers, KeyReused, AlreadyReversed.
    """
    for draft in drafts:
        check_draft(draft)
    ids: dict[tuple[int, str], int] = {}
    fresh: list[EntryDraft] = []
    periods: dict[int, int] = {}
    for book_id, entries in _by_book(drafts).items():
        open_one = open_period(session, book_id, now=now)
        inserted = _insert_entries(session, entries, open_one, now)
        if inserted:
            fresh += entries
            periods[book_id] = open_one.id
        ids |= inserted or _first_answers(session, book_id, entries)
    if fresh and len(fresh) != len(drafts):
        raise KeyReused()  # part of the batch was booked before: never guess which half was meant
    return Entered(ids=ids, fresh=fresh, periods=periods)


def course(
    drafts: Sequence[EntryDraft],
    accounts: Accounts,
    *,
    freed: Mapping[int, int] | None = None,
    owed: EntryDraft | None = None,
) -> Course:
    """What drafts do to locked accounts, of which held amounts are ``freed`` first; what ``owed`` takes may be owed."""
    available = {id_: account.available + (freed or {}).get(id_, 0) for id_, account in accounts.items()}
    floors = {id_: account.floor for id_, account in accounts.items()}
    resting = {id_: account.resting_floor for id_, account in accounts.items()}
    return course_of(drafts, available, floors, resting=resting, owed=owed)


def _by_book(drafts: Sequence[EntryDraft]) -> dict[int, list[EntryDraft]]:
    """The drafts of each book in the order given; books in id order, so that no two postings wait for each other."""
    books: dict[int, list[EntryDraft]] = {draft.book_id: [] for draft in sorted(drafts, key=lambda d: d.book_id)}
    for draft in drafts:
        books[draft.book_id].append(draft)
    return books


def _insert_entries(
    session: Session, drafts: Sequence[EntryDraft], period: OpenPeriod, now: datetime
) -> dict[tuple[int, str], int]:
    """The new ids by book and key; none when every key was there before. Raises KeyReused when some were.

    Batches of one book go one after another: two that share keys in opposite orders would wait for each other's.
    """
    if len({draft.key for draft in drafts}) != len(drafts):
        raise KeyReused()
    if len(drafts) > 1:
        lock_name(session, f"batch:{drafts[0].book_id}")
    rows = [_entry_row(draft, period.id, max(now, period.starts_at)) for draft in drafts]
    connection = session.connection()
    answer = connection.execute(_add_entries(connection.dialect.name), _one_or_many(rows))
    ids = {(drafts[0].book_id, key): entry_id for entry_id, key in answer}
    if ids and len(ids) != len(rows):
        raise _missing_why(session, [draft for draft in drafts if (draft.book_id, draft.key) not in ids])
    return ids


def _missing_why(session: Session, missing: Sequence[EntryDraft]) -> Conflict:
    """Why some rows of a batch were passed over: their keys were there, or what they reverse was reversed."""
    keys = select(Entry.id).where(Entry.book_id == missing[0].book_id, Entry.key.in_([draft.key for draft in missing]))
    return KeyReused() if session.scalars(keys).first() is not None else AlreadyReversed()


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


def _entry_row(draft: EntryDraft, period_id: int, posted_at: datetime) -> dict[str, Any]:
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
        "posted_at": posted_at,
        "reverses_id": draft.reverses_id,
        "rule": draft.rule,
        "facts": dict(draft.facts),
    }


def move(session: Session, entered: Entered) -> None:
    """Write the transfers of entered entries; the running figures follow in the database."""
    add_transfers(session, transfer_rows(entered))


def add_transfers(session: Session, rows: list[dict[str, Any]]) -> None:
    """Write some transfers in their order."""
    session.connection().execute(_ADD_TRANSFERS, _one_or_many(rows))


def transfer_rows(entered: Entered) -> list[dict[str, Any]]:
    """The transfers of entered entries as rows, in the order in which they move."""
    return [
        {
            "entry_id": entered.ids[draft.book_id, draft.key],
            "seq": seq,
            "book_id": draft.book_id,
            "period_id": entered.periods[draft.book_id],
            "unit": transfer.unit,
            "debit_id": transfer.debit_id,
            "credit_id": transfer.credit_id,
            "amount": transfer.amount,
        }
        for draft in entered.fresh
        for seq, transfer in enumerate(draft.transfers, start=1)
    ]


def _one_or_many(rows: list[dict[str, Any]]) -> list[dict[str, Any]] | dict[str, Any]:
    """A row alone goes SQLAlchemy's short way."""
    return rows if len(rows) > 1 else rows[0]
