"""How an activity counts minutes: its options, three presets of them, and both in words.

The options are the activity's; what they do to somebody's scans is judged one floor up (``attendance.rules``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from timebank.core.minutes import hours

ACTUAL, PLANNED, WHOLE = "actual", "planned", "whole"
MOST_GRACE: Final = 60  # minutes; who comes later than that was not "a little late"
MOST_OVERTIME: Final = 240  # minutes past the end; what takes longer is another shift


@dataclass(frozen=True, kw_only=True, slots=True)
class Counting:
    """The options. As they stand here they count to the minute what lies within the shift.

    ``judged_by`` actual: from check-in to check-out · planned: who checked in gets the whole shift · whole: who was
    there for ``lowest_share`` percent of it gets the whole shift, others what they were there for.
    ``lowest_share`` by actual time: below it nothing counts. ``break_after_minutes``: the break is taken off what goes
    beyond so many minutes. ``overtime_limit_minutes``: the most that a person may confirm past the end; 0 means never.
    """

    judged_by: str = ACTUAL
    late_grace_minutes: int = 0
    early_counts: bool = False
    overtime_limit_minutes: int = 0
    break_after_minutes: int = 0
    rounding_minutes: int = 1
    rounds_to_nearest: bool = False
    lowest_share: int = 0


COUNTING_FIELDS: Final = tuple(field.name for field in fields(Counting))
OPTION_FIELDS: Final = COUNTING_FIELDS[1:]  # what a preset fills in
PRESETS: Final[Mapping[str, Counting]] = {
    ACTUAL: Counting(),
    PLANNED: Counting(judged_by=PLANNED),
    WHOLE: Counting(judged_by=WHOLE, late_grace_minutes=10, lowest_share=80),
}


def counting_of(source: Any) -> Counting:
    """The options of whatever has them by their names: an activity, a draft, a row."""
    return Counting(**{name: getattr(source, name) for name in COUNTING_FIELDS})


def filled_in(judged_by: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option: those that were given, else as the preset has them (None and a missing one: not given)."""
    preset = PRESETS[judged_by]
    given = {name: options.get(name) for name in OPTION_FIELDS}
    return {name: getattr(preset, name) if value is None else value for name, value in given.items()}


def own_options(counting: Counting) -> dict[str, Any]:
    """The options that differ from the preset: what somebody chose themselves."""
    preset = PRESETS[counting.judged_by]
    own = {name: getattr(counting, name) for name in OPTION_FIELDS}
    return {name: value for name, value in own.items() if value != getattr(preset, name)}


def counting_sentences(counting: Counting) -> list[str]:
    """How minutes are counted, a sentence for each thing that matters."""
    found = [_judged_by(counting)]
    if counting.judged_by != PLANNED:
        found += [_late(counting), _early(counting)]
    found += [_overtime(counting), _break(counting), _rounding(counting)]
    return [sentence for sentence in found if sentence]


def _judged_by(counting: Counting) -> str:
    share = counting.lowest_share
    if counting.judged_by == PLANNED:
        return "到场签到就按计划时间算整班，不看签退。"
    if counting.judged_by == WHOLE:
        enough = f"在场达到整班的 {share}%，就算整班；不到的，按实际时间算。"
        return f"签到又签退，{enough}" if share else "签到又签退，就算整班。"
    less = f"；在场不到整班的 {share}%，不计" if share else ""
    return f"按签到、签退的实际时间算{less}。"


def _late(counting: Counting) -> str:
    grace = counting.late_grace_minutes
    return f"迟到不超过 {grace} 分钟算准时，再晚就从签到算起。" if grace else "迟到从签到算起。"


def _early(counting: Counting) -> str:
    return "早到的时间可以补早走的，合计不超过整班。" if counting.early_counts else "早到的时间不算。"


def _overtime(counting: Counting) -> str:
    limit = counting.overtime_limit_minutes
    if not limit:
        return "结束以后的时间不算。"
    return f"结束以后多留的时间，要组织者逐人确认才算，最多 {hours(limit)}。"


def _break(counting: Counting) -> str:
    after = counting.break_after_minutes
    return f"有中间休息的班次，超过 {hours(after)}的部分先扣休息。" if after else "有中间休息的班次，扣掉休息。"


def _rounding(counting: Counting) -> str:
    step = counting.rounding_minutes
    if step <= 1:
        return ""
    if counting.rounds_to_nearest:
        return f"按 {step} 分钟取整，满半格进一格，但不超过整班。"
    return f"不满 {step} 分钟的零头不计。"
