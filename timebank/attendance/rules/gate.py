"""Who may check in and out, when: decided from plain facts about a shift and one person, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from timebank.attendance.rules.judging import Policy, closes_at, opens_at
from timebank.attendance.rules.places import Place
from timebank.core.errors import Conflict, Refusal

REPEAT_MINUTES = 10  # so soon after a check-in, scanning again means "did it work?", not "I leave"


class MemberNotActive(Conflict):
    """The member is suspended, not yet approved or gone."""

    code = "attendance.member_not_active"
    text = "这位会员现在不能签到：账户还没有通过审核，或者已经停用。请联系网点工作人员。"


class ShiftCancelled(Conflict):
    """The shift or its whole activity was cancelled."""

    code = "attendance.cancelled"
    text = "这个班次已经取消，不能签到。如有疑问，请联系组织者。"


class ShiftSubmitted(Conflict):
    """The review is over: nothing at the door changes the list any more."""

    code = "attendance.submitted"
    text = "这个班次的名单已经核对并提交审核，不能再签到或签退。请告诉组织者，由组织者补记。"


class TooEarly(Conflict):
    """Before the window opens."""

    code = "attendance.too_early"
    text = "还没到签到时间：{opens} 开始。到时候请再扫一次现场的码。"


class TooLate(Conflict):
    """After the window closed, or checking in once the shift is over."""

    code = "attendance.too_late"
    text = "已经过了时间（班次 {ends} 结束）。如果您到场了，请告诉组织者，由组织者补记。"


class NotSignedUp(Conflict):
    """Not on the list, and the activity takes no walk-ins."""

    code = "attendance.not_signed_up"
    text = "名单里没有这次报名，这个活动不接受现场加入。请找现场组织者。"


class NotFit(Conflict):
    """Not on the list, and something has to be looked at before they may join. Says nothing about the person."""

    code = "attendance.not_fit"
    text = "没有报名，现场加入要先核对年龄、监护人同意或证书。请找现场组织者。"


REFUSALS: Final[dict[str, type[Refusal]]] = {
    refusal.code: refusal
    for refusal in (MemberNotActive, ShiftCancelled, ShiftSubmitted, TooEarly, TooLate, NotSignedUp, NotFit)
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Everything a scan is decided on: the shift, its activity, the member, and what was recorded before."""

    shift_id: int
    branch_id: int
    title: str
    policy: Policy
    cancelled: bool
    submitted: bool  # a part of the list waits for approval, or was approved
    walk_ins: bool
    member_id: int
    member_name: str
    member_alias: str
    member_active: bool
    signed_up: bool
    recorded: bool  # there is an attendance row
    in_at: datetime | None
    out_at: datetime | None
    minutes: int
    fits: bool = True  # of who is not on the list: age, guardian's consent and papers are in order
    booked: bool = False  # this person's own record waits for approval, or was approved
    spot: Place | None = None  # where the shift is held, when the organiser said so


def under_review(ground: Ground) -> Ground:
    """The ground of what staff enter in the review: a list approved in part is closed only to who was in that part.

    What stands on paper has happened, so nobody is asked for their age any more.
    """
    return replace(ground, submitted=ground.booked, fits=True)


def next_kind(ground: Ground, wanted: str | None, at: datetime) -> str:
    """What a scan means: first in, then out. ``again`` where it only repeats the check-in.

    A page says what its button does (``wanted``); a camera does not (None): then a scan within ten minutes of the
    check-in is a repeat.
    """
    if ground.in_at is None:
        return "in"
    if wanted == "in":
        return "again"
    if wanted == "out" or ground.out_at is not None:
        return "out"
    return "again" if at < ground.in_at + timedelta(minutes=REPEAT_MINUTES) else "out"


def refusal_of(ground: Ground, kind: str, at: datetime) -> type[Refusal] | None:
    """Why a scan is refused, or None: member, cancelled, submitted, too early, too late, not signed up, not fit."""
    too_late = at >= (ground.policy.ends_at if kind == "in" else closes_at(ground.policy))
    checks: tuple[tuple[bool, type[Refusal]], ...] = (
        (not ground.member_active, MemberNotActive),
        (ground.cancelled, ShiftCancelled),
        (ground.submitted, ShiftSubmitted),
        (at < opens_at(ground.policy), TooEarly),
        (too_late, TooLate),
        (not ground.signed_up and not ground.walk_ins and not ground.recorded, NotSignedUp),
        (not ground.signed_up and not ground.recorded and not ground.fits, NotFit),
    )
    return next((refusal for refused, refusal in checks if refused), None)
