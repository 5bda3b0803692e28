"""Minutes judged from scans, by the activity's policy. The same scans give the same minutes, whenever they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from timebank.activities.rules import Counting
from timebank.activities.rules.counting import ACTUAL, PLANNED, WHOLE
from timebank.core.errors import Invalid
from timebank.core.minutes import hours

OPENS_MINUTES = 60  # before the start
CLOSES_MINUTES = 60  # after the end, and after the longest overtime that could be confirmed


class ManualOutOfRange(Invalid):
    """Manual minutes that are not above zero, or more than the shift has room for."""

    code = "attendance.manual_out_of_range"
    text = "补录时长要大于 0，最多 {most}：班次全长减去休息和签到得到的时长。"


class OvertimeOutOfRange(Invalid):
    """Overtime below zero, or more than the activity allows at all."""

    code = "attendance.overtime_out_of_range"
    text = "加时最多 {most}，这是活动定的。填 0 就取消加时。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How a shift counts: its times and break, and the options of its activity."""

    starts_at: datetime
    ends_at: datetime
    break_minutes: int
    counting: Counting

    @property
    def by_plan(self) -> bool:
        """Whether who checked in gets the whole shift, seen leaving or not."""
        return self.counting.judged_by == PLANNED


def opens_at(policy: Policy) -> datetime:
    """From when scans are taken."""
    return policy.starts_at - timedelta(minutes=OPENS_MINUTES)


def closes_at(policy: Policy) -> datetime:
    """Until when check-outs are taken."""
    return policy.ends_at + timedelta(minutes=CLOSES_MINUTES + policy.counting.overtime_limit_minutes)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighing:
    """A judgement with its reasons, in the order in which they apply.

    Counted ``counts_from`` – ``counts_until``, which is ``present`` minutes, ``extra`` of them confirmed past the end;
    that is the ``whole`` shift or ``too_short``, which makes ``granted``; less ``break_taken``, rounded: ``minutes``.
    """

    in_at: datetime | None
    out_at: datetime | None
    complete: bool
    counts_from: datetime | None = None
    counts_until: datetime | None = None
    extra: int = 0
    present: int = 0
    whole: bool = False
    too_short: bool = False
    granted: int = 0
    break_taken: int = 0
    minutes: int = 0

    @property
    def judgement(self) -> Judgement:
        """Only what it comes to."""
        return Judgement(in_at=self.in_at, out_at=self.out_at, minutes=self.minutes, complete=self.complete)


def judge(marks: Iterable[Mark], policy: Policy, *, overtime: int = 0) -> Judgement:
    """Judge one person's scans, given in the order they were recorded; ``weigh`` tells why.

    A scan outside the window says nothing about this shift, which was moved since, unless a person decided so.
    Earliest in and latest out count; the last correction of each kind outweighs them. ``overtime``: minutes past the
    end that a person confirmed. Whoever stays longer never counts less; nobody counts more than the shift has room
    for and the overtime they stayed. Instants count by the minute a clock shows, so that anybody can check the sum.
    """
    return weigh(marks, policy, overtime=overtime).judgement


def weigh(marks: Iterable[Mark], policy: Policy, *, overtime: int = 0) -> Weighing:
    """``judge``, step by step."""
    found = [mark for mark in marks if mark.decided or opens_at(policy) <= mark.at <= closes_at(policy)]
    in_at, out_at = _decisive(found, "in", min), _decisive(found, "out", max)
    if in_at is None or (out_at is None and not policy.by_plan):
        return Weighing(in_at=in_at, out_at=out_at, complete=False)
    extra = min(_span(policy.ends_at, out_at), _allowed(policy, overtime)) if out_at else 0
    until = policy.ends_at + timedelta(minutes=extra)
    length = _span(policy.starts_at, policy.ends_at)
    if policy.by_plan or out_at is None:
        came = _Stay(policy.starts_at, until, length + extra, whole=True)
    else:
        came = _stay(in_at, out_at, policy, extra)
    too_short = not came.enough
    granted = 0 if too_short else length + extra if came.whole else came.present
    taken = _break_of(granted, policy)
    return Weighing(
        in_at=in_at,
        out_at=out_at,
        complete=True,
        counts_from=came.start,
        counts_until=came.end,
        extra=extra,
        present=came.present,
        whole=came.whole,
        too_short=too_short,
        granted=granted,
        break_taken=taken,
        minutes=_rounded(granted - taken, policy, most=shift_room(policy) + extra),
    )


