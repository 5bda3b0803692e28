"""A weighing in words: what every step of an activity's policy did to somebody's times."""

from __future__ import annotations

from datetime import datetime

from timebank.activities.models import WHOLE
from timebank.attendance.rules import Policy, Weighing, came_late, stayed_over
from timebank.core.minutes import hours
from timebank.web.filters import clocktime


def step_words(weighed: Weighing, policy: Policy, *, said: int | None) -> list[tuple[str, str]]:
    """The steps as pairs of what and how. ``said``: overtime that somebody confirmed; None when nobody said a word."""
    if weighed.in_at is None:
        return [("签到", "没有"), ("签退", _time(weighed.out_at)), ("计入", "缺签到，要组织者补记")]
    if not weighed.complete:
        return [("签到", _time(weighed.in_at)), ("签退", "没有"), ("计入", "缺签退，要组织者处理")]
    steps = [("签到", _came(weighed, policy))]
    if weighed.out_at is not None:
        steps.append(("签退", _left(weighed, policy, said)))
    if not policy.by_plan:
        steps.append(("在场", _present(weighed)))
    share = _share(weighed, policy)
    steps += [("整班", share)] if share else []
    if weighed.break_taken:
        rest = hours(weighed.granted - weighed.break_taken)
        steps.append(("休息", f"扣 {hours(weighed.break_taken)}，剩 {rest}"))
    if weighed.minutes != weighed.granted - weighed.break_taken:
        steps.append(("取整", _rounded(weighed, policy)))
    return [*steps, ("计入", hours(weighed.minutes))]


def _time(at: datetime | None) -> str:
    return clocktime(at) if at is not None else "没有"


def _came(weighed: Weighing, policy: Policy) -> str:
    came = _time(weighed.in_at)
    if policy.by_plan:
        return f"{came}，到场就算整班"
    counted = _time(weighed.counts_from)
    late = came_late(weighed.in_at, policy)
    if late and counted != came:
        return f"{came}，晚了 {late} 分钟，{policy.counting.late_grace_minutes} 分钟以内算准时，按 {counted} 算"
    if late:
        return f"{came}，迟到 {late} 分钟，从 {counted} 算起"
    return f"{came}，按 {counted} 算" if counted == came else f"{came}，早到的不算，按 {counted} 算"


def _left(weighed: Weighing, policy: Policy, said: int | None) -> str:
    left, over = _time(weighed.out_at), stayed_over(weighed.out_at, policy)
    if not over:
        return left
    if weighed.extra:
        return f"{left}，多留 {hours(over)}，确认过的加时算 {hours(weighed.extra)}"
    if policy.counting.overtime_limit_minutes and said is None:
        return f"{left}，多留 {hours(over)}，还没有确认加时，暂时不算"
    return f"{left}，多留的 {hours(over)}不算"


def _present(weighed: Weighing) -> str:
    span = f"{_time(weighed.counts_from)}–{_time(weighed.counts_until)}"
    return f"{span}，{hours(weighed.present)}"


def _share(weighed: Weighing, policy: Policy) -> str:
    share = policy.counting.lowest_share
    if policy.by_plan:
        return hours(weighed.granted)
    if weighed.too_short:
        return f"在场不到整班的 {share}%，不计"
    if policy.counting.judged_by == WHOLE:
        reached = f"在场达到 {share}%，算整班 {hours(weighed.granted)}"
        return reached if weighed.whole else f"在场不到整班的 {share}%，按实际算"
    return ""


def _rounded(weighed: Weighing, policy: Policy) -> str:
    step = policy.counting.rounding_minutes
    if weighed.minutes > weighed.granted - weighed.break_taken:
        return f"按 {step} 分钟取整，满半格进一格"
    return f"按 {step} 分钟取整，零头不计"
