"""Trainings, awards and evaluations, and the questions about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from timebank.attendance.models import VOID, Attendance
from timebank.core.errors import NotFound
from timebank.core.paging import Page, batched, read_page
from timebank.growth.models import EVALUATION, Milestone, MilestoneQuestion
from timebank.members.models import ACTIVE, Member, TeamMembership

MOST_TO_RECORD: Final = 500  # at once, on one page; longer rosters go by team or shift


class MilestoneNotFound(NotFound):
    """No such row, or not for this reader."""

    code = "growth.milestone_not_found"
    text = "没有找到这条记录。"


def get_milestone(session: Session, milestone_id: int, *, lock: bool = False) -> Milestone:
    """A training, award or evaluation; with ``lock``, kept until the transaction ends. Raises MilestoneNotFound."""
    found = session.get(Milestone, milestone_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise MilestoneNotFound()
    return found


def get_question(session: Session, question_id: int, *, lock: bool = False) -> MilestoneQuestion:
    """A question; with ``lock``, kept until the transaction ends. Raises MilestoneNotFound."""
    found = session.get(MilestoneQuestion, question_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise MilestoneNotFound()
    return found


def list_standing_milestones(session: Session, member_ids: Sequence[int]) -> dict[int, list[Milestone]]:
    """What stands on each of these members' cards, the latest day first; withdrawn ones are left out."""
    found: dict[int, list[Milestone]] = {member_id: [] for member_id in member_ids}
    standing = select(Milestone).where(Milestone.withdrawn_at.is_(None))
    standing = standing.order_by(Milestone.on_day.desc(), Milestone.id.desc())
    for some in batched(member_ids):
        for one in session.scalars(standing.where(Milestone.member_id.in_(some))):
            found[one.member_id].append(one)
    return found


def list_milestones_of(session: Session, member_id: int) -> list[Milestone]:
    """Everything that was ever recorded of a member, withdrawn ones too, with who recorded it and the questions."""
    chosen = _whole().where(Milestone.member_id == member_id)
    return list(session.scalars(chosen.order_by(Milestone.on_day.desc(), Milestone.id.desc())))


def list_milestones(
    session: Session, branch_id: int, *, kind: str = "", text: str = "", number: int = 1, size: int = 30
) -> Page[Milestone]:
    """A page of what a branch recorded, newest first; ``text`` is part of a title or of a name."""
    chosen = _whole().where(Milestone.branch_id == branch_id)
    if kind:
        chosen = chosen.where(Milestone.kind == kind)
    if text:
        in_name = Milestone.member.has(Member.name.contains(text, autoescape=True))
        chosen = chosen.where(Milestone.title.contains(text, autoescape=True) | in_name)
    return read_page(session, chosen.order_by(Milestone.id.desc()), number=number, size=size)


def list_open_questions(session: Session, branch_id: int) -> list[MilestoneQuestion]:
    """Questions that wait for an answer at a branch, the oldest first."""
    chosen = (
        select(MilestoneQuestion)
        .join(MilestoneQuestion.milestone)
        .options(joinedload(MilestoneQuestion.milestone).joinedload(Milestone.member))
        .where(Milestone.branch_id == branch_id, MilestoneQuestion.answered_at.is_(None))
    )
    return list(session.scalars(chosen.order_by(MilestoneQuestion.id)))


def count_open_questions(session: Session, branch_id: int) -> int:
    """How many questions wait at a branch."""
    chosen = select(func.count()).select_from(MilestoneQuestion).join(MilestoneQuestion.milestone)
    chosen = chosen.where(Milestone.branch_id == branch_id, MilestoneQuestion.answered_at.is_(None))
    return session.scalar(chosen) or 0


def list_people_to_record(
    session: Session,
    branch_id: int,
    *,
    member_id: int | None = None,
    team_id: int | None = None,
    shift_id: int | None = None,
    most: int = MOST_TO_RECORD,
) -> list[Member]:
    """Active people of a branch by name: one, of a team, who came to a shift, or everybody; the first ``most``."""
    chosen = select(Member).where(Member.branch_id == branch_id, Member.status == ACTIVE)
    if member_id is not None:
        chosen = chosen.where(Member.id == member_id)
    if team_id is not None:
        chosen = chosen.where(Member.id.in_(select(TeamMembership.member_id).where(TeamMembership.team_id == team_id)))
    if shift_id is not None:
        came = select(Attendance.member_id).where(Attendance.shift_id == shift_id, Attendance.status != VOID)
        chosen = chosen.where(Member.id.in_(came))
    return list(session.scalars(chosen.order_by(Member.name, Member.id).limit(most)))


def latest_grades(session: Session, member_ids: Collection[int], year: int) -> dict[int, int]:
    """The grade of each member's latest evaluation of a year that stands."""
    chosen = (
        select(Milestone.member_id, Milestone.grade)
        .where(Milestone.kind == EVALUATION, Milestone.withdrawn_at.is_(None), Milestone.member_id.in_(member_ids))
        .where(Milestone.on_day.between(date(year, 1, 1), date(year, 12, 31)))
        .order_by(Milestone.on_day, Milestone.id)
    )
    return {row.member_id: int(row.grade or 0) for row in session.execute(chosen)}  # later ones overwrite


def _whole() -> Select[Any]:
    return select(Milestone).options(
        joinedload(Milestone.member), joinedload(Milestone.recorded_by), selectinload(Milestone.questions)
    )
