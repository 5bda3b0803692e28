"""What was issued to whom, and a whole book at an instant: reads for rules that depend on what was earned before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from timebank.ledger.models import (
    COIN,
    EXPIRE,
    EXPIRED,
    FUND,
    ISSUANCE,
    MEMBER,
    Account,
    Entry,
    Hold,
    HoldEnd,
    Period,
    Transfer,
)
from timebank.ledger.queries.figures import Figures
from timebank.ledger.queries.standing import standing_at

_MANY = 2_000


def issued_by_source(session: Session, source_type: str, source_ids: Sequence[int]) -> dict[int, int]:
    """Coins issued for each of some documents, whatever became of them; what was reversed does not count."""
    debit, credit = aliased(Account), aliased(Account)
    net = case((debit.kind == ISSUANCE, Transfer.amount), (credit.kind == ISSUANCE, -Transfer.amount), else_=0)
    found: dict[int, int] = {}
    for at in range(0, len(source_ids), _MANY):
        rows = session.execute(
            select(Entry.source_id, func.sum(net))
            .join(Transfer, Transfer.entry_id == Entry.id)
            .join(debit, debit.id == Transfer.debit_id)
            .join(credit, credit.id == Transfer.credit_id)
            .where(Entry.source_type == source_type, Entry.source_id.in_(source_ids[at : at + _MANY]))
            .where(Transfer.unit == COIN)
            .group_by(Entry.source_id)
        )
        found |= {int(source_id): int(amount) for source_id, amount in rows}
    return found


def issued_to(session: Session, account_id: int) -> int:
    """Coins issued to an account for service, less what was taken back; what came from other people does not count."""
    return sum(one.amount for one in list_issued(session, [account_id]))


@dataclass(frozen=True, slots=True)
class Issued:
    """Coins that an account was given by issuance, below zero where they were taken back, and when."""

    account_id: int
    at: datetime
    amount: int


def list_issued(session: Session, account_ids: Sequence[int]) -> list[Issued]:
    """What issuance gave to some accounts and took back, account by account in the order of time."""

    def side(own: InstrumentedAttribute[int], other: InstrumentedAttribute[int], sign: int) -> Select[*tuple[Any, ...]]:
        return (
            select(own.label("account_id"), Entry.posted_at, (Transfer.amount * sign).label("amount"))
            .join(Entry, Entry.id == Transfer.entry_id)
            .join(Account, Account.id == other)
            .where(own.in_(account_ids), Account.kind == ISSUANCE)
        )

    both = union_all(
        side(Transfer.credit_id, Transfer.debit_id, 1), side(Transfer.debit_id, Transfer.credit_id, -1)
    ).subquery()
    rows = session.execute(select(both).order_by(both.c.account_id, both.c.posted_at))
    return [Issued(int(row.account_id), row.posted_at, int(row.amount)) for row in rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A member's coin account as it stands now."""

    account_id: int
    posted_out: int
    held: int
    available: int


def list_standing(session: Session, book_id: int, account_ids: Sequence[int] | None = None) -> list[Standing]:
    """The members' coin accounts of a book on which something is available, all or some, by id."""
    available = Account.posted_in - Account.posted_out - Account.held
    chosen = (
        select(Account.id, Account.posted_out, Account.held, available.label("available"))
        .where(Account.book_id == book_id, Account.kind == MEMBER, Account.unit == COIN)
        .where(~Account.closed, available > 0)
        .order_by(Account.id)
    )
    if account_ids is not None:
        chosen = chosen.where(Account.id.in_(account_ids))
    return [
        Standing(account_id=row.id, posted_out=row.posted_out, held=row.held, available=row.available)
        for row in session.execute(chosen)
    ]


def balances_of(session: Session, account_ids: Sequence[int]) -> dict[int, int]:
    """What stands on many running accounts now, holds included."""
    found: dict[int, int] = {}
    for at in range(0, len(account_ids), _MANY):
        chosen = select(Account.id, Account.posted_in - Account.posted_out)
        for account_id, standing in session.execute(chosen.where(Account.id.in_(account_ids[at : at + _MANY]))):
            found[account_id] = int(standing)
    return found


def book_figures(
    session: Session, book_id: int, at: datetime, *, account_ids: Sequence[int] | None = None
) -> dict[int, Figures]:
    """What had come in and gone out just before ``at`` on members' coin accounts, all or some, that had moved then."""
    own = select(Account.id).where(Account.book_id == book_id, Account.kind == MEMBER, Account.unit == COIN)
    if account_ids is not None:
        own = own.where(Account.id.in_(account_ids))
    return standing_at(session, book_id, at, accounts=own)


