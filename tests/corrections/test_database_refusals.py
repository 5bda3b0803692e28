"""What the database refuses by itself around corrections: raw SQL on a plain connection, on both engines.

Each attack is a row that would be taken, with one thing wrong; ``test_the_rows_are_good_otherwise`` proves it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.attendance.scene import find_attendance
from tests.corrections.town import LATER, key, make_town
from tests.world import actor_of
from timebank.core.db import write_session
from timebank.corrections import service
from timebank.corrections.queries import plan_change
from timebank.ledger import queries as ledger
from timebank.ledger.service import Reversal, reverse

AT = "2026-11-21 05:00:00.000000"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A plain connection to a town with corrections that wait, are done, declined and withdrawn."""

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
    "correction": lambda ids: {
        "branch_id": ids["branch"], "entry_id": ids["free"], "kind": "amount", "new_minutes": 5, "reason": "错",
        "asked_by_id": ids["manager"], "asked_at": AT, "status": "waiting", "decided_by_id": None, "decided_at": None,
        "decided_note": "", "reversal_entry_id": None, "replacement_entry_id": None, "form_key": "attack",
    },
    "correction_request": lambda ids: {
        "branch_id": ids["branch"], "entry_id": ids["free"], "member_id": ids["member"], "words": "少了",
        "asked_at": AT, "status": "open", "answered_by_id": None, "answered_at": None, "answer": "",
        "correction_id": None, "form_key": "attack",
    },
    "attendance_correction": lambda ids: {
        "attendance_id": ids["record"], "signed_minutes": -120, "manual_minutes": 0, "points": -20,
        "corrects_id": ids["reversed"], "entry_id": ids["reversal"], "replacement_id": None, "key": "attack",
        "reason": "错", "by_id": ids["manager"], "at": AT,
    },
    "order_correction": lambda ids: {
        "order_id": ids["order"], "amount_minutes": -60, "corrects_id": ids["order_reversed"],
        "entry_id": ids["order_reversal"], "replacement_id": None, "key": "attack", "reason": "错",
        "by_id": ids["manager"], "at": AT,
    },
}  # fmt: skip


@pytest.fixture
def target(fresh_database: str) -> Iterator[Target]:
    engine = databases.make_engine(fresh_database)
    with Session(engine, expire_on_commit=False) as session, write_session(session):
        ids = build(session)
    with engine.connect() as connection:
        outer = connection.begin()
        yield Target(connection=connection, ids=ids)
        outer.rollback()
    engine.dispose()


def build(session: Session) -> dict[str, int]:
    town = make_town(session, 7)
    order = town.haircut(asker=4, barber=5)
    town.spend(0, 100)
    waits = town.ask(town.entry(0), None)
    done = town.ask(town.entry(1), 60)
    ended = []
    for _ in range(2):
        town.spend(2, 30)
        ended.append(town.ask(town.entry(2), None))
        if len(ended) == 1:
            service.decline(session, ended[0].id, reason="不是", actor=town.deputy, now=LATER)
        else:
            service.withdraw(session, ended[1].id, actor=town.manager, now=LATER)
    town.ask(town.entry(6), 30)
    more = town.ask(town.entry(6), 60)
    right = plan_change(session, ledger.get_entry(session, more.entry_id), 60, key="more-new").instead
    adding = Reversal(key="more", reason="少记了", actor_id=town.manager.member_id, replacement=right)
    added = reverse(session, more.entry_id, adding, now=LATER)
    me = actor_of(session, town.member(1))
    asked = service.request_check(session, town.entry(1), words="少了", form_key=key(), actor=me, now=LATER)
    service.decline_request(session, asked.id, reason="没有少", actor=town.manager, now=LATER)
    record = find_attendance(session, town.scene.shift_id, town.member(3).id)
    assert record is not None
    more_record = find_attendance(session, town.scene.shift_id, town.member(6).id)
    assert more_record is not None
    # A reversal that nothing stands beside yet, as if half of a correction had been made.
    why = {"reason": "攻击", "actor_id": town.manager.member_id}
    back = reverse(session, record.entry_id or 0, Reversal(key="half", **why), now=LATER).reversal
    order_back = reverse(session, order.entry_id or 0, Reversal(key="half-order", **why), now=LATER).reversal
    return {
        "branch": town.scene.branch.id, "manager": town.manager.member_id or 0, "deputy": town.deputy.member_id or 0,
        "member": town.member(4).id, "free": town.entry(4), "waits": waits.id, "done": done.id,
        "declined": ended[0].id, "withdrawn": ended[1].id, "request": asked.id, "record": record.id,
        "reversed": record.entry_id or 0, "reversal": back.entry_id, "order": order.id,
        "order_reversed": order.entry_id or 0, "order_reversal": order_back.entry_id,
        "waits_entry": waits.entry_id, "waits_member": town.member(0).id, "done_reversal": done.reversal_entry_id or 0,
        "corrected": done.entry_id, "more": more.id, "more_record": more_record.id, "more_entry": more.entry_id,
        "more_back": added.reversal.entry_id, "more_new": added.replacement.entry_id if added.replacement else 0,
    }  # fmt: skip