@dataclass(frozen=True, slots=True)
class _Stay:
    start: datetime
    end: datetime
    present: int
    whole: bool = False
    enough: bool = True


def _stay(in_at: datetime, out_at: datetime, policy: Policy, extra: int) -> _Stay:
    """What of the time between the scans counts, and whether it is enough of the shift.

    Below the share of a 整班 the time that was served counts as it is: who falls ill and goes home has served it.
    """
    counting, length = policy.counting, _span(policy.starts_at, policy.ends_at)
    start = _from(in_at, policy)
    end = min(out_at, policy.ends_at + timedelta(minutes=extra))
    # Early arrival may make up for early leaving, never add to a whole shift: more than that needs a person's word.
    present = min(_span(start, end), length + extra)
    within = min(_span(start, min(out_at, policy.ends_at)), length)
    reached = within > 0 and within * 100 >= counting.lowest_share * length
    return _Stay(
        start,
        end,
        present,
        whole=counting.judged_by == WHOLE and reached,
        enough=reached or counting.judged_by != ACTUAL or not counting.lowest_share,
    )


def _from(in_at: datetime, policy: Policy) -> datetime:
    late = _span(policy.starts_at, in_at)
    if late <= policy.counting.late_grace_minutes and in_at >= policy.starts_at:
        return policy.starts_at
    return in_at if policy.counting.early_counts else max(in_at, policy.starts_at)


def _decisive(marks: list[Mark], kind: str, pick: Callable[[list[datetime]], datetime]) -> datetime | None:
    corrections = [mark.at for mark in marks if mark.kind == kind and mark.correction]
    if corrections:
        return corrections[-1]
    scanned = [mark.at for mark in marks if mark.kind == kind]
    return pick(scanned) if scanned else None


def shift_minutes(policy: Policy) -> int:
    """What the whole shift counts: its length without the break, rounded."""
    length = _span(policy.starts_at, policy.ends_at)
    return _rounded(length - _break_of(length, policy), policy, most=shift_room(policy))


def shift_room(policy: Policy, overtime: int = 0) -> int:
    """The most that one person can have served at the shift: its length without the break, and confirmed overtime."""
    length = _span(policy.starts_at, policy.ends_at)
    return length - _break_of(length, policy) + _allowed(policy, overtime)


def came_late(in_at: datetime | None, policy: Policy) -> int:
    """Minutes that somebody came after the start."""
    return _span(policy.starts_at, in_at) if in_at else 0


def stayed_over(out_at: datetime | None, policy: Policy) -> int:
    """Minutes that somebody left after the end."""
    return _span(policy.ends_at, out_at) if out_at else 0


def check_manual(minutes: int, *, signed_minutes: int, policy: Policy, overtime: int = 0) -> None:
    """Refuse manual minutes unless they are above zero and, with the signed ones, fit into the shift."""
    most = max(shift_room(policy, overtime) - signed_minutes, 0)
    if not 0 < minutes <= most:
        raise ManualOutOfRange(most=hours(most), fields={"manual": f"要大于 0，最多 {hours(most)}。"})


def check_overtime(minutes: int, policy: Policy) -> None:
    """Refuse overtime beyond what the activity allows."""
    most = policy.counting.overtime_limit_minutes
    if not 0 <= minutes <= most:
        raise OvertimeOutOfRange(most=hours(most), fields={"overtime": f"最多 {hours(most)}。"})


def _allowed(policy: Policy, overtime: int) -> int:
    return min(overtime, policy.counting.overtime_limit_minutes)


def _span(start: datetime, end: datetime) -> int:
    return max((_shown(end) - _shown(start)) // timedelta(minutes=1), 0)


def _shown(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _break_of(minutes: int, policy: Policy) -> int:
    """What the break takes: only of what goes beyond the first hours, so that staying on never counts less."""
    return min(policy.break_minutes, max(minutes - policy.counting.break_after_minutes, 0))


def _rounded(minutes: int, policy: Policy, *, most: int) -> int:
    """Down to the step; to the nearest where the activity says so and the shift has room for it."""
    step = max(policy.counting.rounding_minutes, 1)
    down = minutes - minutes % step
    up = down + step
    nearer = policy.counting.rounds_to_nearest and 2 * (minutes - down) >= step
    return up if nearer and up <= most else down
