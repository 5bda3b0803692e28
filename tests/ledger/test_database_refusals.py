"""What the database refuses by itself, whatever program writes: raw SQL on a plain driver connection, on both engines.

Each attack is a row that would be taken, with one thing wrong; ``test_the_rows_are_good_otherwise`` proves it. SQLite
is opened as its own shell opens it: no foreign keys, no recursive triggers. Attacks come alone, in a bulk statement
beside a good row, inside a savepoint of a transaction that goes on, and while a close is running. After each, the books
are what they were.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.ledger.bank import LATER, NOW, Bank, open_bank
from timebank.core.db import write_session

INSTANT = "2026-10-04 00:00:00.000000"
GAPING = {"complete", "numbering"}  # what the checks say of the gaping entries that the fixture itself leaves
Refused = (sqlite3.IntegrityError, psycopg.errors.IntegrityError)
BOOKS = (
    "book", "account", "period", "entry", "transfer", "hold", "hold_end", "seal", "closing", "floor_decision",
)  # fmt: skip


@dataclass(kw_only=True)
class Target:
    """A plain connection to a bank with a closed August and September and an open October, and the ids one needs."""

    connection: Any
    engine: sa.Engine
    bank: Bank
    ids: dict[str, int] = field(default_factory=dict)

    @property
    def sqlite(self) -> bool:
        return isinstance(self.connection, sqlite3.Connection)

    def run(self, statement: str, values: dict[str, Any] | None = None) -> list[Any]:
        """One statement as the driver takes it; ``:name`` marks a value."""
        marked = statement if self.sqlite else re.sub(r":(\w+)", r"%(\1)s", statement)
        found = self.connection.execute(marked, values or {})
        return found.fetchall() if found.description else []

    def insert(self, table: str, *rows: dict[str, Any], verb: str = "INSERT", rest: str = "") -> None:
        """Rows like the good one of ``GOOD``, each with its differences, in one statement."""
        names = list(GOOD[table](self.ids))
        full = [GOOD[table](self.ids) | row for row in rows]
        places = ", ".join(f"({', '.join(f':{name}_{at}' for name in names)})" for at in range(len(full)))
        values = {f"{name}_{at}": row[name] for at, row in enumerate(full) for name in names}
        self.run(f"{verb} INTO {table} ({', '.join(names)}) VALUES {places} {rest}", values)

    def contents(self) -> dict[str, list[Any]]:
        """Everything in the books."""
        return {table: sorted(map(repr, self.run(f"SELECT * FROM {table}"))) for table in BOOKS}

    def named(self, values: dict[str, Any]) -> dict[str, Any]:
        """Names of ids replaced by the ids."""
        return {name: self.ids.get(value, value) if isinstance(value, str) else value for name, value in values.items()}

    def filled(self, statement: str) -> str:
        """A statement with the names of ids in braces replaced by the ids."""
        return statement.format(**self.ids)


GOOD: dict[str, Callable[[dict[str, int]], dict[str, Any]]] = {
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
        "id": 9_000,
        "entry_id": ids["gaping"],
        "seq": 2,
        "book_id": ids["book"],
        "period_id": ids["october"],
        "unit": "coin",
        "debit_id": ids["issuance"],
        "credit_id": ids["ann"],
        "amount": 60,
    },
    "hold": lambda ids: {
        "id": 9_000,
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
        "id": 9_000,
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
    "closing": lambda ids: {
        "account_id": ids["chen"],
        "month": "2026-09",
        "book_id": ids["book"],
        "unit": "coin",
        "posted_in": 1,
        "posted_out": 0,
        "movements": 1,
    },
    "floor_decision": lambda ids: {
        "id": 9_000,
        "account_id": ids["ann"],
        "entry_id": ids["undone"],
        "floor": -30,
        "reason": "录错了",
        "asked_by_id": 1,
        "decided_by_id": 2,
        "decided_at": INSTANT,
    },
}
# A second good row beside the first, for bulk statements.
BESIDE: dict[str, dict[str, Any]] = {
    "entry": {"id": 9_001, "key": "beside"},
    "transfer": {"id": 9_001, "entry_id": "gaping_too"},
    "hold": {"id": 9_001, "key": "beside", "amount": 1},
    "hold_end": {"hold_id": "other_hold"},
    "account": {"id": 9_001, "code": "member:beside"},
    "closing": {"account_id": "chen_points", "unit": "point"},
    "floor_decision": {"id": 9_001, "account_id": "bo"},
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


def plain_connection(url: str) -> Any:
    """What the database's own shell would open: no settings, no ORM, statements one by one."""
    made = sa.make_url(url)
    if made.get_backend_name() == "sqlite":
        return sqlite3.connect(str(made.database), isolation_level=None, timeout=30, check_same_thread=False)
    return psycopg.connect(host=str(made.query["host"]), user=made.username, dbname=made.database, autocommit=True)


