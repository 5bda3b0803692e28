"""Signing up and leaving. A place is taken by a guarded relative update, and the line moves up where one is freed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from timebank.activities.models import CONFIRMED, LEFT, PUBLISHED, WAITING, Shift, SignUp
from timebank.activities.queries import find_clash, find_sign_up
from timebank.activities.service.locks import lock_member, lock_shift
from timebank.activities.service.telling import facts_of, link_of
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, Invalid
from timebank.members.models import ACTIVE, Member
from timebank.notices.service import tell


class NotOpen(Conflict):
    """The shift takes no sign-ups: a draft, or cancelled."""

    code = "activities.not_open"
    text = "“{title}”的这个班次没有在报名（未发布或已取消）。请看看别的活动。"


class ShiftStarted(Conflict):
    """The shift has begun."""

    code = "activities.shift_started"
    text = "“{title}”的这个班次已经开始，不能再报名。还想参加，请到现场问问组织者。"


class MemberNotActive(Conflict):
    """The member is not approved yet, or suspended."""

    code = "activities.member_not_active"
    text = "这位会员还没有通过审核或者已停用，不能报名。请联系网点工作人员。"


class ShiftsOverlap(Conflict):
    """The member has a place on another shift at the same time."""

    code = "activities.shifts_overlap"
    text = "时间冲突：同一时间已经报了“{title}”的班次。请先退出那一个，再报这个。"


class NotSignedUp(Conflict):
    """The member never signed up for this shift."""

    code = "activities.not_signed_up"
    text = "没有在这个班次报过名，不用退出。"


class TooLateToLeave(Conflict):
    """The shift has begun; what happened is judged from attendance."""

    code = "activities.too_late_to_leave"
    text = "“{title}”的这个班次已经开始，不能再退出。去不了请打电话告诉联系人。"


def sign_up(session: Session, shift_id: int, *, member_id: int, actor: Actor, now: datetime) -> SignUp:
    """Give a member a place on a shift, or a place in its waiting line when it is full. Signing up twice is calm.

    Staff may do it for others (``sign_up.others`` at the activity's branch); then the member is told.
    """
    shift = lock_shift(session, shift_id)
    _require(actor, shift, member_id)
    known = find_sign_up(session, shift_id, member_id)
    if known is not None and known.status != LEFT:
        return known
    _check_open(shift, now)
    _check_member(session, shift, member_id)
    taken = _take_place(session, shift)
    signed = known if known is not None else SignUp(shift_id=shift_id, member_id=member_id)
    signed.status = CONFIRMED if taken else WAITING
    signed.queued_at, signed.confirmed_at = now, now if taken else None
    signed.left_at, signed.leave_reason = None, ""
    signed.signed_by_id = None if actor.member_id == member_id else actor.member_id
    session.add(signed)
    session.flush()
    if actor.member_id != member_id:
        _tell(session, signed, "sign_up.by_staff", now)
    return signed


def leave(session: Session, shift_id: int, *, member_id: int, reason: str, actor: Actor, now: datetime) -> SignUp:
    """Give a place (or a place in the line) back, before the shift begins; the first in line moves up at once.

    Giving up a confirmed place needs a reason. Leaving twice is calm.
    """
    shift = lock_shift(session, shift_id)
    _require(actor, shift, member_id)
    known = find_sign_up(session, shift_id, member_id)
    if known is None:
        raise NotSignedUp()
    if known.status == LEFT:
        return known
    if now >= shift.starts_at:
        raise TooLateToLeave(title=shift.activity.title)
    if known.status == CONFIRMED and not reason:
        raise Invalid(fields={"reason": "请写一句原因，组织者好安排。"})
    had_place = known.status == CONFIRMED
    known.status, known.left_at, known.leave_reason, known.confirmed_at = LEFT, now, reason, None
    session.flush()
    if actor.member_id != member_id:
        _tell(session, known, "sign_up.taken_off", now, reason=reason)
    if had_place:
        _free_place(session, shift)
        move_up(session, shift, now=now)
    return known


def move_up(session: Session, shift: Shift, *, now: datetime) -> list[SignUp]:
    """Give the free places of a locked shift to those who wait, first come first, and tell them.

    Passed over, and left in the line: members who are not active, and who has another shift at that time. Nobody is
    moved up once the shift has begun or was cancelled.
    """
    moved: list[SignUp] = []
    if not shift.free or shift.cancelled_at or shift.activity.status != PUBLISHED or now >= shift.starts_at:
        return moved
    line = (
        select(SignUp)
        .join(SignUp.member)
        .where(SignUp.shift_id == shift.id, SignUp.status == WAITING, Member.status == ACTIVE)
        .order_by(SignUp.queued_at, SignUp.id)
    )
    for waiting in session.scalars(line).all():
        if find_clash(session, waiting.member_id, shift) is not None:
            continue
        if not _take_place(session, shift):
            break
        waiting.status, waiting.confirmed_at = CONFIRMED, now
        session.flush()
        _tell(session, waiting, "sign_up.moved_up", now)
        moved.append(waiting)
    return moved


def _require(actor: Actor, shift: Shift, member_id: int) -> None:
    if actor.member_id == member_id:
        actor.require("sign_up.own", owner_id=member_id)
    else:
        actor.require("sign_up.others", branch_id=shift.activity.branch_id)


def _check_open(shift: Shift, now: datetime) -> None:
    title = shift.activity.title
    if shift.activity.status != PUBLISHED or shift.cancelled_at is not None:
        raise NotOpen(title=title)
    if now >= shift.starts_at:
        raise ShiftStarted(title=title)


def _check_member(session: Session, shift: Shift, member_id: int) -> None:
    member = lock_member(session, member_id)
    if member is None or member.status != ACTIVE:
        raise MemberNotActive()
    clash = find_clash(session, member_id, shift)
    if clash is not None:
        raise ShiftsOverlap(title=clash.activity.title)


def _take_place(session: Session, shift: Shift) -> bool:
    return _move_taken(session, shift, 1)


def _free_place(session: Session, shift: Shift) -> None:
    _move_taken(session, shift, -1)


def _move_taken(session: Session, shift: Shift, step: int) -> bool:
    after = Shift.taken + step
    moved = session.execute(
        update(Shift).where(Shift.id == shift.id, after >= 0, after <= Shift.capacity).values(taken=after),
        execution_options={"synchronize_session": False},
    )
    session.expire(shift, ["taken"])
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def _tell(session: Session, signed: SignUp, kind: str, now: datetime, **facts: object) -> None:
    shift = signed.shift
    tell(
        session,
        member_id=signed.member_id,
        kind=kind,
        facts=facts_of(shift) | facts,
        link=link_of(shift.activity_id),
        # One person may be moved up twice, after having left and queued again.
        key=f"{kind}:{signed.id}:{now.timestamp():.3f}",
        now=now,
    )
