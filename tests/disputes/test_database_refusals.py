"""What raw SQL cannot do to a case, its words and its decision, nor to an order in dispute; on both engines."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.disputes.scene import HEARD, NOW, Quarrel
from timebank.disputes.models import Dispute, DisputeRuling
from timebank.disputes.queries import get_case


@pytest.fixture
def scene(session: Session) -> Quarrel:
    return Quarrel(session)


def refused(scene: Quarrel, text: str, match: str, **values: object) -> None:
    with pytest.raises(DBAPIError, match=match), scene.session.begin_nested():
        scene.session.execute(sa.text(text), values)


OPEN_CHANGES = {
    "words": "words = 'x'",
    "wanted": "wanted = 'talk'",
    "deadline": "due_on = '2027-01-01'",
    "sides": "other_id = NULL",
    "order": "order_id = 1 + order_id",
    "decided by nobody": "status = 'decided', ended_at = opened_at, ended_by_id = {judge}",
}


@pytest.mark.parametrize("name", OPEN_CHANGES)
def test_what_a_case_is_about_stays(scene: Quarrel, name: str) -> None:
    dispute = scene.dispute(scene.agreed())
    change = OPEN_CHANGES[name].format(judge=scene.judge.id)
    text = f"UPDATE dispute SET {change} WHERE id = :id"
    refused(scene, text, "never changes|final ruling|FOREIGN KEY|foreign key", id=dispute.id)


@pytest.mark.parametrize("change", ["status = 'open'", "ended_at = opened_at", "ended_by_id = NULL"])
def test_an_ended_case_stays_ended(scene: Quarrel, change: str) -> None:
    dispute = scene.decide(scene.dispute(scene.agreed()))
    refused(scene, f"UPDATE dispute SET {change} WHERE id = :id", "is final|final ruling", id=dispute.id)


@pytest.mark.parametrize("change", ["outcome = 'whole'", "minutes = 5", "reason = 'x'", "note = 'x'", "by_id = 1"])
def test_a_decision_never_changes(scene: Quarrel, change: str) -> None:
    dispute = scene.decide(scene.dispute(scene.agreed()))
    refused(scene, f"UPDATE dispute_ruling SET {change} WHERE dispute_id = :id", "never changes", id=dispute.id)


@pytest.mark.parametrize("table", ["dispute", "dispute_statement", "dispute_ruling"])
def test_nothing_is_deleted(scene: Quarrel, table: str) -> None:
    dispute = scene.dispute(scene.agreed())
    scene.say(dispute)
    scene.decide(dispute)
    refused(scene, f"DELETE FROM {table}", "never|final|append")


def test_words_never_change(scene: Quarrel) -> None:
    scene.say(scene.dispute(scene.agreed()))
    refused(scene, "UPDATE dispute_statement SET words = 'x'", "never changed|append")


def test_a_case_begins_as_open_and_only_once_for_an_order(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed())
    columns = [column.name for column in Dispute.__table__.columns if column.name not in {"id", "form_key", "status"}]
    names = ", ".join(columns)
    again = f"INSERT INTO dispute ({names}, form_key, status) SELECT {names}, 'again', :status FROM dispute"
    refused(scene, again, "final", status="withdrawn")
    refused(scene, again, "UNIQUE|unique", status="open")
    assert get_case(scene.session, dispute.id).dispute.status == "open"


@pytest.mark.parametrize("who", ["asker", "barber", "manager", "second"])
def test_who_has_a_part_in_it_decides_nothing_in_the_database_either(scene: Quarrel, who: str) -> None:
    order = scene.fulfil(scene.agreed(), by=scene.manager).order
    dispute = scene.dispute(order)
    scene.say(dispute)
    if who == "second":  # spoke in it, as if for a branch
        row = {"id": dispute.id, "by": scene.second.id, "at": NOW.replace(tzinfo=None)}
        said = "INSERT INTO dispute_statement (dispute_id, by_id, words, at, form_key) VALUES (:id, :by, 'x', :at, 'x')"
        scene.session.execute(sa.text(said), row)
    values = {"id": dispute.id, "by": getattr(scene, who).id, "at": HEARD.replace(tzinfo=None)}
    ruling = (
        "INSERT INTO dispute_ruling (dispute_id, outcome, minutes, reason, by_id, at, status, answered_at, note, "
        "form_key) VALUES (:id, 'none', 0, 'x', :by, :at, 'final', :at, '', 'x')"
    )
    refused(scene, ruling, "has a part", **values)


def test_one_decision_stands(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed())
    for at, who in enumerate((scene.judge, scene.second)):
        ruling = DisputeRuling(
            dispute_id=dispute.id,
            outcome="none",
            minutes=0,
            reason="x",
            by_id=who.id,
            at=HEARD,
            status="final",
            answered_at=HEARD,
            form_key=f"r{at}",
        )
        scene.session.add(ruling)
        if at == 0:
            scene.session.flush()
    with pytest.raises(DBAPIError, match=r"UNIQUE|unique"):
        scene.session.flush()
    scene.session.rollback()


def test_nothing_is_said_or_decided_once_it_ended(scene: Quarrel) -> None:
    dispute = scene.decide(scene.dispute(scene.agreed()))
    row = {"id": dispute.id, "by": scene.asker.id, "at": HEARD.replace(tzinfo=None)}
    said = "INSERT INTO dispute_statement (dispute_id, by_id, words, at, form_key) VALUES (:id, :by, 'x', :at, 'x')"
    refused(scene, said, "while a case is open", **row)


@pytest.mark.parametrize("status", ["fulfilled", "cancelled", "expired", "declined"])
def test_an_order_in_dispute_does_not_end_by_itself(scene: Quarrel, status: str) -> None:
    order = scene.agreed()
    scene.dispute(order)
    done = ", fulfilled_at = requested_at" if status == "fulfilled" else ""
    text = f"UPDATE exchange_order SET status = :status{done} WHERE id = :id"
    refused(scene, text, "in dispute|stays_while_disputed", id=order.id, status=status)


@pytest.mark.parametrize("change", ["settled_at = NULL", "disputed_at = NULL, settled_at = NULL"])
def test_what_a_decision_did_to_an_order_stays(scene: Quarrel, change: str) -> None:
    order = scene.agreed()
    scene.decide(scene.dispute(order))
    refused(scene, f"UPDATE exchange_order SET {change} WHERE id = :id", "stays", id=order.id)