@contextmanager
def open_target(engine_name: str) -> Iterator[Target]:
    """A filled bank on a database of its own, and a plain connection to it."""
    with databases.fresh(engine_name) as url:
        engine = databases.make_engine(url)
        with Session(engine, expire_on_commit=False) as session:
            with write_session(session):
                bank, ids = fill(session)
            with closing(plain_connection(url)) as connection:
                yield Target(connection=connection, engine=engine, bank=bank, ids=ids)
        engine.dispose()


@pytest.fixture(scope="session")
def targets() -> Iterator[dict[str, Target]]:
    """This worker's bank on each engine, made when first asked for: refused attacks leave it as it was."""
    with ExitStack() as stack:
        yield Targets(stack)


class Targets(dict[str, Target]):
    """Banks by the name of their engine."""

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self.stack = stack

    def __missing__(self, engine_name: str) -> Target:
        self[engine_name] = made = self.stack.enter_context(open_target(engine_name))
        return made


@pytest.fixture
def target(engine_url: str, targets: Targets) -> Iterator[Target]:
    """The shared bank. What a test begins is rolled back; what it does outside of a transaction must leave no trace."""
    shared = targets[sa.make_url(engine_url).get_backend_name()]
    yield shared
    shared.connection.rollback()
    shared.bank.session.rollback()


@pytest.fixture
def own_target(engine_url: str) -> Iterator[Target]:
    """A bank for one test, which may commit."""
    with open_target(sa.make_url(engine_url).get_backend_name()) as made:
        yield made


def fill(session: Session) -> tuple[Bank, dict[str, int]]:
    bank, other = open_bank(session), open_bank(session, "XG")
    bank.earn("ann", 300)
    first = bank.pay("ann", "bo", 30)
    late = gaping_entry(bank, "late", NOW)
    bank.close()
    undone = bank.undo(first.entry_id, key="undone", now=LATER)
    voided = bank.hold("ann", 10)
    bank.void(voided)
    other.earn("ann", now=LATER)
    giving = bank.give_account("ann")
    bank.give("ann", 60, key="to give", now=LATER)
    shut = bank.shut_account("dan")
    periods = session.execute(sa.text("SELECT book_id, month, id FROM period")).all()
    months = {(book_id, month): period_id for book_id, month, period_id in periods}
    return bank, {
        "book": bank.book_id,
        "september": months[bank.book_id, "2026-09"],
        "october": months[bank.book_id, "2026-10"],
        "foreign_october": months[other.book_id, "2026-10"],
        "issuance": bank.issuance,
        "fund": bank.house("fund"),
        "clearing": bank.clearing("XG"),
        "giving": giving,
        "shut": shut,
        "ann": bank.coins["ann"],
        "bo": bank.coins["bo"],
        "chen": bank.coins["chen"],
        "ann_points": bank.points["ann"],
        "chen_points": bank.points["chen"],
        "foreign_ann": other.coins["ann"],
        "foreign_book": other.book_id,
        "first": first.entry_id,
        "undone": undone.entry_id,
        "late": late,
        "gaping": gaping_entry(bank, "gaping", LATER),
        "gaping_too": gaping_entry(bank, "gaping too", LATER),
        "open_hold": bank.hold("ann", 20, key="held", now=LATER),
        "other_hold": bank.hold("ann", 5, key="held too", now=LATER),
        "voided": voided,
    }


@pytest.mark.parametrize("table", GOOD)
def test_the_rows_are_good_otherwise(target: Target, table: str) -> None:
    target.run("BEGIN")
    target.insert(table, {}, target.named(BESIDE[table]))


# --- the attacks ---------------------------------------------------------------------------------------------------

