"""Samples that were drawn, and what was found of each picked activity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import APPROVED, Attendance
from timebank.core.clock import month_range
from timebank.core.errors import NotFound
from timebank.reports.models import SpotFinding, SpotPick, SpotSample
from timebank.reports.rules import lot


class SampleNotFound(NotFound):
    """No such sample."""

    code = "reports.sample_not_found"
    text = "没有找到这次抽查。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picked:
    """A picked activity with its lot, and the findings about it, the newest first."""

    place: int
    activity: Activity
    lot: str
    findings: Sequence[SpotFinding]

    @property
    def finding(self) -> SpotFinding | None:
        """What holds."""
        return self.findings[0] if self.findings else None


def list_drum(session: Session, branch_id: int, month: str) -> list[int]:
    """The activities of a branch with hours that were booked, whose shifts began in the month: what can be drawn."""
    start, end = month_range(month)
    booked = select(Attendance.id).where(Attendance.shift_id == Shift.id, Attendance.status == APPROVED).exists()
    return list(
        session.scalars(
            select(Activity.id)
            .join(Shift, Shift.activity_id == Activity.id)
            .where(Activity.branch_id == branch_id, Shift.starts_at >= start, Shift.starts_at < end, booked)
            .distinct()
            .order_by(Activity.id)
        )
    )


def get_sample(session: Session, sample_id: int) -> SpotSample:
    """One sample. Raises SampleNotFound."""
    found = session.get(SpotSample, sample_id)
    if found is None:
        raise SampleNotFound()
    return found


def list_samples(session: Session, branch_id: int) -> list[tuple[SpotSample, int, int]]:
    """The samples of a branch, newest first: how many activities each has, and how many of them were checked."""
    picks = select(func.count()).where(SpotPick.sample_id == SpotSample.id).scalar_subquery()
    checked = (
        select(func.count(SpotFinding.activity_id.distinct()))
        .where(SpotFinding.sample_id == SpotSample.id)
        .scalar_subquery()
    )
    chosen = select(SpotSample, picks, checked).where(SpotSample.branch_id == branch_id)
    rows = session.execute(chosen.options(joinedload(SpotSample.drawn_by)).order_by(SpotSample.id.desc()))
    return [(sample, many, done) for sample, many, done in rows]


def count_unchecked(session: Session, branch_id: int) -> int:
    """How many picked activities of a branch nobody has checked."""
    return sum(many - done for _, many, done in list_samples(session, branch_id))


def list_picked(session: Session, sample: SpotSample) -> list[Picked]:
    """The activities of a sample in the order of the lot."""
    picks = session.scalars(
        select(SpotPick)
        .where(SpotPick.sample_id == sample.id)
        .options(joinedload(SpotPick.activity).joinedload(Activity.organiser))
        .order_by(SpotPick.place)
    ).all()
    findings = session.scalars(
        select(SpotFinding)
        .where(SpotFinding.sample_id == sample.id)
        .options(joinedload(SpotFinding.by))
        .order_by(SpotFinding.id.desc())
    ).all()
    return [
        Picked(
            place=pick.place,
            activity=pick.activity,
            lot=lot(sample.seed, pick.activity_id),
            findings=[one for one in findings if one.activity_id == pick.activity_id],
        )
        for pick in picks
    ]
