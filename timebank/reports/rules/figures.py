"""A year's figures in groups: ages, sums, and groups of few people put together before the public sees them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

AGE_BANDS: Final = (
    (0, 17, "18 岁以下"),
    (18, 34, "18–34 岁"),
    (35, 59, "35–59 岁"),
    (60, 69, "60–69 岁"),
    (70, 200, "70 岁及以上"),
)
NO_AGE: Final = "没有登记出生日期"
LEAST_PEOPLE: Final = 5  # of a group that the public sees on its own
OTHERS: Final = "其他（人数少的合在一起）"
MINUTES_NAMES: Final = {"signed": "签到时长", "manual": "补录时长"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One line of a table: so many people, so often, so many minutes."""

    name: str
    people: int
    times: int
    signed: int
    manual: int

    @property
    def minutes(self) -> int:
        """All service minutes."""
        return self.signed + self.manual


def age_band(born_on: date | None, on: date) -> str:
    """The band of somebody's age on a day."""
    if born_on is None:
        return NO_AGE
    age = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    return next((name for low, high, name in AGE_BANDS if low <= age <= high), NO_AGE)


def add_up(name: str, groups: Iterable[Group]) -> Group:
    """Groups of different people as one."""
    rows = list(groups)
    return Group(
        name=name,
        people=sum(row.people for row in rows),
        times=sum(row.times for row in rows),
        signed=sum(row.signed for row in rows),
        manual=sum(row.manual for row in rows),
    )


def leave_out_small(groups: Sequence[Group], least: int = LEAST_PEOPLE) -> list[Group]:
    """The groups without those of few people, where one person may stand in several, as in months.

    Nobody can tell how many people such groups have together, only that they are no fewer than in the largest of them.
    So the smallest of the others is left out along with them: what is missing from the total is of ``least`` or more.
    """
    shown = [row for row in groups if row.people >= least]
    if shown and any(row.people < least and (row.times or row.minutes) for row in groups):
        shown.remove(min(shown, key=lambda row: row.people))
    return shown


def merge_small(groups: Sequence[Group], least: int = LEAST_PEOPLE) -> list[Group]:
    """The groups with those of few people put together, so that no line speaks of somebody in particular.

    What is put together has ``least`` people or more, if need be with the smallest of the others; else nothing is told
    apart at all. Every person stands in one group only.
    """
    shown = [row for row in groups if row.people >= least]
    small = [row for row in groups if 0 < row.people < least]
    while small and sum(row.people for row in small) < least and shown:
        smallest = min(shown, key=lambda row: row.people)
        shown.remove(smallest)
        small.append(smallest)
    return [*shown, add_up(OTHERS, small)] if small else shown
