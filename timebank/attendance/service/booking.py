"""Writing an approved list to the books: points with their carry, one entry per person, the records marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from timebank.attendance.models import APPROVED, VOID, Attendance, PointsCarry, ShiftApproval
from timebank.attendance.rules import PointRule, point_rule, points_of
from timebank.attendance.service.shifts import LockedShift
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.db import insert_once
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.ledger.service import EntryDraft, TransferDraft
from timebank.members.models import Member
from timebank.notices.service import NoticeDraft, tell_each

_CHUNK = 2_000
_ATTENDANCE, _CARRIES = cast(Table, Attendance.__table__), cast(Table, PointsCarry.__table__)
_APPROVE = (
    update(_ATTENDANCE)
    .where(_ATTENDANCE.c.id == bindparam("which"))
    .values(status=APPROVED, approval_id=bindparam("approval"), entry_id=bindparam("entry"), points=bindparam("earned"))
)
_CARRY = update(_CARRIES).where(_CARRIES.c.member_id == bindparam("who")).values(carry=bindparam("left"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """One person's minutes on their way to the books."""

    record: Any
    points: int
    carry: int


def lock_records(session: Session, shift_id: int) -> Sequence[Any]:
    """What counts at a shift, with each person's accounts, as it is now and will stay."""
    return session.execute(
        select(
            Attendance.id,
            Attendance.member_id,
            Attendance.signed_minutes,
            Attendance.manual_minutes,
            (Attendance.signed_minutes + Attendance.manual_minutes).label("minutes"),
            Member.branch_id,
            Member.coin_account_id,
            Member.point_account_id,
        )
        .join(Member, Member.id == Attendance.member_id)
        .where(Attendance.shift_id == shift_id, Attendance.status != VOID)
        .order_by(Attendance.member_id)
        .with_for_update(of=Attendance, key_share=True)
    ).all()


def book_records(
    session: Session,
    shift: LockedShift,
    approval: ShiftApproval,
    records: Sequence[Any],
    *,
    actor: Actor,
    now: datetime,
) -> list[Due]:
    """Book everybody with minutes, mark every record as approved, and sum up in the approval."""
    rule = point_rule(local(shift.ends_at).date())
    due = _due(session, records, rule)
    entries = _book(session, shift, due, rule=rule, actor=actor, now=now)
    _record(session, approval, records, due, entries)
    return due


def _due(session: Session, records: Sequence[Any], rule: PointRule) -> list[Due]:
    """Points for everybody with minutes, and what they carry on; the carries stay locked until we commit."""
    counted = [record for record in records if record.minutes]
    members = [record.member_id for record in counted]
    carries: dict[int, int] = {}
    for at in range(0, len(members), _CHUNK):
        some = members[at : at + _CHUNK]
        # Row by row in one batch: a statement of a thousand rows takes longer to write than to run.
        fresh = [{"member_id": member_id, "carry": 0} for member_id in some]
        session.connection().execute(insert_once(session, PointsCarry), fresh)
        rows = session.execute(
            select(PointsCarry.member_id, PointsCarry.carry)
            .where(PointsCarry.member_id.in_(some))
            .order_by(PointsCarry.member_id)
            .with_for_update()
        )
        carries |= {row.member_id: row.carry for row in rows}
    due = []
    for record in counted:
        points, carry = points_of(record.minutes, carry=carries[record.member_id], rule=rule)
        due.append(Due(record=record, points=points, carry=carry))
    return due


def _book(
    session: Session, shift: LockedShift, due: Sequence[Due], *, rule: PointRule, actor: Actor, now: datetime
) -> dict[int, int]:
    """One entry per person in the book of their own branch; returns entries by attendance record."""
    issuance: dict[tuple[int, str], int] = {}
    for book_id in {one.record.branch_id for one in due}:
        for unit in ("coin", "point"):
            issuance[book_id, unit] = ledger_queries.find_house_account(session, book_id, "issuance", unit)
    drafts = [_draft(shift, one, issuance, rule, actor) for one in due]
    posted = ledger.post_many(session, drafts, now=now) if drafts else []
    return {one.record.id: entry.entry_id for one, entry in zip(due, posted, strict=True)}


def _draft(
    shift: LockedShift, one: Due, issuance: dict[tuple[int, str], int], rule: PointRule, actor: Actor
) -> EntryDraft:
    record = one.record
    transfers = [
        TransferDraft(
            debit_id=issuance[record.branch_id, "coin"],
            credit_id=record.coin_account_id,
            amount=record.minutes,
            unit="coin",
        )
    ]
    if one.points:
        transfers.append(
            TransferDraft(
                debit_id=issuance[record.branch_id, "point"],
                credit_id=record.point_account_id,
                amount=one.points,
                unit="point",
            )
        )
    return EntryDraft(
        book_id=record.branch_id,
        kind="earn",
        key=f"attendance:{shift.id}:{record.member_id}",
        transfers=tuple(transfers),
        source_type="attendance",
        source_id=record.id,
        occurred_at=shift.ends_at,
        actor_id=actor.member_id,
        for_member_id=record.member_id,
        rule=rule.name,
        facts={
            "title": shift.title,
            "shift_id": shift.id,
            "signed_minutes": record.signed_minutes,
            "manual_minutes": record.manual_minutes,
        },
    )


def _record(
    session: Session,
    approval: ShiftApproval,
    records: Sequence[Any],
    due: Sequence[Due],
    entries: dict[int, int],
) -> None:
    """Mark every record as approved, keep the carries, and sum up."""
    points = {one.record.id: one.points for one in due}
    rows = [
        {"which": r.id, "approval": approval.id, "entry": entries.get(r.id), "earned": points.get(r.id, 0)}
        for r in records
    ]
    if rows:
        session.connection().execute(_APPROVE, rows)
    if due:
        session.connection().execute(_CARRY, [{"who": one.record.member_id, "left": one.carry} for one in due])
    approval.people = len(due)
    approval.minutes = sum(one.record.minutes for one in due)
    approval.points = sum(points.values())


def tell_booked(session: Session, shift: LockedShift, due: Sequence[Due], now: datetime) -> None:
    """Tell everybody what was deposited for them."""
    told = [
        (
            one.record.member_id,
            NoticeDraft(
                kind="attendance.approved",
                key=f"attendance.approved:{shift.id}",
                facts={"title": shift.title, "start": shift.starts_at, "minutes": one.record.minutes},
                link="/me/statement",
            ),
        )
        for one in due
    ]
    tell_each(session, told, now=now)
