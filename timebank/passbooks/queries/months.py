"""A member's month: what stood at its ends, what came and went in words, points, and hours. As the archive has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.attendance.models import Attendance, AttendanceCorrection
from timebank.core.clock import month_of, month_range
from timebank.growth.queries.statement import Line, get_whole_statement
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.passbooks.rules import Part, parts_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One account over a month."""

    opening: int
    came: int
    went: int
    closing: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthStatement:
    """A month of a member: coins, points, coins to give away (where there are any), hours booked, every movement.

    ``lines`` are the coins' movements, oldest first; ``parts`` sum them by what they were.
    """

    month: str
    coins: Unit
    points: Unit
    giveaway: Unit | None
    signed_minutes: int
    manual_minutes: int
    parts: list[Part]
    lines: list[Line]


def get_month(session: Session, member: Member, month: str) -> MonthStatement:
    """The statement of a month, whether it is closed or not."""
    coins, lines = _unit(session, member, "coin", month)
    points, _ = _unit(session, member, "point", month)
    giveaway = _unit(session, member, "giveaway", month)[0] if member.giveaway_account_id is not None else None
    signed, manual = _booked_minutes(session, member.id, month)
    return MonthStatement(
        month=month,
        coins=coins,
        points=points,
        giveaway=giveaway,
        signed_minutes=signed,
        manual_minutes=manual,
        parts=parts_of((line.kind, line.amount) for line in lines),
        lines=lines,
    )


def _unit(session: Session, member: Member, unit: str, month: str) -> tuple[Unit, list[Line]]:
    found, lines = get_whole_statement(session, member, unit=unit, span=month_range(month))
    return Unit(opening=found.opening, came=found.came, went=found.went, closing=found.closing), lines


def _booked_minutes(session: Session, member_id: int, month: str) -> tuple[int, int]:
    """Signed and manual minutes of the records, and of corrections of records, whose entries stand in the month."""
    records = select(Attendance.entry_id, Attendance.signed_minutes, Attendance.manual_minutes).where(
        Attendance.member_id == member_id, Attendance.entry_id.is_not(None)
    )
    corrections = (
        select(AttendanceCorrection.entry_id, AttendanceCorrection.signed_minutes, AttendanceCorrection.manual_minutes)
        .join(Attendance, Attendance.id == AttendanceCorrection.attendance_id)
        .where(Attendance.member_id == member_id)
    )
    rows = [*session.execute(records), *session.execute(corrections)]
    months = ledger.months_of(session, [row.entry_id for row in rows])
    within = [row for row in rows if months.get(row.entry_id) == month]
    return sum(row.signed_minutes for row in within), sum(row.manual_minutes for row in within)


def is_closed(session: Session, branch_id: int, month: str) -> bool:
    """Whether a branch's books of a month are closed, so that its statements are final."""
    return month in ledger.closed_months(session, branch_id)


def latest_closed(session: Session, branch_id: int) -> tuple[str, datetime] | None:
    """The newest closed month of a branch's books, and when it was closed."""
    closed = ledger.closed_months(session, branch_id)
    period = ledger.find_period(session, branch_id, closed[-1]) if closed else None
    return (period.month, period.closed_at) if period is not None and period.closed_at is not None else None


def list_statement_months(session: Session, member: Member) -> list[str]:
    """The closed months in which a member had anything: a movement, or something left; newest first."""
    ids = [id_ for id_ in (member.coin_account_id, member.point_account_id, member.giveaway_account_id) if id_]
    stood = ledger.list_closings(session, ids)
    first, left, found = month_of(member.registered_at), 0, []
    for month in ledger.closed_months(session, member.branch_id):
        moved = month in stood
        left = stood.get(month, left)
        if month >= first and (moved or left):
            found.append(month)
    return found[::-1]
