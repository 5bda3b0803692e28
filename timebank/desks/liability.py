"""What the branch owes in coins: how much, how old, what stands against it, and whose hours it was made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.activities.models import CATEGORIES, Activity, Shift
from timebank.attendance.models import Attendance
from timebank.branches.models import Branch
from timebank.core import clock
from timebank.core.masking import mask_name
from timebank.ledger import queries as ledger
from timebank.ledger.queries.ageing import Ageing, ageing
from timebank.ledger.queries.circulation import MonthFlow, issued_rows, month_flows
from timebank.members.models import Member, Team

AGES: Final = ("不到 3 个月", "3 到 6 个月", "6 到 12 个月", "1 到 2 年", "2 年以上")
_AGE_MONTHS: Final = (3, 6, 12, 24)
TREND_MONTHS: Final = 12
PACE_MONTHS: Final = 3
NO_ACTIVITY: Final = "没有对应的活动"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrendMonth:
    """A month: coins outstanding at its end (or now), and what was redeemed in it, in minutes."""

    month: str
    outstanding: int
    goods: int
    services: int

    @property
    def redeemed(self) -> int:
        """Goods and services together."""
        return self.goods + self.services


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How long the coins outstanding last at the pace of the last full months, in tenths of a month; None: no pace."""

    months: tuple[str, ...]
    minutes: int
    tenths: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FundedRow:
    """Minutes issued in a month for one activity's line: what, who led it, where it was served."""

    month: str
    category: str
    team: str
    branch: str
    minutes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Funding:
    """What was issued in some months, line by line; and the issuance account's movement, which is the same."""

    rows: tuple[FundedRow, ...]
    movement: int

    @property
    def total(self) -> int:
        """All lines together."""
        return sum(row.minutes for row in self.rows)

    def by(self, name: str) -> list[tuple[str, int]]:
        """Sums by ``category``, ``team``, ``branch`` or ``month``: months in order, the others the largest first."""
        sums: dict[str, int] = defaultdict(int)
        for row in self.rows:
            sums[getattr(row, name)] += row.minutes
        return sorted(sums.items()) if name == "month" else sorted(sums.items(), key=lambda one: (-one[1], one[0]))


def months_before(day: date, months: int) -> date:
    """The same day so many calendar months earlier, or that month's last day."""
    ordinal = day.year * 12 + day.month - 1 - months
    year, month = divmod(ordinal, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def months_until(now: datetime, count: int) -> list[str]:
    """So many calendar months, oldest first, the last of them the present one."""
    months = [clock.month_of(now)]
    while len(months) < count:
        months.append(clock.previous_month(months[-1]))
    return months[::-1]


def ages(session: Session, branch_id: int, *, now: datetime) -> Ageing:
    """The coins outstanding by the classes of ``AGES``; a boundary is a midnight in Shanghai."""
    today = clock.today(now)
    return ageing(session, branch_id, [clock.instant(months_before(today, months), time()) for months in _AGE_MONTHS])


def trend(session: Session, branch_id: int, *, outstanding: int, now: datetime) -> list[TrendMonth]:
    """The last months with the present one, oldest first: from what is outstanding now back through what moved."""
    months = months_until(now, TREND_MONTHS)
    flows = month_flows(session, branch_id, since=months[0])
    standing = outstanding - sum(flow.growth for month, flow in flows.items() if month > months[-1])
    found = []
    for month in reversed(months):
        flow = flows.get(month) or MonthFlow(month=month)
        found.append(TrendMonth(month=month, outstanding=standing, goods=flow.goods, services=flow.services))
        standing -= flow.growth
    return found[::-1]


def pace(months: Sequence[TrendMonth], *, outstanding: int, of: Callable[[TrendMonth], int], opened: date) -> Pace:
    """How long the outstanding coins last at what the last full months (none before the opening was over) redeemed."""
    first = f"{opened:%Y-%m}" if opened.day == 1 else clock.next_month(f"{opened:%Y-%m}")
    full = [one for one in months[:-1][-PACE_MONTHS:] if one.month >= first]
    moved = sum(map(of, full))
    tenths = -(-10 * outstanding * len(full) // moved) if moved > 0 and outstanding >= 0 else None
    return Pace(months=tuple(one.month for one in full), minutes=moved, tenths=tenths)


def funding(session: Session, branch_id: int, *, first: str, last: str) -> Funding:
    """Which activities the coins issued in ``first`` … ``last`` were for. One statement, then the names."""
    issued = issued_rows(branch_id, first=first, last=last)
    rows = session.execute(
        select(
            issued.c.month, Activity.category, Activity.team_id, Activity.organiser_id, Activity.branch_id,
            func.sum(issued.c.amount),
        )
        .select_from(issued)
        .outerjoin(Attendance, (issued.c.source_type == "attendance") & (Attendance.id == issued.c.source_id))
        .outerjoin(Shift, Shift.id == Attendance.shift_id)
        .outerjoin(Activity, Activity.id == Shift.activity_id)
        .group_by(
            issued.c.month, Activity.category, Activity.team_id, Activity.organiser_id, Activity.branch_id
        )
        .order_by(issued.c.month)
    ).all()  # fmt: skip
    teams = _names(session, Team, {row.team_id for row in rows})
    people = _names(session, Member, {row.organiser_id for row in rows})
    branches = _names(session, Branch, {row.branch_id for row in rows})
    found = [
        FundedRow(
            month=month,
            category=CATEGORIES.get(category, category) if category else NO_ACTIVITY,
            team=_leader(teams.get(team_id), people.get(organiser_id)),
            branch=branches.get(branch_id, NO_ACTIVITY),
            minutes=int(minutes),
        )
        for month, category, team_id, organiser_id, branch_id, minutes in rows
    ]
    issuance = ledger.find_house_account(session, branch_id, "issuance")
    start, end = clock.month_range(first)[0], clock.month_range(last)[1]
    moved = ledger.figures_at(session, issuance, start).balance - ledger.figures_at(session, issuance, end).balance
    return Funding(rows=tuple(found), movement=moved)


def _names(session: Session, table: Any, ids: set[int | None]) -> dict[int | None, str]:
    wanted = [one for one in ids if one is not None]
    return {row.id: row.name for row in session.execute(select(table.id, table.name).where(table.id.in_(wanted)))}


def _leader(team: str | None, organiser: str | None) -> str:
    if team:
        return team
    return f"组织者 {mask_name(organiser)}" if organiser else NO_ACTIVITY
