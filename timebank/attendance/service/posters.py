"""Posters: a code on paper for one shift, made, replaced, taken down."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.attendance.models import ShiftPoster
from timebank.attendance.queries import find_poster
from timebank.attendance.rules import MOST_POSTERS, closes_at
from timebank.attendance.service.shifts import lock_shift
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, FormUsed


class ShiftOver(Conflict):
    """Nobody can check in any more, so a poster would be of no use."""

    code = "attendance.poster_too_late"
    text = "这个班次的签到签退时间已经过了，不能再做海报。漏签的人请在“核对”里补记。"


class TooManyPosters(Conflict):
    """The code has no room for more."""

    code = "attendance.too_many_posters"
    text = "这个班次的海报已经换过太多次，不能再换。请改用签到码大屏。"


class NoPoster(Conflict):
    """There is none to take down."""

    code = "attendance.no_poster"
    text = "这个班次现在没有在用的签到海报，不用停用。"


def make_poster(session: Session, shift_id: int, *, form_key: str, actor: Actor, now: datetime) -> ShiftPoster:
    """A new poster for a shift; the one before is refused from now on. The same form again finds the first.

    Raises ShiftNotFound, ShiftNotHeld, NotAllowed, FormUsed, ShiftOver, TooManyPosters.
    """
    shift = lock_shift(session, shift_id)
    actor.require("door.open", branch_id=shift.branch_id)
    made = session.scalars(select(ShiftPoster).where(ShiftPoster.form_key == form_key)).one_or_none()
    if made is not None:
        if made.shift_id != shift_id:
            raise FormUsed()
        return made
    if now >= closes_at(shift.policy):
        raise ShiftOver()
    last = session.scalar(select(func.max(ShiftPoster.number)).where(ShiftPoster.shift_id == shift_id)) or 0
    if last >= MOST_POSTERS:
        raise TooManyPosters()
    _take_down(session, find_poster(session, shift_id), actor, now)
    made = ShiftPoster(shift_id=shift_id, number=last + 1, made_at=now, made_by_id=actor.member_id, form_key=form_key)
    session.add(made)
    session.flush()
    return made


def revoke_poster(session: Session, shift_id: int, *, actor: Actor, now: datetime) -> None:
    """Take the poster down: its code is refused from now on.

    Raises ShiftNotFound, ShiftNotHeld, NotAllowed, NoPoster.
    """
    shift = lock_shift(session, shift_id)
    actor.require("door.open", branch_id=shift.branch_id)
    found = find_poster(session, shift_id)
    if found is None:
        raise NoPoster()
    _take_down(session, found, actor, now)


def _take_down(session: Session, poster: ShiftPoster | None, actor: Actor, now: datetime) -> None:
    if poster is not None:
        poster.revoked_at, poster.revoked_by_id = now, actor.member_id
        session.flush()
