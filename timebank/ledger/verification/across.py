"""What must agree over several books, and over the months."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from timebank.ledger.models import CLEARING, Account, Book, Closing, Period, Transfer
from timebank.ledger.verification.check import Rows


def mirrors(session: Session, book_id: int) -> Rows:
    """What this book has with another through clearing, the other has with this one, the other way round.

    Both books name what does not cancel out. Read in one statement, so that a posting meanwhile cannot part the sides.
    """
    here, there = aliased(Book), aliased(Book)
    ours, theirs = literal("clearing:") + there.code, literal("clearing:") + here.code
    standing = _clearing_balances()
    pairs = (
        select(here.code.label("here"), there.code.label("there"), standing.c.unit, standing.c.amount)
        .join_from(here, there, there.id != here.id)
        .join(
            standing,
            ((standing.c.book_id == here.id) & (standing.c.code == ours))
            | ((standing.c.book_id == there.id) & (standing.c.code == theirs)),
        )
        .where(here.id == book_id)
    ).subquery()
    total = func.sum(pairs.c.amount)
    uneven = (
        select(pairs.c.there, pairs.c.unit, total)
        .group_by(pairs.c.there, pairs.c.unit)
        .having(total != 0)
        .order_by(pairs.c.there)
    )
    for other, unit, amount in session.execute(uneven):
        yield f"account clearing:{other}/{unit}", f"与网点 {other} 的清算两边不相抵，相差 {int(amount)}。"
    for code, unit, amount in session.execute(_towards_nobody(book_id)):
        yield f"account {code}/{unit}", f"清算账户有余额 {int(amount)}，却没有这个网点。"


def _clearing_balances() -> Subquery:
    """What stands on each clearing account of every book, from its transfers."""
    legs = union_all(
        select(Transfer.credit_id.label("account_id"), Transfer.amount.label("amount")),
        select(Transfer.debit_id, -Transfer.amount),
    ).subquery("leg")
    return (
        select(Account.book_id, Account.code, Account.unit, func.sum(legs.c.amount).label("amount"))
        .join(legs, legs.c.account_id == Account.id)
        .where(Account.kind == CLEARING)
        .group_by(Account.id, Account.book_id, Account.code, Account.unit)
        .subquery("standing")
    )


def _towards_nobody(book_id: int) -> Select[Any]:
    standing = _clearing_balances()
    named = select(Book.id).where(literal("clearing:") + Book.code == standing.c.code, Book.id != book_id).exists()
    return select(standing.c.code, standing.c.unit, standing.c.amount).where(
        standing.c.book_id == book_id, standing.c.amount != 0, ~named
    )


def closings(session: Session, book_id: int) -> Rows:
    """Closing figures are the sums of all rows through their month, for just the accounts that moved in it."""
    real = _through_each_month(book_id)
    same = (Closing.account_id == real.c.account_id) & (Closing.month == real.c.month)
    rows = session.execute(
        select(Account.code, Account.unit, real.c.month, real.c.came, real.c.went, real.c.moved)
        .add_columns(Closing.posted_in, Closing.posted_out, Closing.movements)
        .join(Account, Account.id == real.c.account_id)
        .outerjoin(Closing, same)
        .where(Closing.account_id.is_(None) | _differ(real))
        .order_by(real.c.month, Account.code)
    )
    for code, unit, month, *found in rows:
        came, went, moved, *kept = (None if figure is None else int(figure) for figure in found)
        told = "没有这一行" if kept[0] is None else f"记着转入 {kept[0]}、转出 {kept[1]}、{kept[2]} 笔"
        yield f"closing {month} {code}/{unit}", f"{told}，逐笔重算是转入 {came}、转出 {went}、{moved} 笔。"
    needless = session.execute(
        select(Closing.month, Closing.account_id, Account.code, Closing.unit)
        .outerjoin(real, same)
        .outerjoin(Account, Account.id == Closing.account_id)
        .where(Closing.book_id == book_id, real.c.account_id.is_(None))
        .order_by(Closing.month, Closing.account_id)
    )
    for month, account_id, code, unit in needless:
        yield f"closing {month} {code or account_id}/{unit}", "这个账户在这个月没有变动，或者这个月没有结账。"


def _differ(real: Subquery) -> ColumnElement[bool]:
    return (
        (Closing.posted_in != real.c.came) | (Closing.posted_out != real.c.went) | (Closing.movements != real.c.moved)
    )


def _through_each_month(book_id: int) -> Subquery:
    """For each closed month and each account that moved in it: all that came and went until its end."""
    zero = func.abs(0)
    legs = union_all(
        select(
            Transfer.credit_id.label("account_id"),
            Transfer.period_id.label("period_id"),
            Transfer.amount.label("came"),
            zero.label("went"),
        ).where(Transfer.book_id == book_id),
        select(Transfer.debit_id, Transfer.period_id, zero, Transfer.amount).where(Transfer.book_id == book_id),
    ).subquery("leg")
    sums = (func.sum(legs.c.came), func.sum(legs.c.went), func.count())
    monthly = (
        select(legs.c.account_id, Period.month, *(one.label(f"of_{at}") for at, one in enumerate(sums)))
        .join(Period, Period.id == legs.c.period_id)
        .where(Period.closed_at.is_not(None))
        .group_by(legs.c.account_id, Period.month)
        .subquery("monthly")
    )

    def until_then(figure: ColumnElement[int]) -> ColumnElement[int]:
        return func.sum(figure).over(partition_by=monthly.c.account_id, order_by=monthly.c.month, rows=(None, 0))

    return select(
        monthly.c.account_id,
        monthly.c.month,
        until_then(monthly.c.of_0).label("came"),
        until_then(monthly.c.of_1).label("went"),
        until_then(monthly.c.of_2).label("moved"),
    ).subquery("through")
