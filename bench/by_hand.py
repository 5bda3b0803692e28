"""A book with members to measure on, and posting, balance and statement written by hand beside the ledger's own.

The hand-written side is SQLAlchemy Core with statements built once, on the same tables, triggers and commits. It is
told what the ledger has to find out: that the key is new, that the draft is sound and covered, which periods a page
stands in. What it needs to be right it does too: it looks up the open month and holds it until it commits.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from timebank.core.db import WRITE, write_session
from timebank.ledger import queries, service
from timebank.ledger.models import Account, Closing, Entry, Period, Transfer
from timebank.ledger.rules import EntryDraft, TransferDraft

NOW = datetime(2026, 9, 15, 2, tzinfo=UTC)
MEMBERS = 1_000

ACCOUNT, ENTRY, TRANSFER = (cast(sa.Table, model.__table__) for model in (Account, Entry, Transfer))
PERIOD, CLOSING = (cast(sa.Table, model.__table__) for model in (Period, Closing))
numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Town:
    """A book with members who have accounts, on a database of its own; ``now`` lies in its open month."""

    engine: sa.Engine
    book_id: int
    issuance: int
    members: list[int]
    now: datetime = NOW

    @property
    def month(self) -> str:
        return self.now.strftime("%Y-%m")  # ``now`` keeps away from the ends of months


def make_town(engine: sa.Engine, *, members: int = MEMBERS, now: datetime = NOW) -> Town:
    """Open a book and its accounts."""
    with Session(engine) as session, write_session(session):
        book_id = service.open_book(session, code="BENCH")
        codes = [f"member:{number:05}" for number in range(members)]
        found = service.open_accounts(session, book_id=book_id, codes=codes, kind="member", unit="coin")
        issuance = queries.find_house_account(session, book_id, "issuance")
    return Town(engine=engine, book_id=book_id, issuance=issuance, members=[found[code] for code in codes], now=now)


def draft(town: Town, key: str, debit_id: int, credit_id: int, amount: int) -> EntryDraft:
    """An entry of one transfer."""
    return EntryDraft(
        book_id=town.book_id,
        kind="earn",
        key=key,
        transfers=(TransferDraft(debit_id=debit_id, credit_id=credit_id, amount=amount, unit="coin"),),
        source_type="bench",
        source_id=credit_id,
        occurred_at=town.now,
        actor_id=1,
    )


def fund(town: Town) -> None:
    """Give every member something to pay with."""
    with Session(town.engine) as session, write_session(session):
        drafts = [draft(town, f"start:{id_}", town.issuance, id_, 100_000) for id_ in town.members]
        service.post_many(session, drafts, now=town.now)


def moves(town: Town, count: int) -> Iterator[tuple[str, int, int]]:
    """Keys and accounts: a deposit and a payment from one member to another, in turn."""
    most = len(town.members)
    for place in range(count):
        payer = town.members[(place * 7) % most] if place % 2 else town.issuance
        yield f"move:{next(numbers)}", payer, town.members[(place * 13 + 1) % most]


def post_all(town: Town, count: int) -> None:
    """The ledger's own ``post``, each with its own commit."""
    with Session(town.engine) as session:
        for key, debit_id, credit_id in moves(town, count):
            with write_session(session):
                service.post(session, draft(town, key, debit_id, credit_id, 1), now=town.now)


# --- posting by hand ------------------------------------------------------------------------------------------------

OPEN_MONTH = (
    sa.select(PERIOD.c.id)
    .where(PERIOD.c.book_id == sa.bindparam("book"), PERIOD.c.month == sa.bindparam("month"))
    .where(PERIOD.c.closed_at.is_(None))
    .with_for_update(read=True)
)
ADD_ENTRY = sa.insert(ENTRY).returning(ENTRY.c.id)
ADD_TRANSFER = sa.insert(TRANSFER)  # the figures follow in the database


def entry_row(town: Town, period_id: int, key: str, member_id: int) -> dict[str, Any]:
    return {
        "book_id": town.book_id,
        "period_id": period_id,
        "kind": "earn",
        "key": key,
        "content_hash": "0" * 64,
        "transfer_count": 1,
        "source_type": "bench",
        "source_id": member_id,
        "actor_id": 1,
        "for_member_id": None,
        "occurred_at": town.now,
        "posted_at": town.now,
        "reverses_id": None,
        "rule": None,
        "facts": {},
    }


def transfer_row(
    town: Town, period_id: int, entry_id: int, accounts: tuple[int, int], amount: int = 1
) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "seq": 1,
        "book_id": town.book_id,
        "period_id": period_id,
        "unit": "coin",
        "debit_id": accounts[0],
        "credit_id": accounts[1],
        "amount": amount,
    }


def plain_post(connection: sa.Connection, town: Town, key: str, debit_id: int, credit_id: int) -> None:
    """The writes of one posting; the caller has begun and will commit."""
    period_id = connection.execute(OPEN_MONTH, {"book": town.book_id, "month": town.month}).scalar_one()
    entry_id = connection.execute(ADD_ENTRY, entry_row(town, period_id, key, credit_id)).scalar_one()
    connection.execute(ADD_TRANSFER, transfer_row(town, period_id, entry_id, (debit_id, credit_id)))


