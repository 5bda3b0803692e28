"""Books and accounts, and the look at running figures before they are moved."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, bindparam, select
from sqlalchemy.orm import Session

from timebank.core.db import insert_once
from timebank.core.errors import Conflict, NotFound
from timebank.core.minutes import coins, points
from timebank.ledger.models import (
    ADJUSTMENT,
    COIN,
    CONVERSION,
    EXPIRED,
    FUND,
    ISSUANCE,
    POINT,
    REDEEMED,
    ROUNDING,
    RUNNING_KINDS,
    SUSPENSE,
    Account,
    Book,
)
from timebank.ledger.rules import Course, Short

Accounts = Mapping[int, Row[*tuple[Any, ...]]]  # locked running accounts by id

# The accounts every book has from its first day, as (code, kind, unit).
INBOUND, OUTBOUND = f"{SUSPENSE}:inbound", f"{SUSPENSE}:outbound"
HOUSE_ACCOUNTS = (
    (ISSUANCE, ISSUANCE, COIN),
    (REDEEMED, REDEEMED, COIN),
    (EXPIRED, EXPIRED, COIN),
    (FUND, FUND, COIN),
    (INBOUND, SUSPENSE, COIN),
    (OUTBOUND, SUSPENSE, COIN),
    (CONVERSION, CONVERSION, COIN),
    (ROUNDING, ROUNDING, COIN),
    (ADJUSTMENT, ADJUSTMENT, COIN),
    (ISSUANCE, ISSUANCE, POINT),
    (ADJUSTMENT, ADJUSTMENT, POINT),
)
_SHOWN = {COIN: coins, POINT: points}
_MANY = 10_000  # accounts named in one statement, below both engines' limits

# Built once, which spares SQLAlchemy walking them at every posting.
_TABLE = cast(Table, Account.__table__)
_ACCOUNT = _TABLE.c
_RUNNING = (
    select(_ACCOUNT.id, _ACCOUNT.code, _ACCOUNT.kind, _ACCOUNT.unit, _ACCOUNT.closed, _ACCOUNT.floor)
    .add_columns(_ACCOUNT.resting_floor)
    .add_columns((_ACCOUNT.posted_in - _ACCOUNT.posted_out - _ACCOUNT.held).label("available"))
    .where(_ACCOUNT.runs)
    .order_by(_ACCOUNT.id)
    .with_for_update(key_share=True)
)
_OF_MANY = _RUNNING.where(_ACCOUNT.id.in_(bindparam("accounts", expanding=True)))
_OF_TWO = _RUNNING.where(_ACCOUNT.id.in_([bindparam("one"), bindparam("other")]))  # nearly every entry; half the cost


class AccountNotFound(NotFound):
    """No such account."""

    code = "ledger.account_not_found"
    text = "没有找到这个账户。"


class AccountClosed(Conflict):
    """The account was closed."""

    code = "ledger.account_closed"
    text = "账户 {account} 已经停用，不能再记账。请联系网点工作人员。"


class AccountNotEmpty(Conflict):
    """Something stands on the account, or is held."""

    code = "ledger.account_not_empty"
    text = "账户里还有 {balance}（其中冻结 {held}）。先用完、送出或退回，才能停用。"


class NotEnough(Conflict):
    """Less is available than the posting or hold needs."""

    code = "ledger.not_enough"
    text = "可用余额不够：需要 {needed}，现在可用 {available}。"


class BelowFloor(NotEnough):
    """What is to be reversed was spent meanwhile: two people have to decide that the member may owe it."""

    code = "ledger.below_floor"
    text = "这笔爱心币或积分已经用掉一部分：要扣回 {needed}，现在可用 {available}。须由另一位工作人员决定是否允许欠着。"


def open_book(session: Session, *, code: str) -> int:
    """Open a branch's books with their house accounts; returns the book's id."""
    book = Book(code=code)
    session.add(book)
    session.flush()
    for name, kind, unit in HOUSE_ACCOUNTS:
        open_account(session, book_id=book.id, code=name, kind=kind, unit=unit)
    return book.id


def open_account(session: Session, *, book_id: int, code: str, kind: str, unit: str) -> int:
    """Open an account, or find the one already open under this code and unit; returns its id."""
    return open_accounts(session, book_id=book_id, codes=[code], kind=kind, unit=unit)[code]


def open_accounts(session: Session, *, book_id: int, codes: Sequence[str], kind: str, unit: str) -> dict[str, int]:
    """Open many accounts of one kind, or find those already open under these codes; returns code → id."""
    fresh = {
        "book_id": book_id,
        "kind": kind,
        "unit": unit,
        "runs": kind in RUNNING_KINDS,
        "posted_in": 0,
        "posted_out": 0,
        "held": 0,
        "floor": 0,
        "resting_floor": 0,
        "closed": False,
    }
    if codes:
        session.execute(insert_once(session, Account), [fresh | {"code": code} for code in codes])
    found: dict[str, int] = {}
    for start in range(0, len(codes), _MANY):
        some = codes[start : start + _MANY]
        wanted = select(Account.code, Account.id).where(
            Account.book_id == book_id, Account.unit == unit, Account.code.in_(some)
        )
        found |= {row.code: row.id for row in session.execute(wanted)}
    if len(found) != len(set(codes)):
        raise AccountNotFound()
    return found


def close_account(session: Session, account_id: int) -> None:
    """Take no more postings on a running account. Raises AccountNotEmpty while anything stands on it or is held."""
    account = session.get(Account, account_id, populate_existing=True, with_for_update={"key_share": True})
    if account is None or not account.runs:
        raise AccountNotFound()
    if account.balance or account.held:
        shown = _SHOWN[account.unit]
        raise AccountNotEmpty(balance=shown(account.balance), held=shown(account.held))
    account.closed = True
    session.flush()


def lock_accounts(connection: Connection, account_ids: Collection[int]) -> Accounts:
    """The running accounts among these, locked in id order until we commit.

    Each row has id, code, kind, unit, closed, floor, resting_floor, available.
    Accounts without running figures are left alone: a row that every deposit updates lets only one commit through at a
    time. SQLite knows no row locks, but its writer is alone anyway.
    """
    return {account.id: account for account in _running(connection, sorted(account_ids))}


def refuse_closed(accounts: Accounts) -> None:
    """Refuse to move a closed account. Raises AccountClosed."""
    for account in accounts.values():
        if account.closed:
            raise AccountClosed(account=account.code)


def refuse(accounts: Accounts, course: Course) -> None:
    """Refuse a course over a closed account or below a floor, before anything moves. Raises AccountClosed, NotEnough.

    The database refuses it too, in the same order; this is for the good message.
    """
    refuse_closed(accounts)
    if course.short is not None:
        raise not_enough(accounts, course.short)


def not_enough(accounts: Accounts, short: Short, refusal: type[NotEnough] = NotEnough) -> NotEnough:
    """The refusal that says what is missing where."""
    account = accounts[short.account_id]
    shown = _SHOWN[account.unit]
    return refusal(needed=shown(short.needed), available=shown(short.available), account=account.code)


def _running(connection: Connection, ids: list[int]) -> Iterator[Row[*tuple[Any, ...]]]:
    if 0 < len(ids) <= 2:
        yield from connection.execute(_OF_TWO, {"one": ids[0], "other": ids[-1]}).all()
        return
    for start in range(0, len(ids), _MANY):
        yield from connection.execute(_OF_MANY, {"accounts": ids[start : start + _MANY]}).all()
