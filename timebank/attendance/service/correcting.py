"""Keeping what was corrected about approved records: rows beside them, since the records themselves are final."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from timebank.attendance.models import Attendance, AttendanceCorrection, PointsCarry
from timebank.attendance.queries import RecordChange, may_give_away
from timebank.core.db import insert_once
from timebank.ledger.queries import EntryView
from timebank.ledger.service import Correcting
from timebank.rulebook.service import giveaway_accounts


def lock_booked_record(session: Session, record: Attendance) -> None:
    """Keep a record and its member's carry as they are until we commit; call before the correction is planned."""
    session.execute(select(Attendance.id).where(Attendance.id == record.id).with_for_update(key_share=True))
    session.execute(insert_once(session, PointsCarry).values(member_id=record.member_id, carry=0))
    session.execute(select(PointsCarry.carry).where(PointsCarry.member_id == record.member_id).with_for_update())


def open_giveaway(session: Session, record: Attendance, entry: EntryView) -> None:
    """Open the account that coins of group hours go to, where the member has none yet."""
    if record.member.giveaway_account_id is None and may_give_away(session, entry):
        giveaway_accounts(session, [record.member_id])
        session.refresh(record.member, ["giveaway_account_id"])


def keep_correction(session: Session, change: RecordChange, done: Correcting) -> None:
    """Record what a correction that was booked changed, and the member's new carry."""
    session.add(
        AttendanceCorrection(
            attendance_id=change.record_id,
            signed_minutes=change.after.signed - change.before.signed,
            manual_minutes=change.after.manual - change.before.manual,
            points=change.points,
            corrects_id=done.corrects_id,
            entry_id=done.reversal_id,
            replacement_id=done.replacement_id,
            key=done.key,
            reason=done.reason,
            by_id=done.by_id,
            at=done.at,
        )
    )
    session.execute(
        update(PointsCarry).where(PointsCarry.member_id == change.member_id).values(carry=change.carry),
        execution_options={"synchronize_session": "fetch"},
    )
    session.flush()
