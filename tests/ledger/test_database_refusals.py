"""What the database refuses by itself: raw SQL on a plain connection, on both engines.

Each attack is a row that would be taken, with one thing wrong; ``test_the_rows_are_good_otherwise`` proves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.ledger.bank import LATER, NOW, Bank, open_bank
from timebank.ledger import service

INSTANT = "2026-10-04 00:00:00.000000"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A plain connection to a bank with a closed September and an open October, and the ids an attacker needs."""

    connection: sa.Connection
    ids: dict[str, int]

    def run(self, statement: str, **values: Any) -> None:
        with self.connection.begin_nested():
            self.connection.execute(sa.text(statement), values)

    def insert(self, table: str, verb: str = "INSERT", **values: Any) -> None:
        row = GOOD[table](self.ids) | values
        names = ", ".join(row)
        self.run(f"{verb} INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})", **row)


GOOD: dict[str, Any] = {
    "entry": lambda ids: {
        "id": 9_000,
        "book_id": ids["book"],
        "period_id": ids["october"],
        "kind": "earn",
        "key": "attack",
        "content_hash": "0" * 64,
        "transfer_count": 1,
        "source_type": "test",
        "occurred_at": INSTANT,
        "posted_at": INSTANT,
        "facts": "{}",
        "reverses_id": None,
    },
    "transfer": lambda ids: {
        "entry_id": ids["gaping"],
        "seq": 2,
        "book_id": ids["book"],
        "unit": "coin",
        "debit_id": ids["issuance"],
        "credit_id": ids["ann"],
        "amount": 60,
    },
    "hold": lambda ids: {
        "book_id": ids["book"],
        "account_id": ids["ann"],
        "unit": "coin",
        "amount": 60,
        "key": "attack",
        "content_hash": "0" * 64,
        "source_type": "test",
        "placed_at": INSTANT,
        "expires_at": INSTANT,
    },
    "hold_end": lambda ids: {
        "hold_id": ids["open_hold"],
        "how": "void",
        "entry_id": None,
        "posted_amount": 0,
        "ended_at": INSTANT,
    },
    "account": lambda ids: {
        "book_id": ids["book"],
        "code": "member:new",
        "kind": "member",
        "unit": "coin",
        "runs": True,
        "posted_in": 0,
        "posted_out": 0,
        "held": 0,
        "floor": 0,
        "closed": False,
    },
}


def gaping_entry(bank: Bank, key: str, now: Any) -> int:
    """An entry that says it has two transfers and has one, as a crash between two statements could never leave it."""
    posted = bank.earn("ann", 60, now=now, key=f"before {key}")
    bank.session.execute(
        sa.text(
            "INSERT INTO entry (book_id, period_id, kind, key, content_hash, transfer_count, source_type, occurred_at,"
            " posted_at, facts) SELECT book_id, period_id, kind, :key, content_hash, 2, source_type, occurred_at,"
            " posted_at, facts FROM entry WHERE id = :id"
        ),
        {"key": key, "id": posted.entry_id},
    )
    return bank.session.scalars(sa.text("SELECT id FROM entry WHERE key = :key"), {"key": key}).one()


@pytest.fixture
def target(engine_url: str) -> Iterator[Target]:
    engine = databases.make_engine(engine_url)
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            ids = fill(session)
            session.commit()
        yield Target(connection=connection, ids=ids)
        outer.rollback()
    engine.dispose()


def fill(session: Session) -> dict[str, int]:
    bank, other = open_bank(session), open_bank(session, "XG")
    bank.earn("ann", 300)
    first = bank.pay("ann", "bo", 30)
    late = gaping_entry(bank, "late", NOW)
    bank.close()
    undone = bank.undo(first.entry_id, key="undone", now=LATER)
    voided = bank.hold("ann", 10)
    service.void_hold(session, voided, actor_id=None, now=LATER)
    other.earn("ann", now=LATER)
    periods = session.execute(sa.text("SELECT book_id, month, id FROM period")).all()
    months = {(book_id, month): period_id for book_id, month, period_id in periods}
    return {
        "book": bank.book_id,
        "september": months[bank.book_id, "2026-09"],
        "october": months[bank.book_id, "2026-10"],
        "foreign_october": months[other.book_id, "2026-10"],
        "issuance": bank.issuance,
        "clearing": service.open_account(
            session, book_id=bank.book_id, code="clearing:XG", kind="clearing", unit="coin"
        ),
        "ann": bank.coins["ann"],
        "ann_points": bank.points["ann"],
        "foreign_ann": other.coins["ann"],
        "foreign_book": other.book_id,
        "first": first.entry_id,
        "undone": undone.entry_id,
        "late": late,
        "gaping": gaping_entry(bank, "gaping", LATER),
        "open_hold": bank.hold("ann", 20, key="held", now=LATER),
        "voided": voided,
    }


