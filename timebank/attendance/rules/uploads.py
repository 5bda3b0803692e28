"""Scans that a device kept for a while and sent later: when they happened, what keeps them from counting by themselves,
and what a camera's scans mean. Decided from the scan's own facts, so that neither order nor batches matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from timebank.attendance.rules.gate import (
    REFUSALS,
    REPEAT_MINUTES,
    Ground,
    MemberNotActive,
    NotFit,
    NotSignedUp,
    ShiftCancelled,
    ShiftSubmitted,
    TooEarly,
    TooLate,
)
from timebank.attendance.rules.judging import Mark, Policy, closes_at, opens_at
from timebank.core.errors import Conflict, Refusal

CLOCK_OFF_MINUTES = 5  # a device's clock that is further off is not taken at its word
OFFSETS_APART_MINUTES = 2  # the clock was set, or ran, between loading the roster and sending
AT_ONCE_MINUTES = 2  # what arrives so soon after its time needs no trust in the device's clock


class CardRevokedBefore(Conflict):
    """The card had been replaced before it was scanned."""

    code = "attendance.card_revoked"
    text = "这张成长卡扫码前已经作废，可能不是本人在用。扫码已留下，等组织者在“冲突处理”里决定。"


class ClockDoubtful(Conflict):
    """The device's clock was far off, or was changed in between."""

    code = "attendance.clock_doubtful"
    text = "扫码手机的时间不准，算不准是几点扫的。扫码已留下，等组织者在“冲突处理”里决定。"


class InFuture(Conflict):
    """By its time the scan has not happened yet."""

    code = "attendance.in_future"
    text = "扫码时间比现在还晚，不可能。扫码已留下，等组织者在“冲突处理”里决定。"


UPLOAD_REFUSALS: Final[dict[str, type[Refusal]]] = REFUSALS | {
    refusal.code: refusal for refusal in (CardRevokedBefore, ClockDoubtful, InFuture)
}
REFUSAL_WORDS: Final = {
    "attendance.member_not_active": "账户没有启用",
    "attendance.cancelled": "班次已取消",
    "attendance.submitted": "名单已提交审核",
    "attendance.too_early": "还没到时间",
    "attendance.too_late": "已经过了时间",
    "attendance.not_signed_up": "没有报名",
    "attendance.not_fit": "没有报名，要先核对年龄、监护人或证书",
    "attendance.card_revoked": "卡已作废",
    "attendance.clock_doubtful": "手机时间不准",
    "attendance.in_future": "时间在将来",
}
assert REFUSAL_WORDS.keys() == UPLOAD_REFUSALS.keys()  # noqa: S101 - one without words would show its code to people


def upload_key(shift_id: int, key: str) -> str:
    """A device's key of a scan, as it is kept: apart from the keys of other doors."""
    return f"upload:{shift_id}:{key}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What a device said about a scan's time: its clock then, and how many seconds it was behind the server's.

    ``loaded_offset`` when the roster was loaded (None: it never was), ``sent_offset`` when the scan was sent.
    """

    device_at: datetime
    loaded_offset: int | None
    sent_offset: int

    @property
    def claimed_at(self) -> datetime:
        """When it happened by the server's clock; what sending measures holds the network's delay: it comes second."""
        offset = self.sent_offset if self.loaded_offset is None else self.loaded_offset
        return self.device_at + timedelta(seconds=offset)


def is_clock_doubtful(timing: Timing, now: datetime) -> bool:
    """Whether a person has to say when it was; not where the scan arrived at once: then the server's clock says so."""
    if abs(now - timing.claimed_at) <= timedelta(minutes=AT_ONCE_MINUTES):
        return False
    offsets = [timing.sent_offset] if timing.loaded_offset is None else [timing.loaded_offset, timing.sent_offset]
    far_off = any(abs(offset) > CLOCK_OFF_MINUTES * 60 for offset in offsets)
    return far_off or max(offsets) - min(offsets) > OFFSETS_APART_MINUTES * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """What is known of an uploaded scan beside the ground: when, what was pressed, and what speaks against it."""

    at: datetime
    wanted: str  # empty: a camera read a code
    now: datetime
    approved: bool  # the list is booked
    revoked_at: datetime | None
    clock_doubtful: bool


def case_of(ground: Ground, scan: Arrival) -> tuple[str, type[Refusal]] | None:
    """The kind of case a scan opens, with its refusal; None when it counts.

    In order: cancelled, member not active, list booked or sent, card revoked before, clock, future, too early, too
    late, not on the list. A list that is closed stays out of the way of a scan that would change nothing on it.
    """
    closed = ground.submitted and not _adds_nothing(ground, scan)
    last = ground.policy.ends_at if scan.wanted == "in" else closes_at(ground.policy)
    checks: tuple[tuple[bool, str, type[Refusal]], ...] = (
        (ground.cancelled, "cancelled", ShiftCancelled),
        (not ground.member_active, "inactive", MemberNotActive),
        (closed and scan.approved, "approved", ShiftSubmitted),
        (closed, "submitted", ShiftSubmitted),
        (scan.revoked_at is not None and scan.revoked_at <= scan.at, "revoked", CardRevokedBefore),
        (scan.clock_doubtful, "clock", ClockDoubtful),
        (scan.at > scan.now + timedelta(minutes=AT_ONCE_MINUTES), "future", InFuture),
        (scan.at < opens_at(ground.policy), "early", TooEarly),
        (scan.at >= last, "late", TooLate),
        (not ground.signed_up and not ground.walk_ins and not ground.recorded, "unlisted", NotSignedUp),
        (not ground.signed_up and not ground.recorded and not ground.fits, "unlisted", NotFit),
    )
    return next(((kind, refusal) for holds, kind, refusal in checks if holds), None)


def _adds_nothing(ground: Ground, scan: Arrival) -> bool:
    return ground.in_at is not None and ground.out_at is not None and ground.in_at <= scan.at <= ground.out_at


def settled(marks: Iterable[Mark], policy: Policy) -> list[Mark]:
    """The marks with every ``either`` (a camera read a code, nobody pressed anything) as the in or out that it means.

    The earliest mark that is no check-out is the check-in. What follows within ten minutes repeats it, what comes later
    is a check-out; so is whatever comes once the shift is over.
    """
    found = [mark for mark in marks if counts_here(mark, policy)]
    said = [mark.at for mark in found if mark.kind == "in" and mark.correction]
    first = said[-1] if said else min((mark.at for mark in found if _may_be_in(mark, policy)), default=None)
    if first is None:
        return [replace(mark, kind="out", either=False) if mark.either else mark for mark in found]
    return [
        replace(mark, kind=kind_of(mark.at, first, policy), either=False) if mark.either else mark for mark in found
    ]


def counts_here(mark: Mark, policy: Policy) -> bool:
    """Whether a mark says something about the shift as it is now: within its window, or because a person decided so."""
    return mark.decided or opens_at(policy) <= mark.at <= closes_at(policy)


def kind_of(at: datetime, in_at: datetime, policy: Policy) -> str:
    """What a camera's scan means when the check-in was at ``in_at``."""
    return "out" if at >= policy.ends_at or at >= in_at + timedelta(minutes=REPEAT_MINUTES) else "in"


def _may_be_in(mark: Mark, policy: Policy) -> bool:
    return (mark.either and mark.at < policy.ends_at) or (mark.kind == "in" and not mark.either)
