"""Writing an approved list to the books: everybody's share and points, one entry per person, the records marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from timebank.attendance.models import APPROVED, VOID, Attendance, PointsCarry, ShiftApproval
from timebank.attendance.queries import SOURCE, coins_of_day
from timebank.attendance.service.paying import Payment, find_payment
from timebank.attendance.service.shifts import LockedShift
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.db import insert_once
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.ledger.service import EntryDraft, TransferDraft
from timebank.members.models import Member
from timebank.notices.service import NoticeDraft, tell_each
from timebank.rulebook.rules import GROUP, Split, aside, facts_of, points_of
from timebank.rulebook.service import Earner, Service, Shares, capped_daily, rules_on, share_out

_CHUNK = 2_000
BACKDATED = "backdated"  # of entries: the activity was entered after it took place
_ATTENDANCE, _CARRIES = cast(Table, Attendance.__table__), cast(Table, PointsCarry.__table__)
_APPROVE = (
    update(_ATTENDANCE)
    .where(_ATTENDANCE.c.id == bindparam("which"))
    .values(
        status=APPROVED,
        approval_id=bindparam("approval"),
        entry_id=bindparam("entry"),
        points=bindparam("earned"),
        capped_minutes=bindparam("above"),
    )
)
_CARRY = update(_CARRIES).where(_CARRIES.c.member_id == bindparam("who")).values(carry=bindparam("left"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """One person's minutes on their way to the books, shared out by the rules of the day."""

    record: Any
    earner: Earner
    parts: Split
    points: int
    carry: int
    payment: Payment | None = None  # coins set aside by who asked, in place of issuance


def lock_records(session: Session, round_id: int) -> Sequence[Any]:
    """What counts in a round, with each person's accounts, as it is now and will stay."""
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
        .where(Attendance.submitted_in_id == round_id, Attendance.status != VOID)
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
    """Book everybody with minutes, give the approval with its sums, and mark every record as approved.

    The approval first: the database marks only what a given approval covers.
    """
    counted = [record for record in records if record.minutes]
    carries = _lock_carries(session, [record.member_id for record in counted])
    earners = [
        Earner(
            member_id=record.member_id,
            branch_id=record.branch_id,
            coin_account_id=record.coin_account_id,
            minutes=record.minutes,
        )
        for record in counted
    ]
    shares = _share_out(session, shift, earners)
    payment = find_payment(session, shift, [record.member_id for record in counted])
    due = []
    for record, earner in zip(counted, earners, strict=True):
        rule = shares.rules[record.branch_id]
        points, carry = points_of(record.minutes, carry=carries[record.member_id], rule=rule)
        paid = payment if payment is not None and payment.member_id == record.member_id else None
        parts = paid.share(session, earner, rule) if paid else shares.parts[record.member_id]
        due.append(Due(record=record, earner=earner, parts=parts, points=points, carry=carry, payment=paid))
    entries = _book(session, shift, due, shares=shares, actor=actor, now=now)
    approval.people, approval.minutes = len(due), sum(one.record.minutes for one in due)
    approval.points = sum(one.points for one in due)
    approval.approved_by_id, approval.approved_at = actor.member_id, now
    session.flush()
    _record(session, approval, records, due, entries)
    return due


def _lock_carries(session: Session, members: Sequence[int]) -> dict[int, int]:
    """What everybody carries on towards their next point; locked until we commit, so a member's bookings queue up."""
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
    return carries


def _share_out(session: Session, shift: LockedShift, earners: Sequence[Earner]) -> Shares:
    """Everybody's share under the rules of the day the shift ended on, however late it is booked."""
    day = local(shift.ends_at).date()
    rules = rules_on(session, earners, day)
    today = coins_of_day(session, capped_daily(rules, earners), day, without=shift.id)
    return share_out(session, earners, Service(day=day, group=shift.group_activity), rules=rules, today=today)


