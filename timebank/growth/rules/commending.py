"""Who may be proposed for the yearly commendation, and why, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from timebank.core.minutes import hours
from timebank.growth.rules.recognition import Recognition


@dataclass(frozen=True, kw_only=True, slots=True)
class YearOf:
    """What somebody did in a year. ``absences``: those that stand; ``grade``: of the year's latest evaluation."""

    minutes: int
    activities: int
    absences: int = 0
    grade: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One thing the rule asks for: whether it is there, in words."""

    kept: bool
    words: str


def weigh(year: YearOf, rule: Recognition, grades: Mapping[int, str]) -> list[Point]:
    """Each thing the rule asks for, in its order."""
    points = [
        Point(year.minutes >= rule.award_minutes, f"服务 {hours(year.minutes)}（要 {hours(rule.award_minutes)}）"),
        Point(year.activities >= rule.award_activities, f"参加 {year.activities} 次（要 {rule.award_activities} 次）"),
    ]
    if rule.award_no_absence:
        points.append(Point(not year.absences, f"缺席 {year.absences} 次" if year.absences else "没有缺席"))
    if rule.award_grade:
        said = f"评价“{grades[year.grade]}”" if year.grade else "当年没有评价"
        points.append(Point((year.grade or 0) >= rule.award_grade, f"{said}（要“{grades[rule.award_grade]}”）"))
    return points
