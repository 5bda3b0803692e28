"""Entries and their transfers: complete, numbered, at home in their month, and what their keys say."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from timebank.core.clock import month_of, previous_month
from timebank.ledger.models import (
    CLEARING,
    CONVERSION,
    INTER_BRANCH,
    ROUNDING,
    Account,
    Entry,
    Period,
    Seal,
    Transfer,
)
from timebank.ledger.verification.check import Rows

_BETWEEN = (CLEARING, CONVERSION, ROUNDING)


def complete(session: Session, book_id: int) -> Rows:
    """Every entry has the transfers it says it has."""
    counted = (
        select(Transfer.entry_id, func.count().label("found"))
        .where(Transfer.book_id == book_id)
        .group_by(Transfer.entry_id)
        .subquery()
    )
    found = func.coalesce(counted.c.found, 0)
    rows = session.execute(
        select(Entry.id, Entry.transfer_count, found)
        .outerjoin(counted, counted.c.entry_id == Entry.id)
        .where(Entry.book_id == book_id, Entry.transfer_count != found)
    )
    for entry_id, wanted, real in rows:
        yield f"entry {entry_id}", f"应有 {wanted} 条划转，实有 {real} 条。"


def orphans(session: Session, book_id: int) -> Rows:
    """Every transfer belongs to an entry of its book and moves between accounts of its book and unit."""
    debit, credit = Account.__table__.alias("debit"), Account.__table__.alias("credit")
    rows = session.execute(
        select(Transfer.id)
        .outerjoin(Entry, (Entry.id == Transfer.entry_id) & (Entry.book_id == Transfer.book_id))
        .outerjoin(
            debit, (debit.c.id == Transfer.debit_id) & (debit.c.book_id == book_id) & (debit.c.unit == Transfer.unit)
        )
        .outerjoin(
            credit,
            (credit.c.id == Transfer.credit_id) & (credit.c.book_id == book_id) & (credit.c.unit == Transfer.unit),
        )
        .where(Transfer.book_id == book_id, Entry.id.is_(None) | debit.c.id.is_(None) | credit.c.id.is_(None))
    )
    for (transfer_id,) in rows:
        yield f"transfer {transfer_id}", "划转找不到它的分录或账户。"


def reversals(session: Session, book_id: int) -> Rows:
    """A reversal undoes exactly what it names."""
    chosen = select(Entry).where(Entry.book_id == book_id, Entry.reverses_id.is_not(None))
    for entry in session.scalars(chosen.execution_options(populate_existing=True)):
        undone = sorted((credit, debit, amount) for debit, credit, amount in _moved(session, entry.reverses_id))
        if undone != sorted(_moved(session, entry.id)):
            yield f"entry {entry.id}", f"冲正与原分录 {entry.reverses_id} 不相符。"


def _moved(session: Session, entry_id: int | None) -> list[tuple[int, int, int]]:
    chosen = select(Transfer.debit_id, Transfer.credit_id, Transfer.amount).where(Transfer.entry_id == entry_id)
    return list(session.execute(chosen))


def clearing(session: Session, book_id: int) -> Rows:
    """Clearing accounts, and those on which a branch converts, move in inter-branch entries only."""
    rows = session.execute(
        select(Transfer.id)
        .join(Entry, Entry.id == Transfer.entry_id)
        .join(Account, Account.id.in_([Transfer.debit_id, Transfer.credit_id]))
        .where(Transfer.book_id == book_id, Account.kind.in_(_BETWEEN), Entry.kind != INTER_BRANCH)
    )
    for (transfer_id,) in rows:
        yield f"transfer {transfer_id}", "清算或折算账户出现在非网点间的分录里。"


def months(session: Session, book_id: int) -> Rows:
    """An entry stands in the month it was posted in.

    Or, in books that were kept before the database asked for that, in a later one because its own was closed already.
    """
    closed = set(
        session.scalars(select(Period.month).where(Period.book_id == book_id, Period.closed_at.is_not(None))).all()
    )
    rows = session.execute(
        select(Entry.id, Entry.posted_at, Period.month)
        .join(Period, Period.id == Entry.period_id)
        .where(Entry.book_id == book_id)
        .execution_options(yield_per=5_000)
    )
    for entry_id, posted_at, month in rows:
        posted = month_of(posted_at)
        if month != posted and not _had_to_wait(posted, month, closed):
            yield f"entry {entry_id}", f"记账时间在 {posted}，却落在 {month}。"


def _had_to_wait(posted: str, month: str, closed: Collection[str]) -> bool:
    """Whether ``month`` is just where the closed months lead that ``posted`` is one of. They close without a gap."""
    return posted < month and posted in closed and previous_month(month) in closed


def numbering(session: Session, book_id: int) -> Rows:
    """An entry's number is its place in its month: nothing is missing in the row of numbers that a seal counted.

    Transfers are numbered from 1 within their entry and stand in its month; a sealed month still has as many entries
    and transfers as were sealed, all of them posted before it was closed.
    """
    yield from _transfer_numbers(session, book_id)
    yield from _sealed_counts(session, book_id)
    late = session.execute(
        select(Entry.id, Period.month)
        .join(Period, Period.id == Entry.period_id)
        .where(Entry.book_id == book_id, Period.closed_at.is_not(None), Entry.posted_at > Period.closed_at)
        .order_by(Entry.id)
    )
    for entry_id, month in late:
        yield f"entry {entry_id}", f"记账时间晚于 {month} 的结账时间，却排在这个月里。"


def _transfer_numbers(session: Session, book_id: int) -> Rows:
    first, last, count = func.min(Transfer.seq), func.max(Transfer.seq), func.count()
    gaps = (
        select(Transfer.entry_id, count.label("found"), func.count(Transfer.seq.distinct()).label("different"))
        .add_columns(first.label("first"), last.label("last"))
        .where(Transfer.book_id == book_id)
        .group_by(Transfer.entry_id)
        .subquery()
    )
    uneven = (gaps.c.first != 1) | (gaps.c.last != gaps.c.found) | (gaps.c.different != gaps.c.found)
    for (entry_id,) in session.execute(select(gaps.c.entry_id).where(uneven).order_by(gaps.c.entry_id)):
        yield f"entry {entry_id}", "划转的编号不是从 1 起连续的。"
    strays = session.execute(
        select(Transfer.id)
        .join(Entry, Entry.id == Transfer.entry_id)
        .where(Transfer.book_id == book_id, Transfer.period_id != Entry.period_id)
        .order_by(Transfer.id)
    )
    for (transfer_id,) in strays:
        yield f"transfer {transfer_id}", "划转与它的分录不在同一个账期。"


def _sealed_counts(session: Session, book_id: int) -> Rows:
    entries, transfers = _by_period(Entry, book_id), _by_period(Transfer, book_id)
    rows = session.execute(
        select(Period.month, Seal.entry_count, func.coalesce(entries.c.found, 0))
        .add_columns(Seal.transfer_count, func.coalesce(transfers.c.found, 0))
        .join(Period, Period.id == Seal.period_id)
        .outerjoin(entries, entries.c.period_id == Seal.period_id)
        .outerjoin(transfers, transfers.c.period_id == Seal.period_id)
        .where(Seal.book_id == book_id)
        .order_by(Period.month)
    )
    for month, sealed, found, sealed_moves, found_moves in rows:
        if (sealed, sealed_moves) != (found, found_moves):
            yield (
                f"period {month}",
                f"封签上是 {sealed} 笔分录、{sealed_moves} 条划转，现在是 {found} 笔、{found_moves} 条。",
            )


def _by_period(table: type[Entry] | type[Transfer], book_id: int) -> Subquery:
    """How many rows of a book stand in each period, in one pass over them."""
    return (
        select(table.period_id, func.count().label("found"))
        .where(table.book_id == book_id)
        .group_by(table.period_id)
        .subquery()
    )
