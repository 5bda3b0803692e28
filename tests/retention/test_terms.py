"""Terms as settings: from a day that lies ahead, with a reason, never below the least, all of them kept."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.world import NOW, actor_of, make_branch, make_member
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.retention import queries, service
from timebank.retention.models import RetentionTerm
from timebank.retention.rules import DISPOSABLE, TermTooShort
from timebank.retention.service import DayPassed, TermDraft

TODAY = date(2026, 11, 21)


@pytest.fixture
def admin(session: Session) -> Actor:
    return actor_of(session, make_member(session, make_branch(session), roles=("administrator",)))


def set_term(session: Session, actor: Actor, **more: object) -> RetentionTerm:
    given = {"kind": "sheet_photos", "months": 24, "valid_from": TODAY + timedelta(days=1), "reason": "协会决定"}
    draft = TermDraft(**(given | {"form_key": "term"} | more))  # type: ignore[arg-type]
    return service.set_term(session, draft, actor=actor, now=NOW)


def test_without_a_row_the_usual_term_holds(session: Session) -> None:
    assert queries.months_of(session, TODAY) == {code: kind.months for code, kind in DISPOSABLE.items()}


def test_a_term_holds_from_its_day_on(session: Session, admin: Actor) -> None:
    set_term(session, admin)
    assert queries.months_of(session, TODAY)["sheet_photos"] == 36
    assert queries.months_of(session, TODAY + timedelta(days=1))["sheet_photos"] == 24
    [coming] = [term.coming for term in queries.terms_on(session, TODAY) if term.coming]
    assert coming.months == 24


def test_of_two_terms_of_one_day_the_later_word_counts(session: Session, admin: Actor) -> None:
    set_term(session, admin)
    set_term(session, admin, months=30, form_key="second")
    assert queries.months_of(session, TODAY + timedelta(days=1))["sheet_photos"] == 30


def test_a_repeat_is_the_first(session: Session, admin: Actor) -> None:
    assert set_term(session, admin) is set_term(session, admin)
    with pytest.raises(FormUsed):
        set_term(session, admin, months=30)


def test_a_term_neither_begins_today_nor_falls_below_the_least(session: Session, admin: Actor) -> None:
    with pytest.raises(DayPassed):
        set_term(session, admin, valid_from=TODAY)
    with pytest.raises(TermTooShort):
        set_term(session, admin, kind="member_looks", months=35)


def test_managers_set_no_terms(session: Session, admin: Actor) -> None:
    manager = actor_of(session, make_member(session, make_branch(session), roles=("manager",)))
    with pytest.raises(NotAllowed):
        set_term(session, manager)


def test_the_database_knows_no_term_for_what_is_permanent(session: Session, admin: Actor) -> None:
    columns = "id, kind, months, valid_from, reason, created_by_id, created_at, form_key"
    for kind in ("ledger", "scan"):
        values = f"91, '{kind}', 12, '2027-01-01', 'why', {admin.member_id}, '2026-11-21 00:00:00', 'k'"
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"INSERT INTO retention_term ({columns}) VALUES ({values})"))


def test_the_database_keeps_every_term(session: Session, admin: Actor) -> None:
    set_term(session, admin)
    for statement in ("UPDATE retention_term SET months = 99", "DELETE FROM retention_term"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(statement))