def refused(target: Target, statement: str, match: str = "", **values: Any) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=match):
        target.run(statement, **values)


@pytest.mark.parametrize("table", GOOD)
def test_the_rows_are_good_otherwise(target: Target, table: str) -> None:
    target.insert(table)


INSERTS: list[tuple[str, dict[str, Any], str]] = [
    # amounts
    ("transfer", {"amount": 0}, "amount_positive"),
    ("transfer", {"amount": -60}, "amount_positive"),
    ("transfer", {"amount": None}, "(?i)not.null|whole number"),
    ("hold", {"amount": 0}, "amount_positive"),
    ("hold", {"amount": -1}, "amount_positive"),
    # accounts
    ("transfer", {"debit_id": "ann"}, "two_accounts"),
    ("transfer", {"credit_id": "ann_points"}, "(?i)foreign key"),
    ("transfer", {"credit_id": "ann_points", "unit": "point"}, "(?i)foreign key"),
    ("transfer", {"unit": "shell"}, "(?i)foreign key"),
    ("transfer", {"credit_id": "foreign_ann"}, "(?i)foreign key"),
    ("transfer", {"debit_id": "foreign_ann"}, "(?i)foreign key"),
    ("transfer", {"book_id": "foreign_book"}, "(?i)foreign key"),
    ("transfer", {"credit_id": 999_999}, "(?i)foreign key"),
    ("transfer", {"credit_id": "clearing"}, "inter-branch"),
    ("transfer", {"debit_id": "clearing"}, "inter-branch"),
    ("hold", {"account_id": "foreign_ann"}, "(?i)foreign key"),
    ("hold", {"account_id": "ann_points"}, "(?i)foreign key"),
    # months
    ("entry", {"period_id": "september"}, "this period is closed"),
    ("entry", {"period_id": "foreign_october"}, "(?i)foreign key"),
    ("transfer", {"entry_id": "late"}, "this period is closed"),
    # once
    ("entry", {"key": "before gaping"}, "(?i)unique"),
    ("entry", {"reverses_id": "first"}, "(?i)unique"),
    ("hold", {"key": "held"}, "(?i)unique"),
    ("hold_end", {"hold_id": "voided"}, "(?i)unique"),
    ("account", {"code": "member:ann"}, "(?i)unique"),
    # whole
    ("entry", {"transfer_count": 0}, "has_transfers"),
    ("transfer", {"seq": 3}, "more transfers than the entry says"),
    ("transfer", {"seq": 0}, "more transfers than the entry says"),
    ("transfer", {"entry_id": "undone"}, "more transfers than the entry says"),
    ("transfer", {"entry_id": 999_999}, "(?i)foreign key"),
    ("hold_end", {"how": "post"}, "posted_has_entry"),
    ("hold_end", {"entry_id": "undone"}, "posted_has_entry"),
    ("hold_end", {"how": "forget"}, "how"),
    ("account", {"unit": "shell"}, "unit"),
    ("account", {"kind": "pocket"}, "kind"),
    ("account", {"held": 1}, "available_above_floor"),
    ("account", {"kind": "suspense", "runs": False, "posted_in": 5}, "only_running_has_figures"),
]


@pytest.mark.parametrize(("table", "wrong", "match"), INSERTS, ids=str)
def test_a_row_with_one_thing_wrong_is_refused(target: Target, table: str, wrong: dict[str, Any], match: str) -> None:
    values = {name: target.ids.get(value, value) if isinstance(value, str) else value for name, value in wrong.items()}
    with pytest.raises(sa.exc.IntegrityError, match=match):
        target.insert(table, **values)


@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("amount", [1.5, "sixty", "1e400"])
@pytest.mark.parametrize("table", ["transfer", "hold"])
def test_sqlite_takes_no_amount_that_is_no_whole_number(target: Target, table: str, amount: Any) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="whole number"):
        target.insert(table, amount=amount)


CHANGES = [
    ("entry", "UPDATE entry SET facts = '{}' WHERE id = :undone"),
    ("entry", "UPDATE entry SET key = 'other' WHERE id = :undone"),
    ("entry", "DELETE FROM entry WHERE id = :gaping"),
    ("transfer", "UPDATE transfer SET amount = amount + 1 WHERE entry_id = :undone"),
    ("transfer", "UPDATE transfer SET credit_id = debit_id, debit_id = credit_id WHERE entry_id = :undone"),
    ("transfer", "DELETE FROM transfer WHERE entry_id = :undone"),
    ("hold", "UPDATE hold SET amount = 1 WHERE id = :open_hold"),
    ("hold", "DELETE FROM hold WHERE id = :open_hold"),
    ("hold_end", "UPDATE hold_end SET how = 'expire' WHERE hold_id = :voided"),
    ("hold_end", "DELETE FROM hold_end WHERE hold_id = :voided"),
    ("seal", "UPDATE seal SET hash = public_key WHERE period_id = :september"),
    ("seal", "DELETE FROM seal WHERE period_id = :september"),
]


