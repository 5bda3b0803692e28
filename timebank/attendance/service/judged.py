"""Keeping attendance in step with scans: always judged again from all of them, under the row's lock."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from timebank.activities.models import LEFT, SignUp
from timebank.attendance.models import PENDING, READY, VOID, Attendance, Scan
from timebank.attendance.queries import find_overtime, marks_of, marks_of_member
from timebank.attendance.rules import Judgement, Mark, Policy, judge, shift_room

_FRESH = {
    "in_at": None,
    "out_at": None,
    "signed_minutes": 0,
    "manual_minutes": 0,
    "manual_reason": "",
    "review_note": "",
    "status": PENDING,
    "points": 0,
}
_RECORDS = (
    select(
        Attendance.id,
        Attendance.member_id,
        Attendance.in_at,
        Attendance.out_at,
        Attendance.signed_minutes,
        Attendance.manual_minutes,
        Attendance.status,
        Attendance.submitted_in_id,
        (Attendance.held_reason != "").label("held"),
        SignUp.left_at,
    )
    .outerjoin(
        SignUp,
        and_(SignUp.shift_id == Attendance.shift_id, SignUp.member_id == Attendance.member_id, SignUp.status == LEFT),
    )
    .where(Attendance.shift_id == bindparam("shift_id"))
    .order_by(Attendance.member_id)
    .with_for_update(of=Attendance, key_share=True)
)
_TABLE = cast(Table, Attendance.__table__)
_UPDATE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("which"))
    .values(
        in_at=bindparam("new_in_at"),
        out_at=bindparam("new_out_at"),
        signed_minutes=bindparam("new_minutes"),
        status=bindparam("new_status"),
    )
)


@cache
def add_once(table: type[Scan] | type[Attendance], dialect: str) -> ReturningInsert[int]:
    """An INSERT that answers with the new row's id, or with nothing where a unique constraint knows the row.

    Built once per table, which spares SQLAlchemy walking its columns at every scan.
    """
    target = cast(Table, table.__table__)
    into = postgresql.insert(target) if dialect == "postgresql" else sqlite.insert(target)
    return into.on_conflict_do_nothing().returning(target.c.id)


def ensure_row(session: Session, shift_id: int, member_id: int, *, walk_in: bool, **values: Any) -> bool:
    """Make sure that there is a record of this member at this shift; True when it is new (and has ``values``)."""
    row = {"shift_id": shift_id, "member_id": member_id, "walk_in": walk_in} | _FRESH | values
    connection = session.connection()
    return connection.execute(add_once(Attendance, connection.dialect.name), row).one_or_none() is not None


def rejudge_member(session: Session, shift_id: int, member_id: int, policy: Policy) -> Judgement:
    """Judge one member's record again from the scans; what staff decided (void, manual minutes) stays.

    What was sent for approval, or booked, stays as it was sent.
    """
    return _rejudge(session, shift_id, policy, member_id)[member_id]


def rejudge_all(session: Session, shift_id: int, policy: Policy) -> int:
    """Judge every record of a shift again; returns how many there are."""
    return len(_rejudge(session, shift_id, policy))


def _rejudge(session: Session, shift_id: int, policy: Policy, member_id: int | None = None) -> dict[int, Judgement]:
    chosen = _RECORDS if member_id is None else _RECORDS.where(Attendance.member_id == member_id)
    found = session.execute(chosen, {"shift_id": shift_id}).all()
    if member_id is None:
        marks = marks_of(session, shift_id, policy)
    else:
        marks = {member_id: marks_of_member(session, shift_id, member_id, policy)}
    confirmed = find_overtime(session, shift_id, policy, () if member_id is None else (member_id,))
    overtime = {record.member_id: confirmed.get(record.member_id, 0) for record in found}
    judgements = {
        record.member_id: _judge(record, marks.get(record.member_id, []), policy, overtime[record.member_id])
        for record in found
    }
    changed = [
        row
        for record in found
        if record.submitted_in_id is None
        and (row := _row(record, judgements[record.member_id], policy, overtime[record.member_id])) is not None
    ]
    if changed:
        session.connection().execute(_UPDATE, changed)
    return judgements


def judgement_of(session: Session, shift_id: int, member_id: int, policy: Policy) -> Judgement:
    """What one member's scans are worth now, whatever stands in the record: a booked one is never written again."""
    marks = marks_of_member(session, shift_id, member_id, policy)
    overtime = find_overtime(session, shift_id, policy, (member_id,)).get(member_id, 0)
    return judge(marks, policy, overtime=overtime)


def _judge(record: Any, marks: list[Mark], policy: Policy, overtime: int) -> Judgement:
    """By plan whoever came gets the whole shift, so of somebody who then left the list a person has to decide."""
    judged = judge(marks, policy, overtime=overtime)
    went = record.left_at is not None and judged.in_at is not None and record.left_at > judged.in_at
    if policy.by_plan and went and not any(mark.correction or mark.decided for mark in marks):
        return replace(judged, minutes=0, complete=False)
    return judged


def _row(record: Any, judged: Judgement, policy: Policy, overtime: int) -> dict[str, object] | None:
    """What to write, or None when the record says so already."""
    void, manual = record.status == VOID, record.manual_minutes
    status = judged_status(judged, policy, void=void, manual_minutes=manual, overtime=overtime)
    if record.held and status == READY:
        status = PENDING  # an approver asked something; the organiser has to answer
    after = (judged.in_at, judged.out_at, judged.minutes, status)
    if after == (record.in_at, record.out_at, record.signed_minutes, record.status):
        return None
    return dict(zip(("new_in_at", "new_out_at", "new_minutes", "new_status"), after, strict=True)) | {
        "which": record.id
    }


def judged_status(judged: Judgement, policy: Policy, *, void: bool, manual_minutes: int, overtime: int = 0) -> str:
    """Where a record stands: staff's word first; complete scans or minutes entered by hand need no more decision.

    They do when together they are more than the shift has room for, as when somebody checks out after minutes were
    entered by hand.
    """
    if void:
        return VOID
    if manual_minutes and judged.minutes + manual_minutes > shift_room(policy, overtime):
        return PENDING
    return READY if judged.complete or manual_minutes > 0 else PENDING
