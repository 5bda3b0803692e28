"""The closing figures of a month: one statement, however many accounts moved."""

from __future__ import annotations

from typing import Final, cast

from sqlalchemy import Insert, String, Subquery, Table, bindparam, func, insert, select, union_all

from timebank.ledger.models import Closing, Entry, Transfer

_CLOSING, _ENTRY = cast(Table, Closing.__table__), cast(Table, Entry.__table__)
_TRANSFER = cast(Table, Transfer.__table__).c
_COLUMNS = ("account_id", "month", "book_id", "unit", "posted_in", "posted_out", "movements")


def _moved() -> Subquery:
    """What moved on each account in a period: account, unit, in, out, number of movements."""
    zero = func.abs(0)
    # By way of the entries, which an index finds by period; transfers have none of their own that begins with it.
    side = (
        select(_TRANSFER.unit)
        .join(_ENTRY, _ENTRY.c.id == _TRANSFER.entry_id)
        .where(_ENTRY.c.period_id == bindparam("period_id"))
    )
    legs = union_all(
        side.add_columns(_TRANSFER.credit_id.label("account_id"), _TRANSFER.amount.label("came"), zero.label("went")),
        side.add_columns(_TRANSFER.debit_id, zero, _TRANSFER.amount),
    ).subquery("leg")
    sums = (func.sum(legs.c.came).label("came"), func.sum(legs.c.went).label("went"), func.count().label("moved"))
    return select(legs.c.account_id, legs.c.unit, *sums).group_by(legs.c.account_id, legs.c.unit).subquery("moved")


def _close_figures() -> Insert:
    """A period's movements on top of each account's latest figures before it."""
    moved, before, earlier = _moved(), _CLOSING.alias("before"), _CLOSING.alias("earlier")
    month = bindparam("month", type_=String)
    latest = (
        select(func.max(earlier.c.month))
        .where(earlier.c.account_id == moved.c.account_id, earlier.c.month < month)
        .scalar_subquery()
    )
    rows = (
        select(
            moved.c.account_id,
            month.label("month"),
            bindparam("book_id").label("book_id"),
            moved.c.unit,
            func.coalesce(before.c.posted_in, 0) + moved.c.came,
            func.coalesce(before.c.posted_out, 0) + moved.c.went,
            func.coalesce(before.c.movements, 0) + moved.c.moved,
        )
        .select_from(moved)
        .outerjoin(before, (before.c.account_id == moved.c.account_id) & (before.c.month == latest))
    )
    return insert(_CLOSING).from_select(_COLUMNS, rows)


CLOSE_FIGURES: Final = _close_figures()