def expired_so_far(session: Session, book_id: int, *, account_ids: Sequence[int] | None = None) -> dict[int, int]:
    """Coins that expired on each account, all or some; what was given back of them came in anew."""
    house = select(Account.id).where(Account.book_id == book_id, Account.kind == EXPIRED).scalar_subquery()
    chosen = (
        select(Transfer.debit_id, func.sum(Transfer.amount))
        .join(Entry, Entry.id == Transfer.entry_id)
        .where(Transfer.credit_id == house, Entry.kind == EXPIRE)
        .group_by(Transfer.debit_id)
    )
    if account_ids is not None:
        chosen = chosen.where(Transfer.debit_id.in_(account_ids))
    return {account_id: int(amount) for account_id, amount in session.execute(chosen)}


def taken_keys(session: Session, book_id: int, keys: Sequence[str]) -> set[str]:
    """Which of some keys entries of a book have already."""
    found: set[str] = set()
    for at in range(0, len(keys), _MANY):
        found |= set(
            session.scalars(select(Entry.key).where(Entry.book_id == book_id, Entry.key.in_(keys[at : at + _MANY])))
        )
    return found


@dataclass(frozen=True, slots=True)
class Move:
    """Coins that came to an account, or below zero went from it, and the account's kind."""

    account_id: int
    kind: str
    amount: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthEntry:
    """An entry of a month with its coins of members and the fund; ``undone``: reversed, or itself a reversal."""

    id: int
    kind: str
    for_member_id: int | None
    occurred_at: datetime
    facts: dict[str, Any]
    undone: bool
    moves: tuple[Move, ...]


def list_month(session: Session, book_id: int, month: str) -> list[MonthEntry]:
    """Every entry of a month that was earned or moved coins of members or the fund, in the order of booking."""
    of_month = and_(Period.book_id == book_id, Period.month == month)
    moves: dict[int, list[Move]] = defaultdict(list)
    for side, sign in ((Transfer.debit_id, -1), (Transfer.credit_id, 1)):
        chosen = (
            select(Transfer.entry_id, side, Account.kind, Transfer.amount)
            .join(Entry, Entry.id == Transfer.entry_id)
            .join(Period, Period.id == Entry.period_id)
            .join(Account, Account.id == side)
            .where(of_month, Transfer.unit == COIN, Account.kind.in_((MEMBER, FUND)))
        )
        for entry_id, account_id, kind, amount in session.execute(chosen):
            moves[entry_id].append(Move(account_id, kind, sign * int(amount)))
    later = aliased(Entry)
    undone = or_(Entry.reverses_id.is_not(None), exists().where(later.reverses_id == Entry.id))
    columns = (Entry.id, Entry.kind, Entry.for_member_id, Entry.occurred_at, Entry.facts, undone.label("undone"))
    entries = select(*columns).join(Period, Period.id == Entry.period_id).where(of_month).order_by(Entry.id)
    return [
        MonthEntry(**row._mapping, moves=tuple(moves.get(row.id, ())))
        for row in session.execute(entries)
        if row.kind == "earn" or row.id in moves
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A hold that was placed: when, and until when it stood (None: it stands, or was posted and was not undone)."""

    account_id: int
    at: datetime
    until: datetime | None


def list_placed(session: Session, book_id: int, source_type: str, *, start: datetime, end: datetime) -> list[Placed]:
    """The holds for one kind of document on every account that placed one in ``[start, end)``, earlier ones too,
    account by account in the order in which they were placed."""
    lately = select(Hold.account_id).where(Hold.book_id == book_id, Hold.source_type == source_type)
    lately = lately.where(Hold.placed_at >= start, Hold.placed_at < end)
    rows = session.execute(
        select(Hold.account_id, Hold.placed_at, HoldEnd.how, HoldEnd.ended_at, HoldEnd.entry_id)
        .outerjoin(HoldEnd, HoldEnd.hold_id == Hold.id)
        .where(Hold.source_type == source_type, Hold.account_id.in_(lately), Hold.placed_at < end)
        .order_by(Hold.account_id, Hold.placed_at, Hold.id)
    ).all()
    undone = _undone_at(session, [row.entry_id for row in rows if row.entry_id is not None])
    return [
        Placed(
            account_id=row.account_id,
            at=row.placed_at,
            until=undone.get(row.entry_id) if row.how == "post" else row.ended_at,
        )
        for row in rows
    ]


def _undone_at(session: Session, entry_ids: Sequence[int]) -> dict[int, datetime]:
    """When entries were undone altogether: since then nothing is left of what their documents moved."""
    found: dict[int, datetime] = {}
    later, back = aliased(Entry), aliased(Entry)
    of_document = and_(later.source_type == Entry.source_type, later.source_id == Entry.source_id)
    left = func.sum(case((later.reverses_id.is_(None), Transfer.amount), else_=-Transfer.amount))
    for at in range(0, len(entry_ids), _MANY):
        rows = session.execute(
            select(Entry.id, func.max(later.posted_at).label("undone_at"))
            .join(back, back.reverses_id == Entry.id)
            .join(later, of_document)
            .join(Transfer, Transfer.entry_id == later.id)
            .where(Entry.id.in_(entry_ids[at : at + _MANY]))
            .group_by(Entry.id)
            .having(left == 0)
        )
        found |= {row.id: row.undone_at for row in rows}
    return found
