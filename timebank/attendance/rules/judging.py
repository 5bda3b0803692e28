"""Minutes judged from scans, by the activity's policy. The same scans give the same minutes, whenever they are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from timebank.core.errors import Invalid
from timebank.core.minutes import hours

OPENS_MINUTES = 60  # before the start
CLOSES_MINUTES = 60  # after the end


class ManualOutOfRange(Invalid):
    """Manual minutes that are not above zero, or more than the shift has room for."""

    code = "attendance.manual_out_of_range"
    text = "补录时长要大于 0，最多 {most}：班次全长减去休息和签到得到的时长。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How an activity counts: ``by_plan`` means that who came gets the whole shift."""

    starts_at: datetime
    ends_at: datetime
    break_minutes: int
    by_plan: bool
    rounding_minutes: int


def opens_at(policy: Policy) -> datetime:
    """From when scans are taken."""
    return policy.starts_at - timedelta(minutes=OPENS_MINUTES)


def closes_at(policy: Policy) -> datetime:
    """Until when check-outs are taken."""
    return policy.ends_at + timedelta(minutes=CLOSES_MINUTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One accepted scan: ``kind`` in or out, when it happened. A correction (staff gave a reason) outweighs scans.

    ``either`` a camera read a code and nobody said which · ``decided`` a person let it count although no rule did.
    """

    kind: str
    at: datetime
    correction: bool = False
    either: bool = False
    decided: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """When somebody came and left, and what it counts. Not ``complete``: a person has to decide."""

    in_at: datetime | None
    out_at: datetime | None
    minutes: int
    complete: bool


def judge(marks: Iterable[Mark], policy: Policy) -> Judgement:
    """Judge one person's scans, given in the order they were recorded.

    A scan outside the window says nothing about this shift, which was moved since, unless a person decided so.
    Earliest in and latest out count; the last correction of each kind outweighs them. Early arrival is ignored, late
    arrival and early leaving are cut, nothing counts past the end of the shift, the break is taken off, and the rest is
    rounded down to the policy's step.
    Instants count by the minute a clock shows, so that anybody can check the sum.
    """
    found = [mark for mark in marks if mark.decided or opens_at(policy) <= mark.at <= closes_at(policy)]
    in_at, out_at = _decisive(found, "in", min), _decisive(found, "out", max)
    if in_at is None:
        return Judgement(in_at=None, out_at=out_at, minutes=0, complete=False)
    if policy.by_plan:
        return Judgement(in_at=in_at, out_at=out_at, minutes=shift_minutes(policy), complete=True)
    if out_at is None:
        return Judgement(in_at=in_at, out_at=None, minutes=0, complete=False)
    worked = _span(max(in_at, policy.starts_at), min(out_at, policy.ends_at))
    return Judgement(in_at=in_at, out_at=out_at, minutes=_counted(worked, policy), complete=True)


def _decisive(marks: list[Mark], kind: str, pick) -> datetime | None:  # type: ignore[no-untyped-def]
    corrections = [mark.at for mark in marks if mark.kind == kind and mark.correction]
    if corrections:
        return corrections[-1]
    scanned = [mark.at for mark in marks if mark.kind == kind]
    return pick(scanned) if scanned else None


def shift_minutes(policy: Policy) -> int:
    """What the whole shift counts: its length without the break, rounded down."""
    return _counted(_span(policy.starts_at, policy.ends_at), policy)


def shift_room(policy: Policy) -> int:
    """The most that one person can have served at the shift: its length without the break."""
    return max(_span(policy.starts_at, policy.ends_at) - policy.break_minutes, 0)


def check_manual(minutes: int, *, signed_minutes: int, policy: Policy) -> None:
    """Refuse manual minutes unless they are above zero and, with the signed ones, fit into the shift."""
    most = max(shift_room(policy) - signed_minutes, 0)
    if not 0 < minutes <= most:
        raise ManualOutOfRange(most=hours(most), fields={"manual": f"要大于 0，最多 {hours(most)}。"})


def _span(start: datetime, end: datetime) -> int:
    return max((_shown(end) - _shown(start)) // timedelta(minutes=1), 0)


def _shown(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _counted(minutes: int, policy: Policy) -> int:
    left = max(minutes - policy.break_minutes, 0)
    return left - left % max(policy.rounding_minutes, 1)
