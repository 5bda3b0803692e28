"""One activity, one shift, and the people on it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from timebank.activities.models import (
    CONFIRMED,
    LEFT,
    OFFERED,
    PUBLISHED,
    WAITING,
    Activity,
    ActivityChange,
    Shift,
    SignUp,
    SignUpParty,
)
from timebank.core.errors import NotFound
from timebank.members.models import ACTIVE, Member


class ActivityNotFound(NotFound):
    """No such activity, or not for this reader."""

    code = "activities.activity_not_found"
    text = "没有找到这个活动，可能已经撤下。请到活动列表里再找。"


class ShiftNotFound(NotFound):
    """No such shift, or not for this reader."""

    code = "activities.shift_not_found"
    text = "没有找到这个班次，可能已经撤下。请到活动列表里再找。"


def get_activity(session: Session, activity_id: int) -> Activity:
    """An activity in any state with its shifts, branch and organiser. Raises ActivityNotFound."""
    found = session.scalar(
        select(Activity)
        .where(Activity.id == activity_id)
        .options(
            joinedload(Activity.branch),
            joinedload(Activity.organiser),
            joinedload(Activity.team),
            selectinload(Activity.shifts),
        )
    )
    if found is None:
        raise ActivityNotFound()
    return found


def get_shift(session: Session, shift_id: int) -> Shift:
    """A shift with its activity and branch, whatever their state (``cancelled_at`` says whether it takes place).

    Raises ShiftNotFound.
    """
    found = session.scalar(
        select(Shift)
        .where(Shift.id == shift_id)
        .options(joinedload(Shift.activity).options(joinedload(Activity.branch), joinedload(Activity.organiser)))
    )
    if found is None:
        raise ShiftNotFound()
    return found


def find_sign_up(session: Session, shift_id: int, member_id: int) -> SignUp | None:
    """A member's sign-up on a shift in any state, ``left`` included."""
    return session.scalar(select(SignUp).where(SignUp.shift_id == shift_id, SignUp.member_id == member_id))


def list_confirmed(session: Session, shift_id: int) -> list[SignUp]:
    """Who has a place on a shift, with the members, in the order of getting it."""
    return _people(session, shift_id, CONFIRMED)


def list_waiting(session: Session, shift_id: int) -> list[SignUp]:
    """Who waits for a place, with the members, first in line first."""
    return _people(session, shift_id, WAITING)


def list_offered(session: Session, shift_id: int) -> list[SignUp]:
    """Who was offered a place and has not answered, with the members, in the order of the line."""
    return _people(session, shift_id, OFFERED)


def list_all_signed(session: Session, shift_id: int) -> list[SignUp]:
    """Everybody who has a place, was offered one, or waits, with the members."""
    found = select(SignUp).where(SignUp.shift_id == shift_id, SignUp.status != LEFT)
    return list(session.scalars(found.options(joinedload(SignUp.member)).order_by(SignUp.id)))


def list_left(session: Session, shift_id: int) -> list[SignUp]:
    """Who left a shift or its waiting list, with the members, last first."""
    found = select(SignUp).where(SignUp.shift_id == shift_id, SignUp.status == LEFT)
    return list(session.scalars(found.options(joinedload(SignUp.member)).order_by(SignUp.left_at.desc(), SignUp.id)))


def list_unsettled(session: Session, *, now: datetime, limit: int) -> list[int]:
    """Shifts to come whose waiting list has something to do: an offer that ran out or fell to somebody who cannot
    come, or free places with people who wait. Cheap: the lists are looked at by their own verb.
    """
    over = and_(SignUp.status == OFFERED, or_(SignUp.offered_until <= now, Member.status != ACTIVE))
    idle = and_(SignUp.status == WAITING, Shift.taken < Shift.capacity, Shift.starts_at > now)
    found = (
        select(SignUp.shift_id)
        .join(SignUp.member)
        .join(SignUp.shift)
        .join(Shift.activity)
        .where(or_(over, idle), Shift.cancelled_at.is_(None), Activity.status == PUBLISHED)
        .distinct()
        .order_by(SignUp.shift_id)
        .limit(limit)
    )
    return list(session.scalars(found))