@pytest.mark.parametrize(("table", "statement"), CHANGES, ids=str)
def test_what_is_written_is_never_changed_or_deleted(target: Target, table: str, statement: str) -> None:
    named = {name: value for name, value in target.ids.items() if f":{name}" in statement}
    refused(target, statement, f"{table} rows are never changed or deleted", **named)


@pytest.mark.parametrize("table", ["entry", "transfer", "hold", "hold_end"])
def test_nor_replaced_by_an_insert(target: Target, table: str) -> None:
    known: dict[str, dict[str, Any]] = {
        "entry": {"id": target.ids["gaping"], "key": "gaping"},
        "transfer": {"entry_id": target.ids["undone"], "seq": 1},
        "hold": {"key": "held", "amount": 1},
        "hold_end": {"hold_id": target.ids["voided"], "how": "expire"},
    }
    if target.connection.dialect.name == "sqlite":
        with pytest.raises(sa.exc.IntegrityError, match="never changed or deleted"):
            target.insert(table, "INSERT OR REPLACE", **known[table])
    unique = {"entry": "id", "transfer": "entry_id, seq", "hold": "book_id, key", "hold_end": "hold_id"}[table]
    row = GOOD[table](target.ids) | known[table]
    upsert = (
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"
        f" ON CONFLICT ({unique}) DO UPDATE SET {list(row)[-1]} = excluded.{list(row)[-1]}"
    )
    refused(target, upsert, "never changed or deleted", **row)


@pytest.mark.parametrize("engine_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["entry", "transfer", "hold", "hold_end", "seal", "period"])
def test_postgresql_empties_no_table_of_the_books(target: Target, table: str) -> None:
    refused(target, f"TRUNCATE {table} CASCADE", "never changed or deleted")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE period SET closed_at = NULL, closed_by_id = NULL, closed_by_name = NULL WHERE id = :september",
        "UPDATE period SET closed_by_name = '别人' WHERE id = :september",
        "UPDATE period SET month = '2026-08' WHERE id = :september",
        "UPDATE period SET month = '2026-08' WHERE id = :october",
        "DELETE FROM period WHERE id = :september",
        "DELETE FROM period WHERE id = :october",
    ],
)
def test_a_closed_month_stays_closed(target: Target, statement: str) -> None:
    named = {name: target.ids[name] for name in ("september", "october") if f":{name}" in statement}
    refused(target, statement, "a closed period stays closed", **named)


@pytest.mark.parametrize("change", ["closed_at = :at", "closed_by_name = 'x'", "closed_by_id = 1"])
def test_a_month_is_closed_by_somebody_at_some_time(target: Target, change: str) -> None:
    values = {"at": INSTANT} if ":at" in change else {}
    statement = f"UPDATE period SET {change} WHERE id = :october"
    refused(target, statement, "closed_by", october=target.ids["october"], **values)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("posted_out = posted_out + 10000", "available_above_floor"),
        ("held = held + 10000", "available_above_floor"),
        ("floor = 10000", "available_above_floor"),
        ("posted_in = 0", "available_above_floor"),
        ("posted_in = -1, posted_out = -10000", "figures"),
        ("held = -1", "figures"),
        ("kind = 'fund'", "never change"),
        ("unit = 'point'", "never change"),
        ("code = 'member:other'", "never change"),
        ("runs = false, posted_in = 0, posted_out = 0, held = 0", "never change"),
        ("id = 999999", "never change"),
        ("book_id = :foreign_book", "never change"),
    ],
)
def test_an_account_stays_what_it_is_and_above_its_floor(target: Target, change: str, match: str) -> None:
    named = {"foreign_book": target.ids["foreign_book"]} if ":foreign_book" in change else {}
    refused(target, f"UPDATE account SET {change} WHERE id = :ann", match, ann=target.ids["ann"], **named)


def test_an_account_that_moved_cannot_be_deleted(target: Target) -> None:
    refused(target, "DELETE FROM account WHERE id = :ann", "(?i)foreign key", ann=target.ids["ann"])


def test_a_house_account_has_no_figures_to_run(target: Target) -> None:
    statement = "UPDATE account SET posted_out = 5 WHERE id = :issuance"
    refused(target, statement, "only_running_has_figures", issuance=target.ids["issuance"])


def test_clearing_accounts_move_between_branches(target: Target) -> None:
    target.insert("entry", kind="inter_branch")
    target.insert("transfer", entry_id=9_000, seq=1, debit_id=target.ids["ann"], credit_id=target.ids["clearing"])
