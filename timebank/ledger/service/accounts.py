"""Books and accounts, and the guarded update of their running figures."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, Integer, column, select, update, values
from sqlalchemy.orm import Session

from timebank.core.db import insert_once
from timebank.core.errors import Conflict, NotFound
from timebank.core.minutes import coins, points
from timebank.ledger.models import (
    ADJUSTMENT,
    COIN,
    EXPIRED,
    FUND,
    ISSUANCE,
    POINT,
    REDEEMED,
    RUNNING_KINDS,
    SUSPENSE,
    Account,
    Book,
)
from timebank.ledger.rules import Change

# The accounts every book has from its first day, as (kind, unit).
HOUSE_ACCOUNTS = (
    (ISSUANCE, COIN),
    (REDEEMED, COIN),
    (EXPIRED, COIN),
    (FUND, COIN),
    (SUSPENSE, COIN),
    (ADJUSTMENT, COIN),
    (ISSUANCE, POINT),
    (ADJUSTMENT, POINT),
)
_CHUNK = 5_000  # accounts in one UPDATE … FROM (VALUES …): four parameters each, below both engines' limits


class AccountNotFound(NotFound):
    """No such account."""

    code = "ledger.account_not_found"
    text = "没有找到这个账户。"


class AccountClosed(Conflict):
    """The account was closed."""

    code = "ledger.account_closed"
    text = "账户 {account} 已经停用，不能再记账。请联系网点工作人员。"


class NotEnough(Conflict):
    """Less is available than the posting or hold needs."""

    code = "ledger.not_enough"
    text = "可用余额不够：需要 {needed}，现在可用 {available}。"


def open_book(session: Session, *, code: str) -> int:
    """Open a branch's books with their house accounts; returns the book's id."""
    book = Book(code=code)
    session.add(book)
    session.flush()
    for kind, unit in HOUSE_ACCOUNTS:
        open_account(session, book_id=book.id, code=kind, kind=kind, unit=unit)
    return book.id


def open_account(session: Session, *, book_id: int, code: str, kind: str, unit: str) -> int:
    """Open an account, or find the one already open under this code and unit; returns its id."""
    session.execute(
        insert_once(session, Account).values(
            book_id=book_id,
            code=code,
            kind=kind,
            unit=unit,
            runs=kind in RUNNING_KINDS,
            posted_in=0,
            posted_out=0,
            held=0,
            floor=0,
            closed=False,
        )
    )
    found = session.scalar(
        select(Account.id).where(Account.book_id == book_id, Account.code == code, Account.unit == unit)
    )
    if found is None:
        raise AccountNotFound()
    return found


def close_account(session: Session, account_id: int) -> None:
    """Take no more postings on an account. Refuses while anything stands on it or is held."""
    closed = session.execute(
        update(Account)
        .where(Account.id == account_id, Account.posted_in == Account.posted_out, Account.held == 0)
        .values(closed=True)
    )
    if not closed.rowcount:  # type: ignore[attr-defined]
        raise _why_refused(session, {account_id: Change(posted_out=1)})


def apply_changes(session: Session, changes: Mapping[int, Change]) -> None:
    """Move the running figures of the accounts touched, or refuse with nothing moved.

    One guarded relative update: it subtracts only where enough is available, so no reading can be out of date. Accounts
    without running figures are left alone: a row that every deposit updates lets only one commit through at a time.
    """
    running = session.scalars(
        select(Account.id)
        .where(Account.id.in_(changes), Account.runs)
        .order_by(Account.id)
        .with_for_update(key_share=True)
    ).all()
    moved = 0
    for at in range(0, len(running), _CHUNK):
        moved += _move(session, {account_id: changes[account_id] for account_id in running[at : at + _CHUNK]})
    if moved != len(running):
        raise _why_refused(session, changes)


def _move(session: Session, changes: Mapping[int, Change]) -> int:
    if len(changes) == 1:
        [(account_id, change)] = changes.items()
        return _guarded(session, Account.id == account_id, change.posted_in, change.posted_out, change.held)
    given = values(
        column("id", Integer),
        column("plus", BigInteger),
        column("minus", BigInteger),
        column("hold", BigInteger),
        name="given",
    )
    rows = given.data([(account_id, c.posted_in, c.posted_out, c.held) for account_id, c in changes.items()]).cte(
        "change"
    )
    return _guarded(session, Account.id == rows.c.id, rows.c.plus, rows.c.minus, rows.c.hold)


def _guarded(session: Session, which, plus, minus, hold) -> int:  # type: ignore[no-untyped-def]
    available = Account.posted_in + plus - Account.posted_out - minus - Account.held - hold
    statement = (
        update(Account)
        .where(which, Account.runs, ~Account.closed, available >= Account.floor)
        .values(posted_in=Account.posted_in + plus, posted_out=Account.posted_out + minus, held=Account.held + hold)
        .execution_options(synchronize_session=False)
    )
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]


def _why_refused(session: Session, changes: Mapping[int, Change]) -> Conflict:
    accounts = session.scalars(
        select(Account).where(Account.id.in_(changes)).order_by(Account.id).execution_options(populate_existing=True)
    )
    for account in accounts:
        change = changes[account.id]
        if account.closed:
            return AccountClosed(account=account.code)
        needed = change.posted_out + change.held - change.posted_in
        if account.runs and account.available - needed < account.floor:
            shown = coins if account.unit == COIN else points
            return NotEnough(
                needed=shown(needed), available=shown(account.available - account.floor), account=account.code
            )
    return Conflict()
