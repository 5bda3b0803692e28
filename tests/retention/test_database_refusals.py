"""What the database itself refuses: destroying what stands in no signed list, and touching a list that was prepared."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.retention.scene import LATER, Stored, make_stored
from tests.world import make_member
from timebank.members.service import unmask
from timebank.retention import service


@pytest.fixture
def stored(session: Session) -> Stored:
    made = make_stored(session)
    phoned = make_member(session, made.scene.branch, phone="13805741111")
    unmask(session, phoned.id, "phone", reason="联系", actor=made.manager, now=LATER)
    return made


def refused(session: Session, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(statement), {"empty": b""} if ":empty" in statement else {})


GONE = (
    "DELETE FROM scan_evidence",
    "DELETE FROM sheet_look",
    "DELETE FROM member_access",
    "DELETE FROM sheet_photo",
    "UPDATE sheet_photo SET sealed = :empty, destroyed_at = at",
)


def test_nothing_goes_without_a_list(session: Session, stored: Stored) -> None:
    refused(session, *GONE, "DELETE FROM scan", "UPDATE member_access SET reason = 'none'")


def test_a_list_that_nobody_signed_lets_nothing_go(session: Session, stored: Stored) -> None:
    stored.propose()
    refused(session, *GONE)
    stored.prepared()
    refused(session, *GONE)


def test_a_signed_list_that_was_carried_out_lets_nothing_more_go(session: Session, stored: Stored) -> None:
    stored.sign(stored.prepared())
    refused(session, "UPDATE sheet_photo SET destroyed_at = NULL", "DELETE FROM sheet_photo", "DELETE FROM disposal")


def test_a_prepared_list_keeps_its_items_and_its_words(session: Session, stored: Stored) -> None:
    stored.prepared()
    refused(
        session,
        "DELETE FROM disposal_item",
        "UPDATE disposal_item SET row_id = row_id + 1",
        "UPDATE disposal_item SET result = 'destroyed'",
        "UPDATE disposal SET words = 'others'",
        "UPDATE disposal SET state = 'done'",
        "DELETE FROM disposal",
        "INSERT INTO disposal_item (disposal_id, kind, row_id, about, digest, dated, result, why) "
        "SELECT id, 'notices', 1, '', '', proposed_at, '', '' FROM disposal",
    )


def test_nobody_signs_their_own_list(session: Session, stored: Stored) -> None:
    disposal = stored.prepared()
    alone = f"state = 'signed', signed_by_id = {disposal.prepared_by_id}, signed_at = prepared_at"
    refused(session, f"UPDATE disposal SET {alone}")


def test_a_hold_outweighs_a_signed_list(session: Session, stored: Stored) -> None:
    disposal = stored.prepared()
    service.place_hold(session, stored.scene.activity_id, reason="信访", actor=stored.inspector, now=LATER)
    signed = f"state = 'signed', signed_by_id = {stored.deputy.member_id}, signed_at = prepared_at"
    session.execute(text(f"UPDATE disposal SET {signed} WHERE id = {disposal.id}"))
    kept = ("DELETE FROM scan_evidence", "DELETE FROM sheet_look")
    refused(session, *kept, "UPDATE sheet_photo SET sealed = :empty, destroyed_at = at")


def test_a_hold_is_lifted_once_and_stays(session: Session, stored: Stored) -> None:
    hold = service.place_hold(session, stored.scene.activity_id, reason="信访", actor=stored.inspector, now=LATER)
    refused(session, "DELETE FROM legal_hold", "UPDATE legal_hold SET reason = 'none'")
    service.lift_hold(session, hold.id, reason="办完了", actor=stored.inspector, now=LATER)
    refused(session, "UPDATE legal_hold SET lifted_at = NULL, lifted_by_id = NULL, lifted_why = ''")
