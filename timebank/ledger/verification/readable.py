"""Whether every value can be read at all: SQLite keeps anything in any column, and a foreign hand can write it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, cast

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Select,
    String,
    Table,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from timebank.core.db import Base, UTCDateTime
from timebank.ledger.models import (
    KINDS,
    UNITS,
    Account,
    Closing,
    Entry,
    FloorDecision,
    Hold,
    HoldEnd,
    Period,
    Seal,
    Transfer,
)
from timebank.ledger.verification.check import Rows

_TABLES: Final[tuple[type[Base], ...]] = (
    Account, Period, Entry, Transfer, Hold, HoldEnd, Seal, Closing, FloorDecision,
)  # fmt: skip
_WORDS: Final[dict[tuple[str, str], Collection[str]]] = {
    ("account", "kind"): KINDS,
    ("hold_end", "how"): ("post", "void", "expire"),
    **{(table, "unit"): UNITS for table in ("account", "transfer", "hold", "closing")},
}
_SECONDS: Final = len("2026-10-01 08:00:00")
_FRACTION: Final = ".[0-9][0-9][0-9][0-9][0-9][0-9]"


def readable(session: Session, book_id: int) -> Rows:
    """Every value of every row is of its column's kind, and each word one of those there are."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    for table in _TABLES:
        columns = list(cast(Table, table.__table__).columns)
        wrong = [~_sound(column, sqlite=sqlite) for column in columns]
        keys = [column for column in columns if column.primary_key]
        shown: list[Any] = [*(func.coalesce(one, false()) for one in wrong), *map(_text, keys)]
        chosen = select(*shown).where(or_(*wrong))
        for row in session.execute(_of_book(chosen, table, book_id)):
            key = " ".join(row[len(wrong) :])
            names = "、".join(column.name for column, bad in zip(columns, row, strict=False) if bad)
            yield f"{table.__tablename__} {key}", f"读不出来，或者是没有的说法：{names}。"


def _text(column: Column[Any]) -> ColumnElement[str]:
    return literal("").op("||")(column)


def _of_book(chosen: Select[Any], table: type[Base], book_id: int) -> Select[Any]:
    if table is HoldEnd:
        return chosen.join(Hold, Hold.id == HoldEnd.hold_id).where(Hold.book_id == book_id)
    if table is FloorDecision:
        return chosen.join(Account, Account.id == FloorDecision.account_id).where(Account.book_id == book_id)
    return chosen.where(table.__table__.c.book_id == book_id)


def _sound(column: Column[Any], *, sqlite: bool) -> ColumnElement[bool]:
    """What holds for a value that can be read; PostgreSQL itself keeps the kinds of its columns."""
    words = _WORDS.get((column.table.name, column.name))
    asked = [
        *([_of_its_kind(column)] if sqlite else []),
        *([column.in_(words)] if words else []),
        *([column.like("____-__")] if column.name == "month" else []),
        *([_is_object(column, sqlite=sqlite)] if isinstance(column.type, JSON) else []),
    ]
    sound = and_(literal(1) == 1, *asked)
    return or_(column.is_(None), sound) if column.nullable else sound


def _of_its_kind(column: Column[Any]) -> ColumnElement[bool]:
    if isinstance(column.type, UTCDateTime):
        return _is_instant(column)
    if isinstance(column.type, Boolean):
        return and_(func.typeof(column) == "integer", literal(0) <= column, column <= literal(1))
    wanted = {Integer: "integer", String: "text", JSON: "text"}
    return func.typeof(column) == next(word for kind, word in wanted.items() if isinstance(column.type, kind))


def _is_instant(column: Column[Any]) -> ColumnElement[bool]:
    """SQLite reckons with it and writes the same instant again; a fraction has six digits or is not there."""
    seconds, rest = func.substr(column, 1, _SECONDS), func.substr(column, _SECONDS + 1)
    return and_(
        func.typeof(column) == "text",
        func.coalesce(func.datetime(seconds, "+0 days") == seconds, false()),
        or_(rest == "", rest.op("GLOB")(_FRACTION)),
    )


def _is_object(column: Column[Any], *, sqlite: bool) -> ColumnElement[bool]:
    if not sqlite:
        return func.json_typeof(column) == "object"
    return case((func.json_valid(column), func.json_type(column) == "object"), else_=false())
