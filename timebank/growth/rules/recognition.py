"""Versions of a branch's recognition rules: what a star takes, what a yearly commendation asks for, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

from timebank.core.minutes import COIN_MINUTES, hours
from timebank.rulebook.rules import newest_begun

STARS: Final = 5
STAR_WORDS: Final = "一二三四五"
MOST_STAR_HOURS: Final = 20_000
MOST_ACTIVITIES: Final = 366
# Hours of service for one to five stars: 志愿服务记录办法 (民发〔2012〕340号), art. 17.
_STAR_HOURS: Final = (100, 300, 600, 1000, 1500)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognition:
    """What a version sets. ``award_…``: what somebody needs in a year to be proposed for the yearly commendation.

    ``award_no_absence``: no absence of the year stands. ``award_grade``: the lowest grade that the latest evaluation
    of the year may have; 0: none is asked for.
    """

    one_star_minutes: int = _STAR_HOURS[0] * COIN_MINUTES
    two_star_minutes: int = _STAR_HOURS[1] * COIN_MINUTES
    three_star_minutes: int = _STAR_HOURS[2] * COIN_MINUTES
    four_star_minutes: int = _STAR_HOURS[3] * COIN_MINUTES
    five_star_minutes: int = _STAR_HOURS[4] * COIN_MINUTES
    award_title: str = "年度优秀志愿者"
    award_minutes: int = 50 * COIN_MINUTES
    award_activities: int = 10
    award_no_absence: bool = True
    award_grade: int = 0

    @property
    def star_minutes(self) -> tuple[int, ...]:
        """The minutes that one to five stars take."""
        return (
            self.one_star_minutes,
            self.two_star_minutes,
            self.three_star_minutes,
            self.four_star_minutes,
            self.five_star_minutes,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RecognitionVersion(Recognition):
    """Settings with the day from which they hold; ``name`` is what lists and cards show."""

    name: str
    number: int
    valid_from: date


RECOGNITION_SETTINGS: Final = tuple(field.name for field in fields(Recognition))
STAR_SETTINGS: Final = RECOGNITION_SETTINGS[:STARS]
BUILT_IN_RECOGNITION: Final = RecognitionVersion(name="recognition/0", number=0, valid_from=date.min)


def version_words(name: str) -> str:
    """A version of the rules by its stored name, as people say it: 第 2 版规则."""
    number = name.rpartition("/")[2]
    return f"第 {number} 版规则" if number != "0" else "原有的规则"


def recognition_of(version: Recognition) -> Recognition:
    """The settings alone, to compare two versions by."""
    return Recognition(**{name: getattr(version, name) for name in RECOGNITION_SETTINGS})


def recognition_on(versions: Sequence[RecognitionVersion], day: date) -> RecognitionVersion:
    """The version in force on a day."""
    return newest_begun(versions, day, BUILT_IN_RECOGNITION)


def star_name(count: int) -> str:
    """``3`` → ``三星志愿者``."""
    return f"{STAR_WORDS[count - 1]}星志愿者" if count else "还没有星级"


def recognition_sentences(rule: Recognition, grades: dict[int, str]) -> list[str]:
    """What a version says, one sentence a rule; ``grades`` are the names of evaluations."""
    stars = "，".join(f"{STAR_WORDS[at]}星 {hours(minutes)}" for at, minutes in enumerate(rule.star_minutes))
    asked = [f"服务满 {hours(rule.award_minutes)}", f"参加满 {rule.award_activities} 次"]
    if rule.award_no_absence:
        asked.append("没有记着的缺席")
    if rule.award_grade:
        asked.append(f"当年最近一次评价不低于“{grades[rule.award_grade]}”")
    return [
        f"累计服务时长达到就有星级：{stars}。",
        f"“{rule.award_title}”：一年里{'，'.join(asked)}。",
    ]
