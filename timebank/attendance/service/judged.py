"""Keeping attendance in step with scans: always judged again from all of them, under the row's lock."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from sqlalchemy import Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from timebank.attendance.models import APPROVED, PENDING, READY, VOID, Attendance, Scan
from timebank.attendance.rules import Judgement, Mark, Policy, judge

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
    """Judge one member's record again from the scans; what staff decided (void, manual minutes) and approval stay."""
    record = session.execute(
        select(Attendance.id, Attendance.status, Attendance.manual_minutes)
        .where(Attendance.shift_id == shift_id, Attendance.member_id == member_id)
        .with_for_update(key_share=True)
    ).one()
    scans = session.execute(
        select(Scan.kind, Scan.claimed_at, Scan.reason)
        .where(Scan.shift_id == shift_id, Scan.member_id == member_id, Scan.refused == "")
        .order_by(Scan.id)
    )
    judged = judge([Mark(kind=s.kind, at=s.claimed_at, correction=bool(s.reason)) for s in scans], policy)
    if record.status != APPROVED:
        status = judged_status(judged, void=record.status == VOID, manual_minutes=record.manual_minutes)
        session.execute(
            update(Attendance)
            .where(Attendance.id == record.id)
            .values(in_at=judged.in_at, out_at=judged.out_at, signed_minutes=judged.minutes, status=status)
            .execution_options(synchronize_session=False)
        )
    return judged


def judged_status(judged: Judgement, *, void: bool, manual_minutes: int) -> str:
    """Where a record stands: staff's word first; complete scans or minutes entered by hand need no more decision."""
    if void:
        return VOID
    return READY if judged.complete or manual_minutes > 0 else PENDING