def _book(
    session: Session, shift: LockedShift, due: Sequence[Due], *, shares: Shares, actor: Actor, now: datetime
) -> dict[int, int]:
    """One entry per person in the book of their own branch; returns entries by attendance record.

    A minute or two above the day's cap can be worth neither a coin nor a point: then there is nothing to book.
    """
    points_from = {
        book_id: ledger_queries.find_house_account(session, book_id, "issuance", "point") for book_id in shares.rules
    }
    drafted = [(one, _draft(shift, one, shares, points_from[one.record.branch_id], actor)) for one in due]
    paid = _post_paid(session, drafted, now=now)
    booked = [(one, draft) for one, draft in drafted if draft.transfers and one.payment is None]
    posted = ledger.post_many(session, [draft for _one, draft in booked], now=now) if booked else []
    return paid | {one.record.id: entry.entry_id for (one, _draft), entry in zip(booked, posted, strict=True)}


def _post_paid(session: Session, drafted: Sequence[tuple[Due, EntryDraft]], *, now: datetime) -> dict[int, int]:
    """Book what is paid from coins set aside; returns entries by attendance record."""
    entries = {}
    for one, draft in drafted:
        if one.payment is None:
            continue
        if draft.transfers:
            entries[one.record.id] = one.payment.post(session, draft, now=now).entry_id
        else:
            one.payment.free(session, actor_id=draft.actor_id, now=now)
    return entries


def _draft(shift: LockedShift, one: Due, shares: Shares, points_from: int, actor: Actor) -> EntryDraft:
    record = one.record
    paid = one.payment
    transfers = paid.transfers(one.earner, one.parts) if paid else shares.transfers(one.earner)
    if one.points:
        transfers.append(
            TransferDraft(debit_id=points_from, credit_id=record.point_account_id, amount=one.points, unit="point")
        )
    facts: dict[str, object] = {
        "title": shift.title,
        "shift_id": shift.id,
        "signed_minutes": record.signed_minutes,
        "manual_minutes": record.manual_minutes,
    }
    if shift.group_activity:
        facts[GROUP] = True
    if shift.backdated:
        facts[BACKDATED] = True
    if paid is not None:
        facts |= paid.facts()
    return EntryDraft(
        book_id=record.branch_id,
        kind=ledger_queries.SERVE if paid else "earn",
        key=f"attendance:{shift.id}:{record.member_id}",
        transfers=tuple(transfers),
        source_type=SOURCE,
        source_id=record.id,
        occurred_at=shift.ends_at,
        actor_id=actor.member_id,
        for_member_id=record.member_id,
        rule=shares.rules[record.branch_id].name,
        facts=facts | facts_of(one.parts),
    )


def _record(
    session: Session,
    approval: ShiftApproval,
    records: Sequence[Any],
    due: Sequence[Due],
    entries: dict[int, int],
) -> None:
    """Mark every record as approved, and keep the carries."""
    points = {one.record.id: one.points for one in due}
    capped = {one.record.id: one.parts.capped + one.parts.beyond for one in due}
    rows = [
        {
            "which": r.id,
            "approval": approval.id,
            "entry": entries.get(r.id),
            "earned": points.get(r.id, 0),
            "above": capped.get(r.id, 0),
        }
        for r in records
    ]
    if rows:
        session.connection().execute(_APPROVE, rows)
    if due:
        session.connection().execute(_CARRY, [{"who": one.record.member_id, "left": one.carry} for one in due])


def tell_booked(session: Session, shift: LockedShift, due: Sequence[Due], now: datetime) -> None:
    """Tell everybody what was deposited for them, and what became of the rest."""
    tell_each(session, [(one.record.member_id, _notice(shift, one)) for one in due], now=now)


def _notice(shift: LockedShift, one: Due) -> NoticeDraft:
    facts = {"title": shift.title, "start": shift.starts_at, "minutes": one.parts.kept}
    aside_words = aside(facts_of(one.parts))
    if aside_words:
        facts |= {"served": one.parts.minutes, "aside": aside_words}
    return NoticeDraft(
        kind="attendance.approved_in_parts" if aside_words else "attendance.approved",
        key=f"attendance.approved:{shift.id}",
        facts=facts,
        link="/me/statement",
    )