def test_the_rows_are_good_otherwise(target: Target) -> None:
    for table in GOOD:
        target.insert(table)


CORRECTIONS: dict[str, dict[str, Any]] = {
    "no such kind": {"kind": "other"},
    "an amount without a number": {"new_minutes": None},
    "a whole with a number": {"kind": "whole"},
    "nothing as the right amount": {"new_minutes": 0},
    "no reason": {"reason": ""},
    "begun as done": {"status": "done", "decided_at": AT, "reversal_entry_id": "reversal"},
    "begun as declined": {"status": "declined", "decided_at": AT, "decided_by_id": "deputy", "decided_note": "不"},
    "another branch's": {"branch_id": 999},
    "a second one that waits": {"entry_id": "waits_entry"},
    "of one who is concerned": {"asked_by_id": "member"},
    "no such entry": {"entry_id": 999_999},
}


@pytest.mark.parametrize("name", CORRECTIONS)
def test_corrections_that_cannot_begin(target: Target, name: str) -> None:
    wrong = {column: target.ids.get(value, value) for column, value in CORRECTIONS[name].items()}
    with pytest.raises(sa.exc.DBAPIError):
        target.insert("correction", **wrong)


@pytest.mark.parametrize("ended", ["done", "declined", "withdrawn"])
@pytest.mark.parametrize(
    "change",
    [
        "status = 'waiting', decided_at = NULL, decided_by_id = NULL, reversal_entry_id = NULL, "
        "replacement_entry_id = NULL",
        "reason = 'x'",
        "decided_note = 'x'",
        "new_minutes = new_minutes",
    ],
)
def test_what_has_ended_never_changes(target: Target, ended: str, change: str) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        target.run(f"UPDATE correction SET {change} WHERE id = :id", id=target.ids[ended])
    with pytest.raises(sa.exc.DBAPIError):
        target.run(f"UPDATE correction SET {change} WHERE status = '{ended}'")  # as a bulk statement, too


@pytest.mark.parametrize("which", ["waits", "done", "declined", "withdrawn"])
def test_no_correction_is_deleted(target: Target, which: str) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        target.run("DELETE FROM correction WHERE id = :id", id=target.ids[which])


@pytest.mark.parametrize(
    "change",
    ["reason = 'x'", "new_minutes = 5, kind = 'amount'", "entry_id = :free", "asked_by_id = :deputy", "form_key = 'x'"],
)
def test_what_was_asked_for_never_changes(target: Target, change: str) -> None:
    needed = {name: target.ids[name] for name in ("free", "deputy") if f":{name}" in change}
    with pytest.raises(sa.exc.DBAPIError):
        target.run(f"UPDATE correction SET {change} WHERE id = :id", id=target.ids["waits"], **needed)


@pytest.mark.parametrize(
    ("who", "reversal"),
    [("manager", "reversal"), ("waits_member", "reversal"), ("deputy", "reversal"), ("deputy", "done_reversal")],
    ids=["who asked decides", "who is concerned decides", "another entry's reversal", "a reversal used before"],
)
def test_a_decision_that_is_none(target: Target, who: str, reversal: str) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        target.run(
            "UPDATE correction SET status = 'done', decided_by_id = :who, decided_at = :at, reversal_entry_id = :back "
            "WHERE id = :id",
            who=target.ids[who],
            at=AT,
            back=target.ids[reversal],
            id=target.ids["waits"],
        )


def test_nobody_declines_without_a_word_or_a_name(target: Target) -> None:
    for who, note in ((target.ids["deputy"], ""), (None, "不"), (target.ids["manager"], "不")):
        with pytest.raises(sa.exc.DBAPIError):
            target.run(
                "UPDATE correction SET status = 'declined', decided_by_id = :who, decided_at = :at, "
                "decided_note = :note WHERE id = :id",
                who=who,
                at=AT,
                note=note,
                id=target.ids["waits"],
            )