# A row, what is wrong with it, and the name of the constraint or the words of the trigger that refuses it.
ROWS: list[tuple[str, dict[str, Any], str]] = [
    # amount ≤ 0
    ("transfer", {"amount": 0}, "ck_transfer_amount_positive"),
    ("transfer", {"amount": -60}, "ck_transfer_amount_positive"),
    ("transfer", {"amount": None}, "(?i)not.null|whole number"),
    ("hold", {"amount": 0}, "ck_hold_amount_positive"),
    ("hold", {"amount": -1}, "ck_hold_amount_positive"),
    # same account twice
    ("transfer", {"debit_id": "ann"}, "ck_transfer_two_accounts"),
    # units crossing
    ("transfer", {"credit_id": "ann_points"}, "fk_transfer_credit_same_book_and_unit|one unit"),
    ("transfer", {"credit_id": "ann_points", "unit": "point"}, "fk_transfer_debit_same_book_and_unit|one unit"),
    ("transfer", {"unit": "shell"}, "fk_transfer_(debit|credit)_same_book_and_unit|one unit"),
    ("hold", {"account_id": "ann_points"}, "fk_hold_account_same_book_and_unit|one unit"),
    # an account of another branch in an entry
    ("transfer", {"credit_id": "foreign_ann"}, "fk_transfer_credit_same_book_and_unit|one book"),
    ("transfer", {"debit_id": "foreign_ann"}, "fk_transfer_debit_same_book_and_unit|one book"),
    ("transfer", {"book_id": "foreign_book"}, "fk_transfer|one book"),
    ("transfer", {"credit_id": 999_999}, "fk_transfer_credit_same_book_and_unit|one book"),
    ("transfer", {"period_id": "september"}, "fk_transfer_entry_same_book_and_period|one period"),
    ("hold", {"account_id": "foreign_ann"}, "fk_hold_account_same_book_and_unit|one book"),
    ("entry", {"period_id": "foreign_october"}, "fk_entry_period_id_book_id|one book"),
    # a clearing account in an entry that is not inter-branch
    ("transfer", {"credit_id": "clearing"}, "inter-branch"),
    ("transfer", {"debit_id": "clearing"}, "inter-branch"),
    # posting into a closed period
    ("entry", {"period_id": "september", "posted_at": "2026-09-20 00:00:00.000000"}, "this period is closed"),
    ("entry", {"posted_at": "2026-09-20 00:00:00.000000"}, "the month it was posted in"),
    ("entry", {"posted_at": "2026-10-31 16:00:00.000000"}, "the month it was posted in"),
    ("transfer", {"entry_id": "late", "period_id": "september"}, "this period is closed"),
    # a key used twice, a second reversal, a second end of a hold
    ("hold_end", {"hold_id": "voided"}, "pk_hold_end|never changed"),
    ("hold_end", {"hold_id": 999_999}, "fk_hold_end_hold_id|a hold ends that was placed"),
    # available below floor
    ("transfer", {"debit_id": "ann", "credit_id": "bo", "amount": 10_000}, "ck_account_available_above_floor"),
    ("transfer", {"debit_id": "fund", "credit_id": "bo", "amount": 1}, "ck_account_available_above_floor"),
    ("hold", {"amount": 10_000}, "ck_account_available_above_floor"),
    ("hold", {"account_id": "fund"}, "ck_account_available_above_floor"),
    ("floor_decision", {"floor": 0}, "ck_floor_decision_floor_below_zero"),
    ("floor_decision", {"decided_by_id": 1}, "ck_floor_decision_four_eyes"),
    ("floor_decision", {"reason": ""}, "ck_floor_decision_has_reason"),
    ("floor_decision", {"entry_id": 999_999}, "fk_floor_decision_entry_id|that there are"),
    ("floor_decision", {"account_id": 999_999}, "fk_floor_decision_account_id|that there are"),
    ("floor_decision", {"account_id": "fund"}, "only a member may owe"),
    ("floor_decision", {"account_id": "issuance"}, "only a member may owe"),
    # give-away coins, closed accounts, house accounts
    ("transfer", {"debit_id": "giving", "credit_id": "ann"}, "given, not spent"),
    ("hold", {"account_id": "giving"}, "given, not spent"),
    ("transfer", {"credit_id": "shut"}, "this account is closed"),
    ("hold", {"account_id": "shut"}, "this account is closed"),
    ("hold", {"account_id": "issuance"}, "only a running account can hold"),
    # whole
    ("entry", {"transfer_count": 0}, "ck_entry_has_transfers"),
    ("transfer", {"seq": 3}, "more transfers than the entry says"),
    ("transfer", {"seq": 0}, "more transfers than the entry says"),
    ("transfer", {"entry_id": "undone"}, "more transfers than the entry says"),
    ("transfer", {"entry_id": 999_999}, "fk_transfer_entry_same_book_and_period|one book"),
    ("hold_end", {"how": "post"}, "ck_hold_end_posted_has_entry"),
    ("hold_end", {"entry_id": "undone"}, "ck_hold_end_posted_has_entry"),
    ("hold_end", {"how": "forget"}, "ck_hold_end_how"),
    ("hold_end", {"how": "post", "entry_id": "undone", "posted_amount": 21}, "no more is posted than was held"),
    ("hold_end", {"how": "post", "entry_id": "undone", "posted_amount": -1}, "no more is posted than was held"),
    ("hold_end", {"how": "post", "entry_id": 999_999}, "fk_hold_end_entry_id|an entry that was made"),
    ("account", {"unit": "shell"}, "ck_account_unit"),
    ("account", {"kind": "pocket"}, "ck_account_kind"),
    ("account", {"posted_in": 500}, "an account opens empty"),
    ("account", {"held": 1}, "an account opens empty"),
    ("account", {"floor": -500}, "an account opens empty"),
    ("closing", {"account_id": "foreign_ann"}, "fk_closing_account_same_book_and_unit|one book"),
    ("closing", {"unit": "point"}, "fk_closing_account_same_book_and_unit|one unit"),
    ("closing", {"month": "2026-10"}, "closing figures are for closed periods"),
    ("closing", {"account_id": "ann"}, "pk_closing|never changed"),
]
# On SQLite a row that is there already is left as it is without a word, as our own code asks for it: so these are
# refused with an error on PostgreSQL only, and change nothing on either.
SAME_ROWS: list[tuple[str, dict[str, Any], str]] = [
    ("entry", {"key": "before gaping"}, "uq_entry_book_id_key"),
    ("entry", {"reverses_id": "first"}, "uq_entry_reverses_id"),
    ("hold", {"key": "held"}, "uq_hold_book_id_key"),
    ("account", {"code": "member:ann"}, "uq_account_book_id_code_unit"),
]
# Whole statements. Ids stand in braces.
CHANGES: list[tuple[str, str]] = [
    *(
        (statement, f"{table} rows are never changed or deleted")
        for table, statement in [
            ("entry", "UPDATE entry SET facts = '{{}}' WHERE id = {undone}"),
            ("entry", "UPDATE entry SET key = 'other' WHERE id = {undone}"),
            ("entry", "UPDATE entry SET kind = 'gift'"),
            ("entry", "DELETE FROM entry WHERE id = {gaping}"),
            ("entry", "DELETE FROM entry"),
            ("transfer", "UPDATE transfer SET amount = amount + 1 WHERE entry_id = {undone}"),
            ("transfer", "UPDATE transfer SET credit_id = debit_id, debit_id = credit_id WHERE entry_id = {undone}"),
            ("transfer", "UPDATE transfer SET amount = 1"),
            ("transfer", "DELETE FROM transfer WHERE entry_id = {undone}"),
            ("transfer", "DELETE FROM transfer"),
            ("hold", "UPDATE hold SET amount = 1 WHERE id = {open_hold}"),
            ("hold", "UPDATE hold SET expires_at = placed_at"),
            ("hold", "DELETE FROM hold WHERE id = {open_hold}"),
            ("hold_end", "UPDATE hold_end SET how = 'expire' WHERE hold_id = {voided}"),
            ("hold_end", "DELETE FROM hold_end WHERE hold_id = {voided}"),
            ("seal", "UPDATE seal SET hash = public_key WHERE period_id = {september}"),
            ("seal", "DELETE FROM seal"),
            ("closing", "UPDATE closing SET posted_in = posted_in + 60, posted_out = posted_out + 60"),
            ("closing", "DELETE FROM closing WHERE account_id = {ann}"),
        ]
    ),
    *(
        (statement, "a closed period stays closed")
        for statement in [
            "UPDATE period SET closed_at = NULL, closed_by_id = NULL, closed_by_name = NULL WHERE id = {september}",
            "UPDATE period SET closed_at = NULL, closed_by_id = NULL, closed_by_name = NULL",
            "UPDATE period SET closed_by_name = '别人' WHERE id = {september}",
            "UPDATE period SET month = '2026-08' WHERE id = {october}",
            "DELETE FROM period WHERE id = {september}",
            "DELETE FROM period WHERE id = {october}",
        ]
    ),
    ("UPDATE period SET closed_by_name = 'x' WHERE id = {october}", "ck_period_closed_by"),
    ("UPDATE account SET posted_out = posted_out + 10000 WHERE id = {ann}", "available_above_floor|figures follow"),
    ("UPDATE account SET held = held + 10000 WHERE id = {ann}", "available_above_floor|figures follow"),
    ("UPDATE account SET posted_in = 0", "available_above_floor|figures follow"),
    ("UPDATE account SET held = -1 WHERE id = {ann}", "ck_account_figures|figures follow"),
    ("UPDATE account SET posted_out = 5 WHERE id = {issuance}", "only_running_has_figures|figures follow"),
    ("UPDATE account SET floor = -10000 WHERE id = {ann}", "a floor is lowered by a decision of two"),
    ("UPDATE account SET floor = -1", "a floor is lowered by a decision of two"),
    ("UPDATE account SET floor = 10000 WHERE id = {ann}", "available_above_floor|figures follow"),
    *(
        (f"UPDATE account SET {change} WHERE id = {{ann}}", "never change")
        for change in (
            "kind = 'fund'",
            "unit = 'point'",
            "code = 'somebody'",
            "id = 999999",
            "book_id = {foreign_book}",
        )
    ),
    ("DELETE FROM account WHERE id = {ann}", "never deleted"),
    ("DELETE FROM account", "never deleted"),
    ("DELETE FROM book", "never deleted"),
]


