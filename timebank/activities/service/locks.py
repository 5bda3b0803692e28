"""Rows held until the end of the unit of work, so that what is decided on them is still true when it is written."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, Shift
from timebank.activities.queries import ActivityNotFound, ShiftNotFound
from timebank.core.errors import Conflict
from timebank.members.models import Member

Row = TypeVar("Row", Activity, Shift, Member)


class OnRequest(Conflict):
    """A service that somebody asked for is kept by its request."""

    code = "activities.on_request"
    text = "这是点单的服务，不能在这里报名、退出或改动。请打开“点单”里的这一单办理。"


def lock_activity(session: Session, activity_id: int) -> Activity:
    """The activity and all its shifts, as they are now and will stay. Raises ActivityNotFound."""
    found = session.scalar(_held(select(Activity).where(Activity.id == activity_id)))
    if found is None:
        raise ActivityNotFound()
    shifts = select(Shift).where(Shift.activity_id == activity_id).order_by(Shift.id)
    session.scalars(_held(shifts)).all()
    session.expire(found, ["shifts"])
    return found


def lock_shift(session: Session, shift_id: int) -> Shift:
    """The shift as it is now and will stay; its activity as it was when the lock was won. Raises ShiftNotFound."""
    found = session.scalar(_held(select(Shift).where(Shift.id == shift_id)))
    if found is None:
        raise ShiftNotFound()
    # A second statement: on PostgreSQL a join would show the activity as it was before we waited for the lock.
    session.scalar(select(Activity).where(Activity.id == found.activity_id).execution_options(populate_existing=True))
    return found


def lock_member(session: Session, member_id: int) -> Member | None:
    """The member, so that two sign-ups of one person at the same time see each other."""
    return session.scalar(_held(select(Member).where(Member.id == member_id)))


def _held(statement: Select[Row]) -> Select[Row]:
    # FOR NO KEY UPDATE: rows that merely point here (scans, sign-ups) need not wait.
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)