@pytest.mark.parametrize("beside_the_record", [True, False])
def test_nobody_adds_hours_or_coins_alone(target: Target, beside_the_record: bool) -> None:
    ids = target.ids
    if beside_the_record:
        target.insert(
            "attendance_correction", attendance_id=ids["more_record"], signed_minutes=30, points=5,
            corrects_id=ids["more_entry"], entry_id=ids["more_back"], replacement_id=ids["more_new"],
        )  # fmt: skip
    done = (
        "UPDATE correction SET status = 'done', decided_by_id = :who, decided_at = :at, reversal_entry_id = :back, "
        "replacement_entry_id = :new WHERE id = :id"
    )
    values = {"at": AT, "back": ids["more_back"], "new": ids["more_new"], "id": ids["more"]}
    with pytest.raises(sa.exc.DBAPIError, match="second person"):
        target.run(done, who=None, **values)
    target.run(done, who=ids["deputy"], **values)


CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "no minutes": ("attendance_correction", {"signed_minutes": 0}),
    "less than nothing": ("attendance_correction", {"signed_minutes": -121}),
    "manual below nothing": ("attendance_correction", {"signed_minutes": -119, "manual_minutes": -1}),
    "longer than the shift": ("attendance_correction", {"signed_minutes": 2}),
    "no reversal of that entry": ("attendance_correction", {"corrects_id": "free"}),
    "an entry that is no reversal": ("attendance_correction", {"entry_id": "free"}),
    "corrected before": ("attendance_correction", {"corrects_id": "corrected", "entry_id": "done_reversal"}),
    "no record reason": ("attendance_correction", {"reason": ""}),
    "nothing given back": ("order_correction", {"amount_minutes": 0}),
    "more charged": ("order_correction", {"amount_minutes": 5}),
    "more than was paid": ("order_correction", {"amount_minutes": -61}),
    "no reversal of that order": ("order_correction", {"entry_id": "reversal"}),
    "no order reason": ("order_correction", {"reason": ""}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_that_cannot_be(target: Target, name: str) -> None:
    table, wrong = CHANGES[name]
    with pytest.raises(sa.exc.DBAPIError):
        target.insert(table, **{column: target.ids.get(value, value) for column, value in wrong.items()})


@pytest.mark.parametrize("table", ["attendance_correction", "order_correction"])
def test_changes_are_append_only(target: Target, table: str) -> None:
    target.insert(table)
    for statement in (f"UPDATE {table} SET reason = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(sa.exc.DBAPIError):
            target.run(statement)
    with pytest.raises(sa.exc.DBAPIError):
        target.insert(table, key="again")
    if target.connection.dialect.name == "sqlite":
        with pytest.raises(sa.exc.DBAPIError):
            target.insert(table, verb="INSERT OR REPLACE")
    else:
        with pytest.raises(sa.exc.DBAPIError):
            target.run(f"TRUNCATE {table}")


@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_replacing_rows_from_a_program_that_asks_for_nothing(target: Target, fresh_database: str) -> None:
    """A plain connection keeps no foreign keys and fires no trigger for the rows that REPLACE takes away."""
    attacks = (
        ("correction", {"id": target.ids["done"], "entry_id": target.ids["free"]}),
        ("correction", {"entry_id": target.ids["corrected"]}),
        ("correction", {"entry_id": target.ids["waits_entry"]}),
        ("correction_request", {"id": target.ids["request"]}),
        ("attendance_correction", {"id": 1}),
        ("attendance_correction", {"key": f"correction:{target.ids['done']}"}),
    )
    with closing(sqlite3.connect(fresh_database.removeprefix("sqlite:///"))) as plain:
        for table, wrong in attacks:
            row = GOOD[table](target.ids) | wrong
            marks = ", ".join("?" * len(row))
            with pytest.raises(sqlite3.IntegrityError):
                plain.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(row)}) VALUES ({marks})", [*row.values()])


def test_an_answered_request_never_changes(target: Target) -> None:
    for statement in (
        "UPDATE correction_request SET answer = 'x' WHERE id = :id",
        "UPDATE correction_request SET status = 'open', answered_at = NULL, answered_by_id = NULL WHERE id = :id",
        "DELETE FROM correction_request WHERE id = :id",
    ):
        with pytest.raises(sa.exc.DBAPIError):
            target.run(statement, id=target.ids["request"])


def test_one_open_request_for_each_member_and_entry(target: Target) -> None:
    target.insert("correction_request")
    with pytest.raises(sa.exc.DBAPIError):
        target.insert("correction_request", form_key="another")
    for wrong in ({"words": ""}, {"status": "declined"}, {"status": "corrected"}, {"answered_at": AT}):
        with pytest.raises(sa.exc.DBAPIError):
            target.insert("correction_request", form_key="third", member_id=target.ids["manager"], **wrong)


def test_the_books_are_as_they_were(target: Target) -> None:
    with Session(target.connection) as session:
        assert ledger.get_entry(session, target.ids["free"]).reversed_by_id is None