def _people(session: Session, shift_id: int, status: str) -> list[SignUp]:
    place_in_line = (SignUp.confirmed_at, SignUp.id) if status == CONFIRMED else (SignUp.queued_at, SignUp.id)
    found = (
        select(SignUp)
        .where(SignUp.shift_id == shift_id, SignUp.status == status)
        .options(joinedload(SignUp.member))
        .order_by(*place_in_line)
    )
    return list(session.scalars(found))


def count_waiting(session: Session, shift_ids: Collection[int]) -> dict[int, int]:
    """How many wait for each of the shifts; shifts with an empty list are left out."""
    counted = (
        select(SignUp.shift_id, func.count().label("waiting"))
        .where(SignUp.shift_id.in_(shift_ids), SignUp.status == WAITING)
        .group_by(SignUp.shift_id)
    )
    return {row.shift_id: row.waiting for row in session.execute(counted)}


def sign_ups_of(session: Session, member_id: int | None, shift_ids: Collection[int]) -> dict[int, SignUp]:
    """A member's own sign-ups (not those left) among the shifts, by shift; nothing for a visitor."""
    if member_id is None:
        return {}
    found = select(SignUp).where(SignUp.member_id == member_id, SignUp.shift_id.in_(shift_ids), SignUp.status != LEFT)
    return {sign_up.shift_id: sign_up for sign_up in session.scalars(found)}


def company_of(session: Session, member_id: int | None, shift_ids: Collection[int]) -> dict[int, list[SignUp]]:
    """Others whom a member signed up for the shifts, or who came in one party with them; not those who left."""
    if member_id is None or not shift_ids:
        return {}
    mine = select(SignUp.party_id).where(
        SignUp.member_id == member_id,
        SignUp.shift_id.in_(shift_ids),
        SignUp.party_id.is_not(None),
        SignUp.status != LEFT,
    )
    found = (
        select(SignUp)
        .where(
            SignUp.shift_id.in_(shift_ids),
            SignUp.member_id != member_id,
            SignUp.status != LEFT,
            or_(SignUpParty.signed_by_id == member_id, SignUp.party_id.in_(mine)),
        )
        .join(SignUp.party)
        .options(joinedload(SignUp.member))
        .order_by(SignUp.id)
    )
    company: dict[int, list[SignUp]] = {}
    for one in session.scalars(found):
        company.setdefault(one.shift_id, []).append(one)
    return company


def line_position(session: Session, sign_up: SignUp) -> int:
    """A waiting member's place in the line, from 1; 0 for who does not wait."""
    if sign_up.status != WAITING:
        return 0
    ahead = select(func.count()).where(
        SignUp.shift_id == sign_up.shift_id,
        SignUp.status == WAITING,
        or_(
            SignUp.queued_at < sign_up.queued_at,
            and_(SignUp.queued_at == sign_up.queued_at, SignUp.id <= sign_up.id),
        ),
    )
    return session.scalar(ahead) or 0


def find_clash(session: Session, member_id: int, shift: Shift) -> Shift | None:
    """Another shift at the same time on which the member already has a place."""
    return session.scalar(
        select(Shift)
        .join(SignUp, SignUp.shift_id == Shift.id)
        .join(Shift.activity)
        .where(
            SignUp.member_id == member_id,
            SignUp.status == CONFIRMED,
            Shift.id != shift.id,
            Shift.cancelled_at.is_(None),
            Activity.status == PUBLISHED,
            Shift.starts_at < shift.ends_at,
            Shift.ends_at > shift.starts_at,
        )
        .options(contains_eager(Shift.activity))
        .order_by(Shift.starts_at)
        .limit(1)
    )


def list_changes(session: Session, activity_id: int) -> list[ActivityChange]:
    """What was changed of an activity since it was published, newest first."""
    found = select(ActivityChange).where(ActivityChange.activity_id == activity_id)
    return list(session.scalars(found.order_by(ActivityChange.id.desc())))
