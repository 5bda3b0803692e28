"""Who fits the yearly commendation, and the lists that were proposed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from timebank.activities.queries import count_absences
from timebank.attendance.queries import totals_of
from timebank.core import clock
from timebank.core.errors import NotFound
from timebank.growth.models import (
    GRADE_NAMES,
    WAITING,
    Commendation,
    CommendationCandidate,
    Milestone,
)
from timebank.growth.queries.milestones import latest_grades
from timebank.growth.queries.recognition import find_recognition
from timebank.growth.rules import Point, Recognition, RecognitionVersion, YearOf, weigh
from timebank.members.models import ACTIVE, Member


class CommendationNotFound(NotFound):
    """No such list."""

    code = "growth.commendation_not_found"
    text = "没有找到这份评优名单。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """A member beside the rule: what they did in the year and each thing the rule asks for."""

    member: Member
    year: YearOf
    points: list[Point]

    @property
    def fits(self) -> bool:
        """Whether everything that is asked for is there."""
        return all(point.kept for point in self.points)


def year_rule(session: Session, branch_id: int, year: int, today: date) -> RecognitionVersion:
    """The version by which a year is looked at: that of its last day, or of today while the year runs."""
    return find_recognition(session, branch_id, min(date(year, 12, 31), today))


def weigh_people(session: Session, members: Sequence[Member], year: int, rule: Recognition) -> list[Fit]:
    """Each of these members beside the rule, who served longest first."""
    ids = [member.id for member in members]
    totals, grades = totals_of(session, ids, year=year), latest_grades(session, ids, year)
    absences = count_absences(session, ids, *clock.year_range(year))
    fits = []
    for member in members:
        done = YearOf(
            minutes=totals[member.id].minutes,
            activities=totals[member.id].count,
            absences=absences.get(member.id, 0),
            grade=grades.get(member.id),
        )
        fits.append(Fit(member=member, year=done, points=weigh(done, rule, GRADE_NAMES)))
    return sorted(fits, key=lambda fit: (-fit.year.minutes, fit.member.id))


def list_candidates(session: Session, branch_id: int, year: int, today: date) -> list[Fit]:
    """A branch's active members who served in the year and were not commended for it yet, who served longest first."""
    commended = select(Milestone.member_id).where(Milestone.commended_year == year, Milestone.withdrawn_at.is_(None))
    people = select(Member).where(Member.branch_id == branch_id, Member.status == ACTIVE, Member.id.not_in(commended))
    rule = year_rule(session, branch_id, year, today)
    found = weigh_people(session, list(session.scalars(people)), year, rule)
    return [fit for fit in found if fit.year.activities]


def get_commendation(session: Session, commendation_id: int, *, lock: bool = False) -> Commendation:
    """A list; with ``lock``, kept until the transaction ends. Raises CommendationNotFound."""
    found = session.get(Commendation, commendation_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise CommendationNotFound()
    return found


def list_commendations(session: Session, branch_id: int, *, year: int | None = None) -> list[Commendation]:
    """The lists of a branch with their people, of one year or all, the newest first."""
    people = selectinload(Commendation.people).joinedload(CommendationCandidate.member)
    chosen = select(Commendation).options(people).where(Commendation.branch_id == branch_id)
    if year is not None:
        chosen = chosen.where(Commendation.year == year)
    return list(session.scalars(chosen.order_by(Commendation.id.desc())))


def list_waiting_commendations(session: Session, branch_id: int) -> list[Commendation]:
    """Lists of a branch that wait for a second person."""
    waiting = select(Commendation).where(Commendation.branch_id == branch_id, Commendation.status == WAITING)
    return list(session.scalars(waiting.order_by(Commendation.id)))


def find_commendation_by_key(session: Session, form_key: str) -> Commendation | None:
    """The list that a form proposed."""
    return session.scalars(select(Commendation).where(Commendation.form_key == form_key)).one_or_none()


def already_commended(session: Session, member_ids: Collection[int], year: int) -> set[int]:
    """Who of these was commended for the year already."""
    standing = select(Milestone.member_id).where(
        Milestone.commended_year == year, Milestone.withdrawn_at.is_(None), Milestone.member_id.in_(member_ids)
    )
    return set(session.scalars(standing))
