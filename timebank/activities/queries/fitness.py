"""What is known of people and asked by an activity, held against each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from timebank.activities.models import CONFIRMED, Activity, GuardianConsent, Shift, SignUp
from timebank.activities.rules.fitness import Candidate, Demands, Hindrance, find_hindrances
from timebank.core import clock
from timebank.members.models import Member
from timebank.members.queries import guardians_of, papers_on
from timebank.members.rules import age_on, is_minor
from timebank.members.rules.papers import PAPERS, SKILLS, codes_in


def demands_of(activity: Activity) -> Demands:
    """What an activity asks of people."""
    return Demands(
        dangerous=activity.risk == "high",
        min_age=activity.min_age,
        max_age=activity.max_age,
        skills={code: SKILLS[code] for code in codes_in(activity.needed_skills) if code in SKILLS},
        papers={code: PAPERS[code] for code in codes_in(activity.needed_papers) if code in PAPERS},
    )


def list_hindrances(
    session: Session, shift: Shift, members: Sequence[Member], *, along: Collection[int]
) -> list[tuple[Member, Hindrance]]:
    """What stands against these people, who come together; ``along`` are guardians who sign or come."""
    demands, day = demands_of(shift.activity), clock.today(shift.starts_at)
    papers = papers_on(session, [member.id for member in members], day) if demands.papers else {}
    found: list[tuple[Member, Hindrance]] = []
    for member in members:
        age = age_on(member.born_on, day) if member.born_on else None
        person = Candidate(
            age=age,
            skills=member.skills,
            papers=papers.get(member.id, frozenset()),
            guarded=is_minor(member.born_on, day) and is_guarded(session, member.id, shift, along=along),
        )
        found += [(member, hindrance) for hindrance in find_hindrances(demands, person)]
    return found


def is_guarded(session: Session, member_id: int, shift: Shift, *, along: Collection[int]) -> bool:
    """Whether a guardian agreed to this activity, or comes along: on the shift, or signing up now (``along``)."""
    agreed = select(GuardianConsent.id).where(
        GuardianConsent.member_id == member_id,
        GuardianConsent.withdrawn_at.is_(None),
        or_(GuardianConsent.activity_id.is_(None), GuardianConsent.activity_id == shift.activity_id),
    )
    if session.scalar(agreed.limit(1)):
        return True
    guardians = guardians_of(session, member_id)
    if guardians & set(along):
        return True
    there = select(SignUp.id).where(
        SignUp.shift_id == shift.id, SignUp.member_id.in_(guardians), SignUp.status == CONFIRMED
    )
    return bool(guardians) and session.scalar(there.limit(1)) is not None
