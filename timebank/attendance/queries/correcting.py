"""What setting a record's entry right would do: to minutes, points and carry; and what is booked instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from timebank.attendance.models import Attendance, PointsCarry
from timebank.attendance.queries.days import SOURCE, coins_of_day
from timebank.attendance.queries.policy import find_overtime, policy_of
from timebank.attendance.rules import Split, corrected_split, shift_room
from timebank.core.clock import local
from timebank.ledger import queries as ledger_queries
from timebank.ledger.queries import EntryView
from timebank.ledger.service import EntryDraft, TransferDraft
from timebank.rulebook.queries import named_rule
from timebank.rulebook.rules import (
    BEYOND,
    CAPPED,
    GROUP,
    TO_FUND,
    TO_GIVE,
    Earning,
    Settings,
    facts_of,
    points_of,
    split_paid,
)
from timebank.rulebook.rules import Split as Parts
from timebank.rulebook.rules import split as share

UNOPENED: Final = 0  # stands for a give-away account that is opened when something is booked there


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordChange:
    """A record before and after: minutes by kind, points more (below zero: fewer), what is left to carry.

    ``instead`` takes the place of the reversed entry. Of a record that is undone altogether nothing is left, except a
    point that rounding moved from one record to another. ``adds``: hours are added, or coins issued.
    """

    record_id: int
    member_id: int
    before: Split
    after: Split
    points: int
    carry: int
    adds: bool
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

    Coins and points follow by the rules the entry was made by. ``key`` is the key of what is booked instead. Give-away
    coins go to ``UNOPENED`` where the member has no account for them yet, which the ledger would refuse.
    Raises NothingChanges, CorrectionOutOfRange.
    """
    before = Split(record.signed_now, record.manual_now)
    after = corrected_split(before, minutes, room=_room(session, record))
    carry = session.scalar(select(PointsCarry.carry).where(PointsCarry.member_id == record.member_id)) or 0
    rule = named_rule(session, entry.book_id, entry.rule)
    points, left = points_of(after.minutes - before.minutes, carry=carry, rule=rule)
    parts = _parts(session, record, entry, after.minutes, rule)
    return RecordChange(
        record_id=record.id,
        member_id=record.member_id,
        before=before,
        after=after,
        points=points,
        carry=left,
        adds=after.minutes > before.minutes or parts.coins > _issued(entry),
        instead=_instead(session, record, entry, _Right(after, parts, _booked_points(entry) + points), key),
    )


def _room(session: Session, record: Attendance) -> int:
    policy = policy_of(record.shift, record.shift.activity)
    overtime = find_overtime(session, record.shift_id, policy, (record.member_id,))
    return shift_room(policy, overtime.get(record.member_id, 0))


def may_give_away(session: Session, entry: EntryView) -> bool:
    """Whether what an entry booked was for hours whose coins may only be given away."""
    return bool(entry.facts.get(GROUP)) and named_rule(session, entry.book_id, entry.rule).group_hours_give_away


def _issued(entry: EntryView) -> int:
    """The coins an entry made, wherever they went."""
    return sum(t.amount for t in entry.transfers if t.unit == "coin")


def _booked_points(entry: EntryView) -> int:
    """The points an entry brought the member; below zero where rounding took one."""
    return sum(-t.amount if _takes_back(t.debit) else t.amount for t in entry.transfers if t.unit == "point")


def _takes_back(debit_code: str) -> bool:
    return debit_code != "issuance"


@dataclass(frozen=True, slots=True)
class _Right:
    """What a record should have brought: minutes by kind, their parts as coins, points."""

    minutes: Split
    parts: Parts
    points: int


def _parts(session: Session, record: Attendance, entry: EntryView, minutes: int, rule: Settings) -> Parts:
    """The right minutes shared out as when the entry was booked, beside what the day's other shifts bring now.

    What somebody else paid is at most what they paid then: of what was not used, they may have disposed.
    """
    if entry.kind == ledger_queries.SERVE:
        balance = _held_beside(session, record, entry, rule)
        return split_paid(minutes, held=_issued(entry), balance=balance, rule=rule)
    day = local(record.shift.ends_at).date()
    today = coins_of_day(session, [record.member_id], day, without=record.shift_id).get(record.member_id, 0)
    earning = Earning(
        minutes=minutes,
        group=bool(entry.facts.get(GROUP)),
        today=today,
        balance=_held_beside(session, record, entry, rule),
    )
    return share(earning, rule)


def _held_beside(session: Session, record: Attendance, entry: EntryView, rule: Settings) -> int:
    """What the holding cap is to see as held beside the entry's own share.

    There was room for that share once, so it stays the member's, whatever came in since. There was no more room where
    the entry filled the member up; elsewhere there is what is left today.
    """
    kept = sum(t.amount for t in entry.transfers if t.unit == "coin" and t.credit_id == record.member.coin_account_id)
    beside = ledger_queries.get_account(session, record.member.coin_account_id).balance - kept
    if rule.holding_cap_minutes is None:
        return beside
    full = rule.holding_cap_minutes - kept
    return full if entry.facts.get(TO_FUND) else min(beside, full)


def _instead(session: Session, record: Attendance, entry: EntryView, right: _Right, key: str) -> EntryDraft | None:
    transfers = [
        *_coin_transfers(session, record, entry, right.parts),
        *_point_transfers(session, record, entry, right.points),
    ]
    if not transfers:
        return None
    facts = {name: fact for name, fact in entry.facts.items() if name not in {CAPPED, BEYOND, TO_FUND, TO_GIVE}}
    return EntryDraft(
        book_id=entry.book_id,
        kind=entry.kind if right.minutes.minutes else "adjust",
        key=key,
        transfers=tuple(transfers),
        source_type=SOURCE,
        source_id=record.id,
        occurred_at=entry.occurred_at,
        actor_id=None,
        for_member_id=entry.for_member_id,
        rule=entry.rule,
        facts=facts
        | {"signed_minutes": right.minutes.signed, "manual_minutes": right.minutes.manual}
        | facts_of(right.parts),
    )


def _coin_transfers(session: Session, record: Attendance, entry: EntryView, parts: Parts) -> list[TransferDraft]:
    issuance, fund = (ledger_queries.find_house_account(session, entry.book_id, kind) for kind in ("issuance", "fund"))
    shares = (
        (parts.kept, ledger_queries.get_account(session, record.member.coin_account_id).id),
        (parts.given, record.member.giveaway_account_id or UNOPENED),
        (parts.fund, fund),
    )
    source = _payer(entry) or issuance
    return [
        TransferDraft(debit_id=source, credit_id=account_id, amount=amount, unit="coin")
        for amount, account_id in shares
        if amount and account_id != source
    ]


def _payer(entry: EntryView) -> int | None:
    """The account that paid a service in place of issuance."""
    paid = [t.debit_id for t in entry.transfers if t.unit == "coin"] if entry.kind == ledger_queries.SERVE else []
    return paid[0] if paid else None


def _point_transfers(session: Session, record: Attendance, entry: EntryView, points: int) -> list[TransferDraft]:
    if not points:
        return []
    house = ledger_queries.find_house_account(session, entry.book_id, "issuance", "point")
    own = ledger_queries.get_account(session, record.member.point_account_id).id
    debit, credit = (house, own) if points > 0 else (own, house)
    return [TransferDraft(debit_id=debit, credit_id=credit, amount=abs(points), unit="point")]
