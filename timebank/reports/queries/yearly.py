"""A year's figures, counted from what was booked in its closed months; and the versions that were prepared.

Hours and coins sum up to what the archives of these months say, since they are read by the archives' own queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import CATEGORIES, Activity, Shift
from timebank.agreements.models import Agreement
from timebank.archives.queries import list_member_rows, numbers_of, service_lines
from timebank.archives.rules import MEMBERS
from timebank.attendance.models import Attendance
from timebank.branches.models import Area, Branch
from timebank.branches.queries import area_name
from timebank.certificates.models import Certificate
from timebank.core import clock
from timebank.core.clock import month_of, month_range
from timebank.core.errors import NotFound
from timebank.exchange.models import SERVICE as SERVICE_OFFER
from timebank.exchange.models import Offer, Order, OrderCorrection
from timebank.ledger import queries as ledger
from timebank.members.models import Card, Member, Organisation
from timebank.reports.models import YearlyReport
from timebank.reports.rules import AGE_BANDS, Group, age_band
from timebank.requests.models import DONE, HelpRequest

_PLACES = [[column.name for column in MEMBERS.columns].index(one) for one in ("earned", "redeemed", "points_earned")]
_NO_AREA: Final = "没有登记区域"
_IN_FORCE: Final = ("signed", "ended")


class ReportNotFound(NotFound):
    """No such version, or none that the public may see."""

    code = "reports.report_not_found"
    text = "没有找到这一年的数据，可能还没有公开。"


@dataclass(slots=True)
class _Line:
    """What one record came to within the year."""

    member_id: int
    category: str
    activity_id: int
    shift_id: int
    signed: int = 0
    manual: int = 0


@dataclass(slots=True)
class _Count:
    """The year while it is counted."""

    lines: dict[int, _Line] = field(default_factory=dict)
    months: list[dict[str, Any]] = field(default_factory=list)
    issued: int = 0
    redeemed: int = 0
    points: int = 0


def count_year(session: Session, branch: Branch, year: int, *, now: datetime) -> dict[str, Any]:
    """The figures of a branch's year in plain values; months that are not closed are named and not counted."""
    closed = [month for month in ledger.closed_months(session, branch.id) if month.startswith(f"{year}-")]
    counted = _Count()
    for month in _months(branch, year, closed, now=now):
        counted.months.append(_month(session, branch, month, counted) if month in closed else _open(month))
    end = month_range(closed[-1])[1] if closed else month_range(f"{year}-01")[0]
    people = _people(session, counted)
    return {
        "year": year,
        "until": clock.local(end - timedelta(seconds=1)).date().isoformat(),
        "months": counted.months,
        "totals": _totals(session, branch, year, counted, end=end, closed=closed),
        "by_category": _grouped(
            counted, lambda line: CATEGORIES.get(line.category, line.category), CATEGORIES.values()
        ),
        "by_area": _grouped(counted, lambda line: people[line.member_id].area, ()),
        "by_age": _grouped(counted, lambda line: people[line.member_id].age, [name for *_, name in AGE_BANDS]),
    }


def year_seals(session: Session, branch_id: int, year: int) -> dict[str, str | None]:
    """The closed months of a year with their seals."""
    closed = [month for month in ledger.closed_months(session, branch_id) if month.startswith(f"{year}-")]
    periods = {month: ledger.find_period(session, branch_id, month) for month in closed}
    return {month: period.hash if period else None for month, period in periods.items()}


def _months(branch: Branch, year: int, closed: Sequence[str], *, now: datetime) -> list[str]:
    """The months of the year in which the branch was open, up to now."""
    first = min([f"{branch.opened_on:%Y-%m}", *closed])
    every = [f"{year}-{number:02d}" for number in range(1, 13)]
    return [month for month in every if first <= month <= month_of(now)]


def _open(month: str) -> dict[str, Any]:
    return {"month": month, "closed": False}


