"""Signing up, answering an offer, and leaving. A place that is freed is offered to the first in line at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from timebank.activities.models import (
    BY_OTHERS,
    BY_SELF,
    CONFIRMED,
    DECLINED,
    LEFT,
    OFFERED,
    PUBLISHED,
    WAITING,
    Shift,
    SignUp,
)
from timebank.activities.queries import find_clash, find_limits, find_sign_up
from timebank.activities.service.line import admits, give_places_back, settle, take_places
from timebank.activities.service.locks import lock_member, lock_shift
from timebank.activities.service.telling import tell_signed
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, Invalid
from timebank.members.models import ACTIVE


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


class NotYourTurn(Conflict):
    """Nothing was offered to the member yet."""

    code = "activities.not_your_turn"
    text = "“{title}”还没有轮到。有空出的名额时，会按顺序通知。"


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
    settle(session, shift, now=now)
    known = find_sign_up(session, shift_id, member_id)
    if known is not None and known.status != LEFT:
        return known
    _check_open(shift, now)
    _check_member(session, shift, member_id)
    [signed] = _place(session, shift, [member_id], actor=actor, now=now)
    if actor.member_id != member_id:
        tell_signed(session, signed, "sign_up.by_staff", now)
    return signed


def _place(session: Session, shift: Shift, member_ids: Sequence[int], *, actor: Actor, now: datetime) -> list[SignUp]:
    """Places for all of them, or all of them into the line."""
    taken = admits(session, shift, len(member_ids)) and take_places(session, shift, len(member_ids))
    placed = []
    for member_id in member_ids:
        signed = find_sign_up(session, shift.id, member_id) or SignUp(shift_id=shift.id, member_id=member_id)
        signed.status = CONFIRMED if taken else WAITING
        signed.queued_at, signed.confirmed_at, signed.offered_until = now, now if taken else None, None
        signed.left_at, signed.left_how, signed.leave_reason, signed.late = None, "", "", False
        signed.signed_by_id = None if actor.member_id == member_id else actor.member_id
        signed.passed = 0
        session.add(signed)
        placed.append(signed)
    session.flush()
    return placed


def leave(session: Session, shift_id: int, *, member_id: int, reason: str, actor: Actor, now: datetime) -> SignUp:
    """Give a place, an offered one, or a place in the line back, before the shift begins; the next in line is asked.

    Giving up a confirmed place needs a reason; shortly before the start it is marked as late. Leaving twice is calm.
    """
    shift = lock_shift(session, shift_id)
    _require(actor, shift, member_id)
    settle(session, shift, now=now)
    known = find_sign_up(session, shift_id, member_id)
    if known is None:
        raise NotSignedUp()
    if known.status == LEFT:
        return known
    if now >= shift.starts_at:
        raise TooLateToLeave(title=shift.activity.title)
    if known.status == CONFIRMED and not reason:
        raise Invalid(fields={"reason": "请写一句原因，组织者好安排。"})
    _go(session, shift, known, reason=reason, actor=actor, now=now)
    settle(session, shift, now=now)
    return known


def _go(session: Session, shift: Shift, known: SignUp, *, reason: str, actor: Actor, now: datetime) -> None:
    before = known.status
    own = actor.member_id == known.member_id
    known.left_how = DECLINED if before == OFFERED and own else BY_SELF if own else BY_OTHERS
    notice = timedelta(hours=find_limits(session, shift.activity.branch_id).late_hours)
    known.late = before == CONFIRMED and shift.starts_at - now < notice
    known.status, known.left_at, known.leave_reason = LEFT, now, reason
    known.confirmed_at = known.offered_until = None
    session.flush()
    if not own:
        tell_signed(session, known, "sign_up.taken_off", now, reason=reason)
    give_places_back(session, shift, int(before in {CONFIRMED, OFFERED}))


def accept_offer(session: Session, shift_id: int, *, member_id: int, actor: Actor, now: datetime) -> SignUp:
    """Take the place that was offered. Accepting twice is calm.

    An offer that ran out has gone on to the next in line: the answer then says ``left``, which is no refusal, so that
    the line's move is kept. Raises NotSignedUp, NotYourTurn, ShiftsOverlap.
    """
    shift = lock_shift(session, shift_id)
    _require(actor, shift, member_id)
    settle(session, shift, now=now)
    known = find_sign_up(session, shift_id, member_id)
    if known is None:
        raise NotSignedUp()
    if known.status == WAITING:
        raise NotYourTurn(title=shift.activity.title)
    if known.status == OFFERED:
        _check_member(session, shift, member_id)
        known.status, known.confirmed_at, known.offered_until = CONFIRMED, now, None
        session.flush()
    return known


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
