"""From a reviewed list to the books: sent by one person, approved by another, booked for everybody or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from timebank.attendance.models import APPROVED, PENDING, READY, VOID, Attendance, PointsCarry, ShiftApproval
from timebank.attendance.rules import PointRule, point_rule, points_of
from timebank.attendance.service.shifts import LockedShift, lock_shift, refuse_closed
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, NotAllowed
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.ledger.service import EntryDraft, TransferDraft
from timebank.members.models import Member
from timebank.notices.service import NoticeDraft, tell, tell_each

_CHUNK = 2_000
_ATTENDANCE, _CARRIES = cast(Table, Attendance.__table__), cast(Table, PointsCarry.__table__)
_APPROVE = (
    update(_ATTENDANCE)
    .where(_ATTENDANCE.c.id == bindparam("which"))
    .values(status=APPROVED, approval_id=bindparam("approval"), entry_id=bindparam("entry"), points=bindparam("earned"))
)
_CARRY = update(_CARRIES).where(_CARRIES.c.member_id == bindparam("who")).values(carry=bindparam("left"))


class StillRunning(Conflict):
    """The shift is not over."""

    code = "attendance.still_running"
    text = "班次还没有结束，{ends} 结束后才能提交审核。"


class StillPending(Conflict):
    """Somebody's record waits for a decision."""

    code = "attendance.still_pending"
    text = "还有 {count} 人缺签退或缺签到。请逐个补记时间，或者标为“不计”，再提交。"


class AlreadySubmitted(Conflict):
    """Sent before and not given back."""

    code = "attendance.already_submitted"
    text = "这个班次已经提交过了，正在等另一位工作人员审核。"


class NotSubmitted(Conflict):
    """There is nothing to approve: not sent yet, or given back."""

    code = "attendance.not_submitted"
    text = "这个班次还没有提交审核，或者已经退回给组织者修改。请等组织者提交后再审核。"


class ChangedMeanwhile(Conflict):
    """What the approver saw is not what would be booked."""

    code = "attendance.changed_meanwhile"
    text = "这份名单在您打开以后又改过并重新提交。请再看一遍新的名单，然后审核。"


class FourEyes(NotAllowed):
    """The approver has a hand in it."""

    code = "attendance.four_eyes"
    text = "{why}，按规定要由另一位工作人员审核。请让别的组织者或网点管理员来办。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """What an approval booked; ``repeated`` when it had been given before."""

    people: int
    minutes: int
    points: int
    repeated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Due:
    """One person's minutes on their way to the books."""

    record: Any
    points: int
    carry: int


def submit_shift(session: Session, shift_id: int, *, actor: Actor, now: datetime) -> None:
    """Send a reviewed list for approval. Refuses while the shift runs, after it was sent, while a decision is missing.

    Raises StillRunning, AlreadySubmitted, StillPending.
    """
    shift = lock_shift(session, shift_id)
    actor.require("attendance.review", branch_id=shift.branch_id)
    if now < shift.ends_at:
        raise StillRunning(ends=f"{local(shift.ends_at):%m-%d %H:%M}")
    if shift.approval is not None and shift.approval.returned_at is None:
        raise AlreadySubmitted()
    _refuse_pending(session, shift_id)
    minutes = Attendance.signed_minutes + Attendance.manual_minutes
    people, total = session.execute(
        select(func.count(), func.coalesce(func.sum(minutes), 0)).where(
            Attendance.shift_id == shift_id, Attendance.status == READY, minutes > 0
        )
    ).one()
    approval = shift.approval or ShiftApproval(shift_id=shift_id)
    approval.submitted_by_id, approval.submitted_at = _person(actor), now
    approval.returned_at, approval.returned_reason = None, ""
    approval.people, approval.minutes = people, total
    session.add(approval)
    session.flush()


