"""Accounts and what is set aside on them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.ledger.models import COIN, GIVEAWAY, MEMBER, Account, Hold, HoldEnd


class NoSuchAccount(NotFound):
    """No such account in these books."""

    code = "ledger.account_not_found"
    text = "没有找到这个账户。"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountView:
    """A running account as it stands: minutes for coins, points for points."""

    id: int
    book_id: int
    code: str
    kind: str
    unit: str
    runs: bool
    closed: bool
    balance: int
    held: int
    available: int
    floor: int
    line: int  # what another branch may owe on a clearing account, as its creditor decided


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenHold:
    """An amount set aside, and the document it is for."""

    id: int
    account_id: int
    amount: int
    source_type: str
    source_id: int | None
    placed_at: datetime
    expires_at: datetime


def _view(account: Account) -> AccountView:
    return AccountView(
        id=account.id,
        book_id=account.book_id,
        code=account.code,
        kind=account.kind,
        unit=account.unit,
        runs=account.runs,
        closed=account.closed,
        balance=account.balance,
        held=account.held,
        available=account.available,
        floor=account.floor,
        line=-account.resting_floor,
    )


def get_account(session: Session, account_id: int | None) -> AccountView:
    """An account with its running figures (zero where figures do not run: ask ``balance``). Raises NoSuchAccount."""
    account = None if account_id is None else session.get(Account, account_id, populate_existing=True)
    if account is None:
        raise NoSuchAccount()
    return _view(account)


def find_house_account(session: Session, book_id: int, kind: str, unit: str = "coin") -> int:
    """The id of one of the accounts every book has, such as ``issuance``. Raises NoSuchAccount."""
    account_id = session.scalar(
        select(Account.id).where(Account.book_id == book_id, Account.code == kind, Account.unit == unit)
    )
    if account_id is None:
        raise NoSuchAccount()
    return account_id


def list_accounts(session: Session, book_id: int, *, kinds: Collection[str] = ()) -> list[AccountView]:
    """The accounts of a book by code, all kinds or some."""
    chosen = select(Account).where(Account.book_id == book_id).order_by(Account.unit, Account.code)
    if kinds:
        chosen = chosen.where(Account.kind.in_(kinds))
    return [_view(account) for account in session.scalars(chosen)]


@dataclass(frozen=True, kw_only=True)
class AccountFilter:
    """What a list of accounts is narrowed to: kind, unit, a part of the code; empty means all."""

    kind: str = ""
    unit: str = ""
    text: str = ""


def page_accounts(
    session: Session, book_id: int, chosen: AccountFilter, *, number: int = 1, size: int = 50
) -> Page[AccountView]:
    """One page of a book's accounts: the house's first, then members', last those to give from; by unit and code."""
    wanted = select(Account).where(Account.book_id == book_id)
    if chosen.kind:
        wanted = wanted.where(Account.kind == chosen.kind)
    if chosen.unit:
        wanted = wanted.where(Account.unit == chosen.unit)
    if chosen.text:
        wanted = wanted.where(func.upper(Account.code).contains(chosen.text.upper(), autoescape=True))
    group = case({MEMBER: 1, GIVEAWAY: 2}, value=Account.kind, else_=0)
    found = read_page(session, wanted.order_by(group, Account.unit, Account.code), number=number, size=size)
    return Page(
        items=[_view(account) for account in found.items], number=found.number, size=found.size, total=found.total
    )


def outstanding(session: Session, book_id: int, *, kind: str = MEMBER, unit: str = COIN) -> int:
    """What stands on all accounts of a running kind together: for members' coins, what may still be redeemed."""
    standing = func.coalesce(func.sum(Account.posted_in - Account.posted_out), 0)
    chosen = select(standing).where(Account.book_id == book_id, Account.kind == kind, Account.unit == unit)
    return int(session.scalar(chosen) or 0)


def list_open_holds(
    session: Session, *, account_id: int | None = None, book_id: int | None = None, expired_at: datetime | None = None
) -> list[OpenHold]:
    """What is set aside now on an account or in a book; with ``expired_at`` only what should have been given back."""
    chosen = (
        select(Hold).outerjoin(HoldEnd, HoldEnd.hold_id == Hold.id).where(HoldEnd.hold_id.is_(None)).order_by(Hold.id)
    )
    if account_id is not None:
        chosen = chosen.where(Hold.account_id == account_id)
    if book_id is not None:
        chosen = chosen.where(Hold.book_id == book_id)
    if expired_at is not None:
        chosen = chosen.where(Hold.expires_at <= expired_at)
    return [_hold_view(found) for found in session.scalars(chosen)]


def get_hold(session: Session, hold_id: int) -> OpenHold:
    """An amount as it was set aside, whatever became of it."""
    return _hold_view(session.get_one(Hold, hold_id))


def _hold_view(found: Hold) -> OpenHold:
    return OpenHold(
        id=found.id,
        account_id=found.account_id,
        amount=found.amount,
        source_type=found.source_type,
        source_id=found.source_id,
        placed_at=found.placed_at,
        expires_at=found.expires_at,
    )