def _month(session: Session, branch: Branch, month: str, counted: _Count) -> dict[str, Any]:
    """Count one closed month in, and tell its own figures."""
    columns = (
        Attendance.id, Attendance.member_id, Attendance.shift_id, Shift.activity_id, Activity.category,
    )  # fmt: skip
    here: dict[int, _Line] = {}
    for row in service_lines(session, branch, numbers_of(session, branch, month), *columns):
        for lines in (here, counted.lines):
            line = lines.setdefault(row.id, _Line(row.member_id, row.category, row.activity_id, row.shift_id))
            line.signed += row.signed_minutes
            line.manual += row.manual_minutes
    members = list_member_rows(session, branch, month)
    issued, redeemed, points = (sum(row[at] for row in members) for at in _PLACES)
    counted.issued += issued
    counted.redeemed += redeemed
    counted.points += points
    period = ledger.find_period(session, branch.id, month)
    return {
        "month": month,
        "closed": True,
        "seal": period.hash if period else None,
        **_sums(here.values()),
        "issued": issued,
        "redeemed": redeemed,
    }


def _sums(lines: Iterable[_Line]) -> dict[str, int]:
    """People and times count where something is left; minutes with all corrections."""
    every = list(lines)
    counting = [line for line in every if line.signed + line.manual > 0]
    return {
        "people": len({line.member_id for line in counting}),
        "times": len(counting),
        "signed": sum(line.signed for line in every),
        "manual": sum(line.manual for line in every),
    }


@dataclass(frozen=True, slots=True)
class _Person:
    area: str
    age: str


def _people(session: Session, counted: _Count) -> dict[int, _Person]:
    """Where those who served live, and how old they were at the end of the year."""
    ids = sorted({line.member_id for line in counted.lines.values()})
    on = date(int(counted.months[-1]["month"][:4]), 12, 31) if counted.months else date(2000, 12, 31)
    areas = {area.id: area_name(area, on) for area in session.scalars(select(Area))}
    found: dict[int, _Person] = {}
    for at in range(0, len(ids), 500):
        rows = select(Member.id, Member.area_id, Member.born_on).where(Member.id.in_(ids[at : at + 500]))
        for row in session.execute(rows):
            found[row.id] = _Person(areas.get(row.area_id or 0, _NO_AREA), age_band(row.born_on, on))
    return found


def _grouped(counted: _Count, name_of: Callable[[_Line], str], order: Iterable[str]) -> list[dict[str, Any]]:
    lines: dict[str, list[_Line]] = defaultdict(list)
    for line in counted.lines.values():
        lines[name_of(line)].append(line)
    known = {name: at for at, name in enumerate(order)}
    groups = [Group(name=name, **_sums(some)) for name, some in lines.items()]
    groups.sort(key=lambda group: (known.get(group.name, len(known)), -group.minutes, group.name))
    return [asdict(group) for group in groups]


def _totals(
    session: Session, branch: Branch, year: int, counted: _Count, *, end: datetime, closed: Sequence[str]
) -> dict[str, int]:
    lines = [line for line in counted.lines.values() if line.signed + line.manual > 0]
    sums = _sums(counted.lines.values())
    return {
        **_registered(session, branch, year, end),
        "active": sums["people"],
        "times": sums["times"],
        "signed": sums["signed"],
        "manual": sums["manual"],
        "activities": len({line.activity_id for line in lines}),
        "shifts": len({line.shift_id for line in lines}),
        "recipients": len(_recipients(session, branch, closed)),
        "issued": counted.issued,
        "redeemed": counted.redeemed,
        "points": counted.points,
        **_partners(session, branch, year, end),
        **_certificates(session, branch, year, end),
    }


def _registered(session: Session, branch: Branch, year: int, end: datetime) -> dict[str, int]:
    """Volunteers by the first card they were given, as the archives' members' table counts them."""
    first = (
        select(func.min(Card.issued_at).label("at"))
        .join(Member, Member.id == Card.member_id)
        .where(Member.branch_id == branch.id)
        .group_by(Card.member_id)
        .subquery()
    )
    start = month_range(f"{year}-01")[0]
    counts = select(func.count().filter(first.c.at < end), func.count().filter(first.c.at < end, first.c.at >= start))
    registered, newly = session.execute(counts.select_from(first)).one()
    return {"registered": registered, "newly": newly}


