"""What setting a record's entry right would do: to minutes, points and carry; and what is booked instead."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from timebank.attendance.models import Attendance, PointsCarry
from timebank.attendance.queries.policy import policy_of
from timebank.attendance.rules import Split, corrected_split, named_rule, points_of, shift_room
from timebank.ledger import queries as ledger_queries
from timebank.ledger.queries import EntryView
from timebank.ledger.service import EntryDraft, TransferDraft

SOURCE = "attendance"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordChange:
    """A record before and after: minutes by kind, points more (below zero: fewer), what is left to carry.

    ``instead`` takes the place of the reversed entry. Of a record that is undone altogether nothing is left, except a
    point that rounding moved from one record to another.
    """

    record_id: int
    member_id: int
    before: Split
    after: Split
    points: int
    carry: int
    instead: EntryDraft | None


def find_booked_record(session: Session, entry: EntryView) -> Attendance | None:
    """The record that an entry stands for now; None for other entries, and for those that were set right before."""
    if entry.source_type != SOURCE or entry.kind == "reverse" or entry.source_id is None:
        return None
    record = session.scalars(
        select(Attendance)
        .where(Attendance.id == entry.source_id)
        .options(selectinload(Attendance.corrections))
        .execution_options(populate_existing=True)
    ).one_or_none()
    return record if record is not None and record.entry_now_id == entry.id else None


def plan_correction(session: Session, record: Attendance, entry: EntryView, minutes: int, *, key: str) -> RecordChange:
    """What it does when the record gets its right ``minutes`` (0: it does not count at all).

    Points follow by the rule the entry was made by. ``key`` is the key of what is booked instead.
    Raises NothingChanges, CorrectionOutOfRange.
    """
    before = Split(record.signed_now, record.manual_now)
    room = shift_room(policy_of(record.shift, record.shift.activity))
    after = corrected_split(before, minutes, room=room)
    carry = session.scalar(select(PointsCarry.carry).where(PointsCarry.member_id == record.member_id)) or 0
    points, left = points_of(after.minutes - before.minutes, carry=carry, rule=named_rule(entry.rule))
    return RecordChange(
        record_id=record.id,
        member_id=record.member_id,
        before=before,
        after=after,
        points=points,
        carry=left,
        instead=_instead(session, record, entry, after, _booked_points(entry) + points, key),
    )


def _booked_points(entry: EntryView) -> int:
    """The points an entry brought the member; below zero where rounding took one."""
    return sum(-t.amount if _takes_back(t.debit) else t.amount for t in entry.transfers if t.unit == "point")


def _takes_back(debit_code: str) -> bool:
    return debit_code != "issuance"


def _instead(
    session: Session, record: Attendance, entry: EntryView, after: Split, points: int, key: str
) -> EntryDraft | None:
    transfers = [*_poured(entry, after.minutes), *_point_transfers(session, record, entry, points)]
    if not transfers:
        return None
    return EntryDraft(
        book_id=entry.book_id,
        kind=entry.kind if after.minutes else "adjust",
        key=key,
        transfers=tuple(transfers),
        source_type=SOURCE,
        source_id=record.id,
        occurred_at=entry.occurred_at,
        actor_id=None,
        for_member_id=entry.for_member_id,
        rule=entry.rule,
        facts=dict(entry.facts) | {"signed_minutes": after.signed, "manual_minutes": after.manual},
    )


def _poured(entry: EntryView, minutes: int) -> list[TransferDraft]:
    """The right minutes over the accounts that the entry paid, in its order; what is more goes to the first."""
    paid = [t for t in entry.transfers if t.unit == "coin"]
    left, poured = minutes, []
    for transfer in paid:
        amount = min(left, transfer.amount)
        poured.append(amount)
        left -= amount
    if poured and left:
        poured[0] += left
    return [
        TransferDraft(debit_id=t.debit_id, credit_id=t.credit_id, amount=amount, unit="coin")
        for t, amount in zip(paid, poured, strict=True)
        if amount
    ]


def _point_transfers(session: Session, record: Attendance, entry: EntryView, points: int) -> list[TransferDraft]:
    if not points:
        return []
    house = ledger_queries.find_house_account(session, entry.book_id, "issuance", "point")
    own = ledger_queries.get_account(session, record.member.point_account_id).id
    debit, credit = (house, own) if points > 0 else (own, house)
    return [TransferDraft(debit_id=debit, credit_id=credit, amount=abs(points), unit="point")]
