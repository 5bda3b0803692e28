"""Versions of a branch's recognition rules, and who reached which star when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.attendance.queries import list_gains
from timebank.branches.models import Branch
from timebank.core import clock
from timebank.growth.models import RecognitionRule
from timebank.growth.rules import (
    RECOGNITION_SETTINGS,
    Reached,
    RecognitionVersion,
    Stars,
    recognition_on,
    stars_of,
)
from timebank.members.models import ACTIVE, Member


def recognition_version_of(row: RecognitionRule, branch_code: str) -> RecognitionVersion:
    """A saved version as the arithmetic knows it."""
    return RecognitionVersion(
        name=f"recognition/{branch_code}/{row.number}",
        number=row.number,
        valid_from=row.valid_from,
        **{name: getattr(row, name) for name in RECOGNITION_SETTINGS},
    )


def find_recognitions(session: Session, branch_ids: Collection[int]) -> dict[int, list[RecognitionVersion]]:
    """Every version of some branches, oldest first; a branch that saved none has an empty list."""
    rows = session.execute(
        select(RecognitionRule, Branch.code)
        .join(Branch, Branch.id == RecognitionRule.branch_id)
        .where(RecognitionRule.branch_id.in_(branch_ids))
        .order_by(RecognitionRule.branch_id, RecognitionRule.number)
    )
    found: dict[int, list[RecognitionVersion]] = defaultdict(list, {branch_id: [] for branch_id in branch_ids})
    for row, code in rows:
        found[row.branch_id].append(recognition_version_of(row, code))
    return dict(found)


def find_recognition(session: Session, branch_id: int, day: date) -> RecognitionVersion:
    """The version in force at a branch on a day."""
    return recognition_on(find_recognitions(session, [branch_id])[branch_id], day)


def list_recognition_rules(session: Session, branch_id: int) -> list[RecognitionRule]:
    """The versions of a branch as they were saved, newest first."""
    chosen = select(RecognitionRule).where(RecognitionRule.branch_id == branch_id)
    return list(session.scalars(chosen.order_by(RecognitionRule.number.desc())))


def find_recognition_by_key(session: Session, form_key: str) -> RecognitionRule | None:
    """The version that a form saved."""
    return session.scalars(select(RecognitionRule).where(RecognitionRule.form_key == form_key)).one_or_none()


def find_stars(session: Session, members: Sequence[Member], today: date) -> dict[int, Stars]:
    """The stars of each of these members, under the rules of their branch as they were day by day."""
    versions = find_recognitions(session, {member.branch_id for member in members})
    gains = list_gains(session, [member.id for member in members])
    return {
        member.id: stars_of(
            [(clock.local(at).date(), minutes) for at, minutes in gains[member.id]], versions[member.branch_id], today
        )
        for member in members
    }


@dataclass(frozen=True, slots=True)
class StarReached:
    """A member who reached a star."""

    member: Member
    reached: Reached


def list_reached(session: Session, branch_id: int, month: str, today: date) -> list[StarReached]:
    """Who of a branch reached a star in a month (``YYYY-MM``) and has it still, the highest star first."""
    people = list(session.scalars(select(Member).where(Member.branch_id == branch_id, Member.status == ACTIVE)))
    stars = find_stars(session, people, today)
    found = [
        StarReached(member, reached)
        for member in people
        for reached in stars[member.id].reached
        if f"{reached.day:%Y-%m}" == month
    ]
    return sorted(found, key=lambda one: (-one.reached.star, one.reached.day, one.member.id))
