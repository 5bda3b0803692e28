"""Coins outstanding, and how old they are: first in, first out, account by account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from sqlalchemy import Subquery, case, func, select
from sqlalchemy.orm import Session

from timebank.ledger.models import COIN, FUND, GIVEAWAY, MEMBER, Account
from timebank.ledger.queries.figures import Figures
from timebank.ledger.queries.standing import standing_at

HOLDING_KINDS: Final = (MEMBER, GIVEAWAY, FUND)  # where coins lie that somebody may still redeem or give


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """What stands on all accounts of a kind together, in minutes; ``owed`` is what accounts below zero lack."""

    kind: str
    standing: int
    held: int
    owed: int


@dataclass(frozen=True, slots=True)
class Ageing:
    """Minutes by age, youngest first: younger than the first boundary, between two, older than the last."""

    classes: tuple[int, ...]

    @property
    def total(self) -> int:
        """All that accounts above zero hold."""
        return sum(self.classes)


def holdings(session: Session, book_id: int) -> list[Holding]:
    """Coins outstanding by kind of account; ``standing`` − ``owed`` is the balance of the trial balance."""
    balance = Account.posted_in - Account.posted_out
    above, below = (func.sum(case((sign, balance), else_=0)) for sign in (balance > 0, balance < 0))
    rows = session.execute(
        select(Account.kind, above, func.sum(Account.held), below)
        .where(Account.book_id == book_id, Account.unit == COIN, Account.kind.in_(HOLDING_KINDS))
        .group_by(Account.kind)
    )
    found = {kind: Holding(kind=kind, standing=int(s), held=int(h), owed=-int(o)) for kind, s, h, o in rows}
    return [found[kind] for kind in HOLDING_KINDS if kind in found]


def purses_with(book_id: int, least: int) -> Subquery:
    """Members' coin accounts on which at least ``least`` minutes may be spent now, to join people to."""
    available = Account.posted_in - Account.posted_out - Account.held
    return (
        select(Account.id.label("account_id"), available.label("available"))
        .where(Account.book_id == book_id, Account.unit == COIN, Account.kind == MEMBER, available >= least)
        .subquery("purse")
    )


def ageing(session: Session, book_id: int, boundaries: Sequence[datetime]) -> Ageing:
    """How old the coins are that are outstanding now; ``boundaries`` from the latest to the earliest instant.

    What leaves an account is what came first. So of an account's coins those older than an instant are what had come
    in by then, less everything that ever went out. A few statements for each boundary, however many accounts.
    """
    accounts = session.execute(
        select(Account.id, Account.posted_in, Account.posted_out).where(
            Account.book_id == book_id, Account.unit == COIN, Account.kind.in_(HOLDING_KINDS)
        )
    ).all()
    older = [sum(max(0, account.posted_in - account.posted_out) for account in accounts)]
    for boundary in boundaries:
        then = standing_at(session, book_id, boundary)
        older.append(sum(max(0, then.get(a.id, Figures()).posted_in - a.posted_out) for a in accounts))
    return Ageing((*(more - less for more, less in pairwise(older)), older[-1]))