def refused(target: Target, attack: Callable[[], None], match: str) -> None:
    """The attack ends in an error that names its reason, and leaves no trace."""
    before = target.contents()
    with pytest.raises(Refused, match=match):
        attack()
    assert target.contents() == before


@pytest.mark.parametrize(("table", "wrong", "match"), ROWS, ids=str)
def test_a_row_with_one_thing_wrong_is_refused_alone_and_in_a_bulk_statement(
    target: Target, table: str, wrong: dict[str, Any], match: str
) -> None:
    bad, beside = target.named(wrong), target.named(BESIDE[table])
    refused(target, lambda: target.insert(table, bad), match)
    refused(target, lambda: target.insert(table, beside, bad), match)
    refused(target, lambda: target.insert(table, bad, beside), match)


@pytest.mark.parametrize(("table", "same", "match"), SAME_ROWS, ids=str)
def test_what_was_written_once_is_not_written_again(
    target: Target, table: str, same: dict[str, Any], match: str
) -> None:
    if not target.sqlite:
        refused(target, lambda: target.insert(table, target.named(same)), match)
        return
    before = target.contents()
    target.insert(table, target.named(same))
    assert target.contents() == before


@pytest.mark.parametrize(("statement", "match"), CHANGES, ids=str)
def test_what_is_written_is_never_changed_or_deleted(target: Target, statement: str, match: str) -> None:
    refused(target, lambda: target.run(target.filled(statement)) and None, match)