def return_shift(session: Session, shift_id: int, *, reason: str, actor: Actor, now: datetime) -> None:
    """Give a list back to be changed, with a reason; the submitter is told. Raises NotSubmitted, ReviewClosed."""
    shift = lock_shift(session, shift_id)
    actor.require("attendance.approve", branch_id=shift.branch_id)
    approval = shift.approval
    if approval is None or approval.returned_at is not None:
        raise NotSubmitted()
    if approval.approved_at is not None:
        refuse_closed(shift)
    approval.returned_at, approval.returned_reason = now, reason
    session.flush()
    if approval.submitted_by_id != actor.member_id:
        tell(
            session,
            member_id=approval.submitted_by_id,
            kind="attendance.returned",
            facts={"title": shift.title, "start": shift.starts_at, "reason": reason},
            link=f"/organise/shifts/{shift.id}/review",
            key=f"attendance.returned:{shift.id}:{now.isoformat()}",
            now=now,
        )


def approve_shift(session: Session, shift_id: int, *, actor: Actor, now: datetime, seen: str | None = None) -> Approved:
    """Book coins and points for everybody of a submitted list, in one go, or refuse and book nothing.

    ``seen`` is the submission that the approver looked at (``submitted_at`` as ISO text). Approving again answers with
    the first result. Raises NotSubmitted, ChangedMeanwhile, FourEyes, StillPending, and what the ledger refuses.
    """
    shift = lock_shift(session, shift_id)
    actor.require("attendance.approve", branch_id=shift.branch_id)
    approval = shift.approval
    if approval is None or approval.returned_at is not None:
        raise NotSubmitted()
    if approval.approved_at is not None:
        return _answer(approval, repeated=True)
    if seen is not None and seen != approval.submitted_at.isoformat():
        raise ChangedMeanwhile()
    if approval.submitted_by_id == _person(actor):
        raise FourEyes(why="这份名单是您提交的")
    _refuse_pending(session, shift_id)
    records = _records(session, shift_id)
    _refuse_own_hand(records, actor)
    rule = point_rule(local(shift.ends_at).date())
    due = _due(session, records, rule)
    entries = _book(session, shift, due, rule=rule, actor=actor, now=now)
    _record(session, approval, records, due, entries)
    approval.approved_by_id, approval.approved_at = _person(actor), now
    session.flush()
    _tell(session, shift, due, now)
    return _answer(approval, repeated=False)


def _answer(approval: ShiftApproval, *, repeated: bool) -> Approved:
    return Approved(people=approval.people, minutes=approval.minutes, points=approval.points, repeated=repeated)


def _person(actor: Actor) -> int:
    """The id of who acts; sending and approving need a person, never the system."""
    if actor.member_id is None:
        raise NotAllowed(permission="attendance.approve")
    return actor.member_id


def _refuse_pending(session: Session, shift_id: int) -> None:
    count = session.scalar(select(func.count()).where(Attendance.shift_id == shift_id, Attendance.status == PENDING))
    if count:
        raise StillPending(count=count)


def _records(session: Session, shift_id: int) -> Sequence[Any]:
    return session.execute(
        select(
            Attendance.id,
            Attendance.member_id,
            Attendance.signed_minutes,
            Attendance.manual_minutes,
            Attendance.manual_by_id,
            Attendance.reviewed_by_id,
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


def _refuse_own_hand(records: Sequence[Any], actor: Actor) -> None:
    counted = [record for record in records if record.minutes]
    if any(record.member_id == actor.member_id for record in counted):
        raise FourEyes(why="名单里有您自己的时长")
    if any(actor.member_id in {record.manual_by_id, record.reviewed_by_id} for record in counted):
        raise FourEyes(why="名单里有您亲手补录或更正的时长")


def _due(session: Session, records: Sequence[Any], rule: PointRule) -> list[_Due]:
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
        due.append(_Due(record=record, points=points, carry=carry))
    return due


def _book(
    session: Session, shift: LockedShift, due: Sequence[_Due], *, rule: PointRule, actor: Actor, now: datetime
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
    shift: LockedShift, one: _Due, issuance: dict[tuple[int, str], int], rule: PointRule, actor: Actor
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
    due: Sequence[_Due],
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


def _tell(session: Session, shift: LockedShift, due: Sequence[_Due], now: datetime) -> None:
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
