"""Entries as a reader wants them: number, document, and each transfer with the codes of its accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session, aliased, selectinload

from timebank.core.clock import month_of
from timebank.core.errors import NotFound
from timebank.ledger.models import Entry, Period, Transfer


class NoSuchEntry(NotFound):
    """No such entry."""

    code = "ledger.entry_not_found"
    text = "没有找到这笔分录。"


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferView:
    """One leg pair: ``amount`` from the debit account to the credit account."""

    unit: str
    amount: int
    debit_id: int
    debit: str
    credit_id: int
    credit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryView:
    """An entry; ``number`` is its place within its month."""

    id: int
    book_id: int
    month: str
    number: int
    kind: str
    source_type: str
    source_id: int | None
    actor_id: int | None
    for_member_id: int | None
    occurred_at: datetime
    posted_at: datetime
    reverses_id: int | None
    reversed_by_id: int | None
    replaces_id: int | None
    replaced_by_id: int | None
    rule: str | None
    facts: dict[str, Any]
    transfers: tuple[TransferView, ...]

    @property
    def late_for(self) -> str | None:
        """The month that the fact belongs to, where that was over and the entry stands in a later one."""
        belongs = month_of(self.occurred_at)
        return belongs if belongs < self.month else None


def get_entry(session: Session, entry_id: int) -> EntryView:
    """One entry with its transfers and whatever reverses it. Raises NoSuchEntry."""
    found = _load(session, select(Entry).where(Entry.id == entry_id))
    if not found:
        raise NoSuchEntry()
    return found[0]


def list_entries(
    session: Session, book_id: int, *, month: str | None = None, page: int = 1, per_page: int = 50
) -> tuple[list[EntryView], int]:
    """Entries of a book, newest first, one page of them; and how many there are in all."""
    chosen = select(Entry).where(Entry.book_id == book_id)
    if month is not None:
        chosen = chosen.join(Period, Period.id == Entry.period_id).where(Period.month == month)
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    shown = chosen.order_by(Entry.id.desc()).limit(per_page).offset((page - 1) * per_page)
    return _load(session, shown), total


def reasons_of(session: Session, entry_ids: Collection[int]) -> dict[int, str]:
    """Why each of some entries was reversed; those that stand are left out."""
    chosen = select(Entry.reverses_id, Entry.facts).where(Entry.reverses_id.in_(entry_ids))
    return {row.reverses_id: str(row.facts.get("reason", "")) for row in session.execute(chosen)}


def undone_of(session: Session, source_type: str, source_ids: Collection[int]) -> frozenset[int]:
    """Which of some documents had their entry reversed. For documents that are booked once and undone only whole."""
    chosen = select(Entry.source_id).where(
        Entry.source_type == source_type, Entry.source_id.in_(source_ids), Entry.reverses_id.is_not(None)
    )
    return frozenset(id_ for id_ in session.scalars(chosen) if id_ is not None)


def list_entry_ids(session: Session, book_id: int, month: str) -> Iterator[int]:
    """The ids of a month's entries in order, in small batches: the place of an id is its number."""
    yield from session.scalars(
        select(Entry.id)
        .join(Period, Period.id == Entry.period_id)
        .where(Entry.book_id == book_id, Period.month == month)
        .order_by(Entry.id)
        .execution_options(yield_per=5_000)
    )


def _load(session: Session, chosen: Any) -> list[EntryView]:
    entries: Sequence[Entry] = session.scalars(
        chosen.options(
            selectinload(Entry.transfers).selectinload(Transfer.debit),
            selectinload(Entry.transfers).selectinload(Transfer.credit),
            selectinload(Entry.period),
        )
    ).all()
    ids = [entry.id for entry in entries]
    undone = session.execute(select(Entry.reverses_id, Entry.id).where(Entry.reverses_id.in_(ids)))
    reversals = {row.reverses_id: row.id for row in undone}
    numbers, instead = _numbers(session, entries), _replacements(session, entries, reversals)
    return [_view(entry, numbers[entry.id], reversals.get(entry.id), instead.get(entry.id)) for entry in entries]


def _replacements(session: Session, entries: Sequence[Entry], reversals: Mapping[int, int]) -> dict[int, int]:
    """What took the place of each reversed entry: it has the same document, and its facts name what it replaces."""
    sources = {(entry.source_type, entry.source_id) for entry in entries if entry.id in reversals}
    if not sources:
        return {}
    found = session.execute(
        select(Entry.id, Entry.facts).where(tuple_(Entry.source_type, Entry.source_id).in_(sources))
    )
    return {row.facts["replaces"]: row.id for row in found if "replaces" in row.facts}


def _numbers(session: Session, entries: Sequence[Entry]) -> dict[int, int]:
    """The number of each entry of a list without gaps, newest first: counted once a month, then one less each time."""
    numbers: dict[int, int] = {}
    latest: dict[int, int] = {}  # period → the number given last
    for entry in entries:
        before = latest.get(entry.period_id)
        numbers[entry.id] = latest[entry.period_id] = number_of(session, entry) if before is None else before - 1
    return numbers


def months_of(session: Session, entry_ids: Collection[int]) -> dict[int, str]:
    """The month that each of some entries stands in, by id."""
    chosen = select(Entry.id, Period.month).join(Period, Period.id == Entry.period_id).where(Entry.id.in_(entry_ids))
    return {row.id: row.month for row in session.execute(chosen)}


def numbers_of(session: Session, entry_ids: Collection[int]) -> dict[int, tuple[str, int]]:
    """Month and number of each of some entries, by id."""
    before = aliased(Entry)
    place = (
        select(func.count())
        .where(before.period_id == Entry.period_id, before.id <= Entry.id)
        .correlate(Entry)
        .scalar_subquery()
    )
    chosen = select(Entry.id, Period.month, place.label("number")).join(Period, Period.id == Entry.period_id)
    rows = session.execute(chosen.where(Entry.id.in_(entry_ids)))
    return {row.id: (row.month, row.number) for row in rows}


def number_of(session: Session, entry: Entry) -> int:
    """The place of an entry within its month, from 1, in id order."""
    return (
        session.scalar(
            select(func.count()).select_from(Entry).where(Entry.period_id == entry.period_id, Entry.id <= entry.id)
        )
        or 0
    )


def _view(entry: Entry, number: int, reversed_by_id: int | None, replaced_by_id: int | None) -> EntryView:
    return EntryView(
        id=entry.id,
        book_id=entry.book_id,
        month=entry.period.month,
        number=number,
        kind=entry.kind,
        source_type=entry.source_type,
        source_id=entry.source_id,
        actor_id=entry.actor_id,
        for_member_id=entry.for_member_id,
        occurred_at=entry.occurred_at,
        posted_at=entry.posted_at,
        reverses_id=entry.reverses_id,
        reversed_by_id=reversed_by_id,
        replaces_id=entry.facts.get("replaces"),
        replaced_by_id=replaced_by_id,
        rule=entry.rule,
        facts=entry.facts,
        transfers=tuple(
            TransferView(
                unit=t.unit,
                amount=t.amount,
                debit_id=t.debit_id,
                debit=t.debit.code,
                credit_id=t.credit_id,
                credit=t.credit.code,
            )
            for t in entry.transfers
        ),
    )