def _recipients(session: Session, branch: Branch, closed: Sequence[str]) -> set[int]:
    """Who was served: by a service that was redeemed, or by a request that was done, in a closed month."""
    found: set[int] = set()
    for month in closed:
        start, end = month_range(month)
        undone = select(OrderCorrection.id).where(
            OrderCorrection.order_id == Order.id, OrderCorrection.replacement_id.is_(None)
        )
        ordered = (
            select(Order.member_id)
            .join(Offer, Offer.id == Order.offer_id)
            .where(Order.branch_id == branch.id, Offer.kind == SERVICE_OFFER, ~undone.exists())
            .where(Order.fulfilled_at >= start, Order.fulfilled_at < end)
        )
        asked = select(HelpRequest.recipient_id).where(
            HelpRequest.branch_id == branch.id,
            HelpRequest.status == DONE,
            HelpRequest.ended_at >= start,
            HelpRequest.ended_at < end,
        )
        found.update(session.scalars(ordered.distinct()), session.scalars(asked.distinct()))
    return found


def _partners(session: Session, branch: Branch, year: int, end: datetime) -> dict[str, int]:
    partners = select(func.count()).where(
        Organisation.branch_id == branch.id,
        Organisation.joined_at < end,
        Organisation.closed_at.is_(None) | (Organisation.closed_at >= end),
    )
    agreements = select(func.count()).where(
        Agreement.branch_id == branch.id, Agreement.year == year, Agreement.status.in_(_IN_FORCE)
    )
    return {"partners": session.scalar(partners) or 0, "agreements": session.scalar(agreements) or 0}


def _certificates(session: Session, branch: Branch, year: int, end: datetime) -> dict[str, int]:
    """Certificates that the branch issued in the year's closed months, and those withdrawn in them, whenever issued."""
    start = month_range(f"{year}-01")[0]
    issued = func.count().filter(Certificate.issued_at >= start, Certificate.issued_at < end)
    withdrawn = func.count().filter(Certificate.withdrawn_at >= start, Certificate.withdrawn_at < end)
    row = session.execute(select(issued, withdrawn).where(Certificate.branch_id == branch.id)).one()
    return {"certificates": row[0], "certificates_withdrawn": row[1]}


# --- versions ------------------------------------------------------------------------------------------------------


def list_years(session: Session, branch_id: int) -> Sequence[YearlyReport]:
    """Every version of every year of a branch, the newest first."""
    chosen = select(YearlyReport).where(YearlyReport.branch_id == branch_id)
    order = (YearlyReport.year.desc(), YearlyReport.version.desc())
    people = (joinedload(YearlyReport.prepared_by), joinedload(YearlyReport.published_by))
    return session.scalars(chosen.order_by(*order).options(*people)).all()


def get_report(session: Session, report_id: int) -> YearlyReport:
    """One version. Raises ReportNotFound."""
    found = session.get(YearlyReport, report_id)
    if found is None:
        raise ReportNotFound()
    return found


def find_newest(session: Session, branch_id: int, year: int) -> YearlyReport | None:
    """The newest version of a year, published or not."""
    return session.scalars(
        select(YearlyReport)
        .where(YearlyReport.branch_id == branch_id, YearlyReport.year == year)
        .order_by(YearlyReport.version.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()


def get_published(session: Session, branch_id: int, year: int) -> YearlyReport:
    """What the public sees: the highest version that was published, withdrawn or not. Raises ReportNotFound."""
    found = session.scalars(
        select(YearlyReport)
        .where(YearlyReport.branch_id == branch_id, YearlyReport.year == year, YearlyReport.published_at.is_not(None))
        .order_by(YearlyReport.version.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise ReportNotFound()
    return found
