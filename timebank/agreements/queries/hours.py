"""What an organisation's people served while they belonged to it: approved minutes, corrections included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from timebank.activities.models import Shift
from timebank.attendance.models import APPROVED, Attendance
from timebank.attendance.queries import MINUTES, with_corrections
from timebank.core.clock import month_range
from timebank.members.models import OrganisationMember


@dataclass(frozen=True, kw_only=True, slots=True)
class YearHours:
    """Service minutes of an organisation's people in a year, month by month, and how many people served."""

    months: tuple[int, ...] = (0,) * 12
    people: int = 0

    @property
    def minutes(self) -> int:
        """The whole year."""
        return sum(self.months)


@dataclass(frozen=True, kw_only=True, slots=True)
class PeopleHours:
    """Service minutes of one person for an organisation: in a year, and in all."""

    year: int = 0
    all: int = 0


def year_hours(session: Session, organisation_ids: Collection[int], year: int) -> dict[int, YearHours]:
    """By organisation; every one that was asked for. A record counts in the month its shift ended in. One statement."""
    ranges = _months(year)
    sums = [
        func.coalesce(func.sum(case(((Shift.ends_at >= start) & (Shift.ends_at < end), MINUTES), else_=0)), 0)
        for start, end in ranges
    ]
    chosen = _served(
        select(OrganisationMember.organisation_id, func.count(Attendance.member_id.distinct()), *sums),
        organisation_ids,
    )
    chosen = chosen.where(Shift.ends_at >= ranges[0][0], Shift.ends_at < ranges[-1][1])
    found = {
        organisation_id: YearHours(months=tuple(int(one) for one in months), people=people)
        for organisation_id, people, *months in session.execute(chosen.group_by(OrganisationMember.organisation_id))
    }
    return {one: found.get(one, YearHours()) for one in organisation_ids}


def people_hours(session: Session, organisation_id: int, year: int) -> dict[int, PeopleHours]:
    """By member: what everybody who ever belonged served for the organisation. One statement."""
    ranges = _months(year)
    this_year = (Shift.ends_at >= ranges[0][0]) & (Shift.ends_at < ranges[-1][1])
    sums = (func.sum(case((this_year, MINUTES), else_=0)), func.sum(MINUTES))
    columns: Any = select(OrganisationMember.member_id, *sums)
    chosen = _served(columns, [organisation_id])
    found: dict[int, PeopleHours] = defaultdict(PeopleHours)
    for member_id, in_year, whole in session.execute(chosen.group_by(OrganisationMember.member_id)):
        found[member_id] = PeopleHours(year=int(in_year), all=int(whole))
    return found


def _months(year: int) -> list[Any]:
    return [month_range(f"{year:04d}-{month:02d}") for month in range(1, 13)]


def _served(columns: Select[Any], organisation_ids: Collection[int]) -> Select[Any]:
    """Approved records of people whose shift ended while they belonged: from the day they joined, until they left."""
    belonged = and_(
        OrganisationMember.member_id == Attendance.member_id,
        Shift.ends_at >= OrganisationMember.joined_at,
        or_(OrganisationMember.left_at.is_(None), Shift.ends_at < OrganisationMember.left_at),
    )
    chosen: Select[Any] = (
        with_corrections(columns.select_from(Attendance))
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(OrganisationMember, belonged)
        .where(
            OrganisationMember.organisation_id.in_(list(organisation_ids)),
            Attendance.status == APPROVED,
            MINUTES > 0,
        )
    )
    return chosen