def plain_post_all(town: Town, count: int) -> None:
    """The same postings by hand, each with its own commit."""
    for key, debit_id, credit_id in moves(town, count):
        with town.engine.connect().execution_options(**WRITE) as connection, connection.begin():
            plain_post(connection, town, key, debit_id, credit_id)


# --- reading by hand ------------------------------------------------------------------------------------------------


def _side(column: sa.ColumnElement[int], *, until: bool) -> sa.ScalarSelect[Any]:
    chosen = sa.select(sa.func.coalesce(sa.func.sum(TRANSFER.c.amount), 0)).where(
        column == sa.bindparam("account"), TRANSFER.c.period_id == sa.bindparam("period")
    )
    if until:
        chosen = _posted_before(chosen, ENTRY.c.period_id == sa.bindparam("period"))
    return chosen.scalar_subquery()


def _posted_before(chosen: sa.Select[Any], in_periods: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Only what was posted before ``at``; the periods are said of the entries too, for the planner's sake."""
    return chosen.join(ENTRY, sa.and_(ENTRY.c.id == TRANSFER.c.entry_id, in_periods)).where(
        ENTRY.c.posted_at < sa.bindparam("at", type_=ENTRY.c.posted_at.type)
    )


_LAST_CLOSING = (
    sa.select(CLOSING.c.posted_in - CLOSING.c.posted_out)
    .where(CLOSING.c.account_id == sa.bindparam("account"), CLOSING.c.month < sa.bindparam("month"))
    .order_by(CLOSING.c.month.desc())
    .limit(1)
    .scalar_subquery()
)


def _balance(*, until: bool) -> sa.Select[Any]:
    came, went = (_side(column, until=until) for column in (TRANSFER.c.credit_id, TRANSFER.c.debit_id))
    return sa.select(sa.func.coalesce(_LAST_CLOSING, 0) + came - went)


BALANCE_NOW, BALANCE_AT = _balance(until=False), _balance(until=True)


def _newest(column: sa.ColumnElement[int], *, until: bool) -> sa.Select[Any]:
    periods = TRANSFER.c.period_id.in_(sa.bindparam("periods", expanding=True))
    chosen = sa.select(TRANSFER.c.id).where(column == sa.bindparam("account"), periods)
    if until:
        chosen = _posted_before(chosen, ENTRY.c.period_id.in_(sa.bindparam("periods", expanding=True)))
    return sa.select(chosen.order_by(TRANSFER.c.id.desc()).limit(sa.bindparam("size")).subquery().c.id)


_IS_CREDIT = TRANSFER.c.credit_id == sa.bindparam("account")
_OTHER = sa.case((_IS_CREDIT, TRANSFER.c.debit_id), else_=TRANSFER.c.credit_id)


def _statement(*, until: bool) -> sa.Select[Any]:
    sides = (_newest(column, until=until) for column in (TRANSFER.c.credit_id, TRANSFER.c.debit_id))
    found = sa.union_all(*sides).subquery("found")
    return (
        sa.select(
            *(TRANSFER.c.id, ENTRY.c.kind, ENTRY.c.source_type, ENTRY.c.source_id, ENTRY.c.actor_id),
            *(ENTRY.c.for_member_id, ENTRY.c.occurred_at, ENTRY.c.posted_at, ENTRY.c.rule, ENTRY.c.facts),
            *(ENTRY.c.reverses_id, ACCOUNT.c.code),
            sa.case((_IS_CREDIT, TRANSFER.c.amount), else_=-TRANSFER.c.amount).label("amount"),
        )
        .join(found, found.c.id == TRANSFER.c.id)
        .join(ENTRY, ENTRY.c.id == TRANSFER.c.entry_id)
        .join(ACCOUNT, ACCOUNT.c.id == _OTHER)
        .order_by(TRANSFER.c.id.desc())
        .limit(sa.bindparam("size"))
    )


STATEMENT_NOW, STATEMENT_AT = _statement(until=False), _statement(until=True)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the hand-written reads are told: account, month and instant asked for, the periods its page stands in."""

    account_id: int
    month: str
    period_id: int
    at: datetime | None
    periods: Sequence[int]


def plain_balance(connection: sa.Connection, known: Known) -> int:
    """Last closing and the rows after it, in one statement."""
    given = {"account": known.account_id, "month": known.month, "period": known.period_id}
    if known.at is None:
        return int(connection.execute(BALANCE_NOW, given).scalar_one())
    return int(connection.execute(BALANCE_AT, given | {"at": known.at}).scalar_one())


def plain_statement(connection: sa.Connection, known: Known, size: int = 50) -> list[tuple[Any, ...]]:
    """One page, newest first, each line with the balance after it: one statement for the rows, one for the balance."""
    running = plain_balance(connection, known)
    given: dict[str, Any] = {"account": known.account_id, "periods": list(known.periods), "size": size}
    chosen = STATEMENT_NOW
    if known.at is not None:
        chosen, given["at"] = STATEMENT_AT, known.at
    lines = []
    for row in connection.execute(chosen, given):
        lines.append((*row, running))
        running -= row.amount
    return lines