@pytest.mark.parametrize(
    ("table", "known"),
    [
        ("entry", {"id": "gaping", "key": "gaping"}),
        ("entry", {"key": "before gaping", "facts": '{"x": 1}'}),
        ("entry", {"reverses_id": "first"}),
        ("transfer", {"entry_id": "undone", "seq": 1, "amount": 1}),
        ("hold", {"key": "held", "amount": 1}),
        ("hold_end", {"hold_id": "voided", "how": "expire"}),
        ("account", {"code": "member:ann"}),
        ("account", {"id": "ann"}),
        ("closing", {"account_id": "ann", "posted_in": 500}),
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["REPLACE", "ON CONFLICT DO UPDATE", "ON CONFLICT DO NOTHING"])
def test_nor_is_it_replaced_by_an_insert(target: Target, table: str, known: dict[str, Any], how: str) -> None:
    """SQLite's REPLACE deletes without firing a trigger of DELETE; an INSERT that does nothing must move no figure."""
    row, before = target.named(known), target.contents()
    unique = {"entry": "id", "transfer": "entry_id, seq", "hold": "book_id, key", "hold_end": "hold_id"}
    unique |= {"account": "id", "closing": "account_id, month"}
    try:
        if how == "REPLACE":
            if target.sqlite:
                target.insert(table, row, verb="INSERT OR REPLACE")
        elif how.endswith("NOTHING"):
            target.insert(table, row, rest=how)
        else:
            column = list(row)[-1]
            target.insert(table, row, rest=f"ON CONFLICT ({unique[table]}) DO UPDATE SET {column} = excluded.{column}")
    except Refused:
        pass
    assert target.contents() == before


@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_sqlite_replaces_no_month_and_no_book(target: Target) -> None:
    before = target.contents()
    for statement in (
        "REPLACE INTO period (id, book_id, month) VALUES ({september}, {book}, '2026-09')",
        "REPLACE INTO period (id, book_id, month) VALUES (9000, {book}, '2026-09')",
        "REPLACE INTO book (id, code) VALUES ({book}, 'ZZ')",
        "REPLACE INTO book (id, code) VALUES (9000, 'BL')",
    ):
        target.run(target.filled(statement))
        assert target.contents() == before


@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("amount", [1.5, "sixty", "1e400"])
@pytest.mark.parametrize("table", ["transfer", "hold"])
def test_sqlite_takes_no_amount_that_is_no_whole_number(target: Target, table: str, amount: Any) -> None:
    refused(target, lambda: target.insert(table, {"amount": amount}), "whole number")


@pytest.mark.parametrize("engine_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", BOOKS)
def test_postgresql_empties_no_table_of_the_books(target: Target, table: str) -> None:
    refused(target, lambda: target.run(f"TRUNCATE {table} CASCADE") and None, "never changed or deleted|never deleted")


@pytest.mark.parametrize("engine_url", ["postgresql"], indirect=True)
def test_postgresql_takes_no_bad_row_by_copy(target: Target) -> None:
    row = GOOD["transfer"](target.ids) | {"debit_id": target.ids["ann"], "credit_id": target.ids["bo"]}

    def copy() -> None:
        with target.connection.cursor().copy(f"COPY transfer ({', '.join(row)}) FROM STDIN") as copying:
            copying.write_row((row | {"amount": 10_000}).values())

    refused(target, copy, "ck_account_available_above_floor")


@pytest.mark.parametrize("engine_url", ["postgresql"], indirect=True)
def test_postgresql_lets_nobody_touch_running_figures_by_hand(target: Target) -> None:
    """Not even to a sum that fits: an administrator who puts a balance right in a console hides what went wrong."""
    for change in ("posted_in = posted_in + 1", "posted_in = posted_in + 1, posted_out = posted_out + 1", "held = 0"):
        refused(target, lambda c=change: target.run(f"UPDATE account SET {c}") and None, "figures follow")


def test_figures_follow_what_any_program_writes(own_target: Target) -> None:
    """A raw transfer moves both running balances; nothing has to be told to the accounts."""
    own_target.insert("transfer", {"debit_id": own_target.ids["ann"], "credit_id": own_target.ids["bo"], "amount": 7})
    own_target.insert("hold", {"amount": 3})
    own_target.bank.session.rollback()
    assert own_target.bank.findings() == {*GAPING, "keys"}  # the gap it filled is not what its key stood for


def test_clearing_accounts_move_between_branches(target: Target) -> None:
    target.run("BEGIN")
    target.insert("entry", {"kind": "inter_branch"})
    moved = {"entry_id": 9_000, "seq": 1, "debit_id": target.ids["ann"], "credit_id": target.ids["clearing"]}
    target.insert("transfer", moved)


def test_give_away_coins_move_by_gifts(target: Target) -> None:
    target.run("BEGIN")
    target.insert("entry", {"kind": "gift"})
    target.insert("transfer", {"entry_id": 9_000, "seq": 1, "debit_id": target.ids["giving"]})


def test_a_floor_is_lowered_by_a_decision_and_lifted_by_what_comes_in(target: Target) -> None:
    target.run("BEGIN")
    target.insert("floor_decision", {"account_id": target.ids["chen"]})
    assert target.run(target.filled("SELECT floor FROM account WHERE id = {chen}")) == [(-30,)]
    target.insert("transfer", {"debit_id": target.ids["chen"], "credit_id": target.ids["bo"], "amount": 30})
    into = {"id": 9_001, "entry_id": target.ids["gaping_too"], "credit_id": target.ids["chen"], "amount": 20}
    target.insert("transfer", into)
    assert target.run(target.filled("SELECT posted_in - posted_out, floor FROM account WHERE id = {chen}")) == [
        (-10, -10)
    ]


# --- inside a savepoint, and while a close is running --------------------------------------------------------------

# One attack for each line of "The database refuses".
LINES: dict[str, tuple[Callable[[Target], None], str]] = {
    "amount ≤ 0": (lambda t: t.insert("transfer", {"amount": 0}), "amount_positive"),
    "same account twice": (lambda t: t.insert("transfer", t.named({"debit_id": "ann"})), "two_accounts"),
    "units crossing": (lambda t: t.insert("transfer", t.named({"credit_id": "ann_points"})), "fk_transfer|one unit"),
    "update": (lambda t: t.run("UPDATE transfer SET amount = 1") and None, "never changed"),
    "delete": (lambda t: t.run("DELETE FROM entry") and None, "never changed"),
    "end of a hold changed": (lambda t: t.run("UPDATE hold_end SET how = 'expire'") and None, "never changed"),
    "seal changed": (lambda t: t.run("UPDATE seal SET hash = ''") and None, "never changed"),
    "closed period": (
        lambda t: t.insert("entry", t.named({"period_id": "september", "posted_at": "2026-09-20 00:00:00.000000"})),
        "this period is closed",
    ),
    "second end of a hold": (lambda t: t.insert("hold_end", t.named({"hold_id": "voided"})), "pk_hold_end|never"),
    "below floor": (
        lambda t: t.insert("transfer", t.named({"debit_id": "ann", "credit_id": "bo", "amount": 10_000})),
        "available_above_floor",
    ),
    "clearing": (lambda t: t.insert("transfer", t.named({"credit_id": "clearing"})), "inter-branch"),
    "another branch": (lambda t: t.insert("transfer", t.named({"credit_id": "foreign_ann"})), "fk_transfer|one book"),
}
SILENT_ON_SQLITE: dict[str, tuple[Callable[[Target], None], str]] = {
    "second reversal": (lambda t: t.insert("entry", t.named({"reverses_id": "first"})), "uq_entry_reverses_id"),
    "key used twice": (lambda t: t.insert("entry", {"key": "before gaping"}), "uq_entry_book_id_key"),
}


@pytest.mark.parametrize("line", [*LINES, *SILENT_ON_SQLITE])
def test_a_refusal_inside_a_savepoint_leaves_the_rest_of_the_transaction(target: Target, line: str) -> None:
    attack, match = (LINES | SILENT_ON_SQLITE)[line]
    target.run("BEGIN")
    target.insert("account", {})
    before = target.contents()
    target.run("SAVEPOINT attack")
    if target.sqlite and line in SILENT_ON_SQLITE:
        attack(target)
    else:
        with pytest.raises(Refused, match=match):
            attack(target)
        target.run("ROLLBACK TO SAVEPOINT attack")
    target.run("RELEASE SAVEPOINT attack")
    assert target.contents() == before
    assert target.run("SELECT code FROM account WHERE id = 9000") == [("member:new",)]


@pytest.mark.parametrize("line", [*LINES, *SILENT_ON_SQLITE])
def test_a_refusal_stands_while_a_close_is_running(own_target: Target, line: str) -> None:
    """The close holds the month's row until it commits; the attack is let go meanwhile and refused all the same."""
    attack, match = (LINES | SILENT_ON_SQLITE)[line]
    outcome = while_closing(own_target, lambda: attack(own_target))
    if own_target.sqlite and line in SILENT_ON_SQLITE:
        assert outcome is None
    else:
        assert isinstance(outcome, Refused)
        assert re.search(f"{match}|this period is closed", str(outcome))
    own_target.bank.session.rollback()
    assert own_target.bank.findings() == GAPING


def test_a_row_for_the_month_that_is_closing_comes_too_late(own_target: Target) -> None:
    """Before the close the very same row is good."""
    outcome = while_closing(own_target, lambda: own_target.insert("transfer", {}))
    assert isinstance(outcome, Refused)
    assert "this period is closed" in str(outcome)


def while_closing(target: Target, attack: Callable[[], None]) -> BaseException | None:
    """What an attack ends in that begins while October is being closed and can only end when the close has."""
    november = LATER.replace(month=11)
    found: list[BaseException | None] = []

    def run() -> None:
        try:
            attack()
            found.append(None)
        except Refused as refusal:
            found.append(refusal)

    with Session(target.engine) as session, write_session(session):
        own = Bank(session=session, book_id=target.bank.book_id)
        own.close("2026-10", now=november)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(0.3)
    thread.join()
    return found[0]
