"""A member's service record: what the card sums up and the list behind it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager, selectinload

from timebank.activities.models import Shift
from timebank.attendance.models import APPROVED, VOID, Attendance
from timebank.attendance.queries import MINUTES, MemberTotals, member_totals, with_corrections
from timebank.core import clock
from timebank.core.keys import Keys
from timebank.core.paging import Page, read_page
from timebank.growth.rules import Stars, stars
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.members.queries import find_card, list_teams_of, show_codes
from timebank.members.rules import CardCodes


@dataclass(frozen=True, kw_only=True)
class CardView:
    """Everything the card shows. ``codes`` is None while no card is valid."""

    member: Member
    codes: CardCodes | None
    totals: MemberTotals
    stars: Stars
    coins: ledger.AccountView | None
    points: ledger.AccountView | None
    giveaway: ledger.AccountView | None
    teams: list[str]
    issued_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class RecordFilter:
    """What of the record is wanted: a calendar year, or all; approved service only, or also what is on its way."""

    year: int | None = None
    approved_only: bool = False


def get_card(session: Session, member: Member, keys: Keys) -> CardView:
    """The growth card of a member as of now."""
    card = find_card(session, member.id)
    totals = member_totals(session, member.id)
    has_accounts = member.coin_account_id is not None
    return CardView(
        member=member,
        codes=show_codes(session, keys, card) if card else None,
        totals=totals,
        stars=stars(totals.minutes),
        coins=ledger.get_account(session, member.coin_account_id) if has_accounts else None,
        points=ledger.get_account(session, member.point_account_id) if has_accounts else None,
        giveaway=ledger.get_account(session, member.giveaway_account_id) if member.giveaway_account_id else None,
        teams=[membership.team.name for membership in list_teams_of(session, member.id)],
        issued_at=card.issued_at if card else None,
    )


def list_record(
    session: Session, member_id: int, wanted: RecordFilter, *, number: int = 1, size: int = 20
) -> Page[Attendance]:
    """The service records of a member with shift and activity, latest first; void ones and those of
    cancelled shifts are left out."""
    chosen = (
        select(Attendance)
        .join(Attendance.shift)
        .join(Shift.activity)
        .options(contains_eager(Attendance.shift).contains_eager(Shift.activity), selectinload(Attendance.corrections))
        .where(Attendance.member_id == member_id, Attendance.status != VOID, Shift.cancelled_at.is_(None))
        .order_by(Shift.starts_at.desc(), Attendance.id.desc())
    )
    if wanted.approved_only:
        chosen = chosen.where(Attendance.status == APPROVED)
    if wanted.year is not None:
        chosen = chosen.where(Shift.starts_at >= _new_year(wanted.year), Shift.starts_at < _new_year(wanted.year + 1))
    return read_page(session, chosen, number=number, size=size)


def _new_year(year: int) -> datetime:
    return clock.instant(date(year, 1, 1), time())


def list_years(session: Session, member_id: int) -> list[int]:
    """The calendar years in which a member served, newest first."""
    ends = session.execute(
        select(func.min(Shift.starts_at), func.max(Shift.starts_at))
        .join(Attendance, Attendance.shift_id == Shift.id)
        .where(Attendance.member_id == member_id, Attendance.status != VOID, Shift.cancelled_at.is_(None))
    ).one()
    years = [clock.local(end).year for end in ends if end is not None]
    return list(range(max(years), min(years) - 1, -1)) if years else []


def minutes_by_day(session: Session, member_id: int, *, last: date) -> Counter[date]:
    """Approved minutes, as they count now, per local day of the shift's start, over the year up to ``last``."""
    start = clock.instant(last - timedelta(days=371), time())
    rows = session.execute(
        with_corrections(select(Shift.starts_at, MINUTES).select_from(Attendance))
        .join(Shift, Shift.id == Attendance.shift_id)
        .where(Attendance.member_id == member_id, Attendance.status == APPROVED, Shift.starts_at >= start)
    )
    days: Counter[date] = Counter()
    for starts_at, minutes in rows:
        days[clock.local(starts_at).date()] += minutes
    return days
