"""Stars by rule, the year in pictures, who is commended, and the words of a statement."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from timebank.growth.models import GRADE_NAMES
from timebank.growth.rules import (
    BUILT_IN_RECOGNITION,
    Movement,
    Recognition,
    RecognitionVersion,
    Stars,
    YearOf,
    recognition_sentences,
    shade,
    stars_of,
    weigh,
    words,
    year_months,
    year_squares,
)

DAY = date(2026, 11, 21)


def stars(minutes: int, *versions: RecognitionVersion, today: date = DAY) -> Stars:
    """The stars of somebody whose minutes were all approved on one day."""
    return stars_of([(DAY, minutes)], versions, today)


def version(number: int, valid_from: date, *hours: int) -> RecognitionVersion:
    """A version with other thresholds."""
    names = ("one", "two", "three", "four", "five")
    set_to = {f"{name}_star_minutes": 60 * needed for name, needed in zip(names, hours, strict=True)}
    return replace(
        BUILT_IN_RECOGNITION, name=f"recognition/BL/{number}", number=number, valid_from=valid_from, **set_to
    )


@pytest.mark.parametrize(
    ("hours", "count", "missing_hours"),
    [(0, 0, 100), (99, 0, 1), (100, 1, 200), (299, 1, 1), (300, 2, 300), (600, 3, 400), (1000, 4, 500), (1500, 5, 0)],
)
def test_stars_by_hours_and_the_way_to_the_next(hours: int, count: int, missing_hours: int) -> None:
    found = stars(hours * 60)
    assert (found.count, found.missing_minutes) == (count, missing_hours * 60)


def test_one_minute_short_is_no_star() -> None:
    assert (stars(100 * 60 - 1).count, stars(100 * 60 - 1).missing_minutes) == (0, 1)


def test_a_star_was_reached_on_the_day_the_minutes_passed_it_under_the_rule_of_that_day() -> None:
    gains = [(date(2026, 3, 1), 60 * 60), (date(2026, 9, 1), 250 * 60), (date(2026, 5, 1), 40 * 60)]
    found = stars_of(gains, [], DAY)
    assert [(one.star, one.day, one.minutes, one.rule) for one in found.reached] == [
        (1, date(2026, 5, 1), 6000, "recognition/0"),
        (2, date(2026, 9, 1), 18000, "recognition/0"),
    ]


def test_a_harder_version_takes_no_star_away_and_asks_more_of_the_next() -> None:
    harder = version(1, DAY + timedelta(days=10), 200, 400, 800, 1200, 2000)
    later = DAY + timedelta(days=20)
    found = stars_of([(DAY, 150 * 60), (later, 200 * 60)], [harder], later)
    assert [(one.star, one.day, one.rule) for one in found.reached] == [(1, DAY, "recognition/0")]
    assert (found.minutes, found.next_minutes, found.missing_minutes) == (350 * 60, 400 * 60, 50 * 60)


def test_an_easier_version_gives_its_stars_on_its_first_day() -> None:
    begins = DAY + timedelta(days=10)
    easier = version(1, begins, 10, 20, 30, 40, 50)
    assert stars(25 * 60, easier, today=begins - timedelta(days=1)).count == 0
    assert [(one.star, one.day, one.rule) for one in stars(25 * 60, easier, today=begins).reached] == [
        (1, begins, "recognition/BL/1"),
        (2, begins, "recognition/BL/1"),
    ]


def test_minutes_that_were_corrected_away_take_their_star_with_them() -> None:
    undone = stars_of([(DAY, 100 * 60), (DAY + timedelta(days=1), -60)], [], DAY + timedelta(days=1))
    assert (undone.count, undone.missing_minutes) == (0, 60)
    again = stars_of([(DAY, 6000), (DAY + timedelta(days=1), -60), (DAY + timedelta(days=2), 90)], [], DAY)
    assert [(one.star, one.day) for one in again.reached] == [(1, DAY + timedelta(days=2))]


def test_a_correction_within_the_day_makes_no_star_by_the_way() -> None:
    assert stars_of([(DAY, 100 * 60), (DAY, -60)], [], DAY).count == 0


def test_the_share_of_the_way_runs_from_star_to_star() -> None:
    assert [stars(hours * 60).share for hours in (0, 50, 100, 200, 1500, 9999)] == [0, 50, 0, 50, 100, 100]


@pytest.mark.parametrize(
    ("minutes", "shown"), [(0, 0), (1, 1), (60, 1), (61, 2), (120, 2), (240, 3), (241, 4), (900, 4)]
)
def test_a_day_is_darker_the_longer_somebody_served(minutes: int, shown: int) -> None:
    assert shade(minutes) == shown


@pytest.mark.parametrize("last", [date(2026, 11, 16), date(2026, 11, 21), date(2026, 11, 22), date(2024, 2, 29)])
def test_the_year_has_53_weeks_and_ends_with_its_last_day(last: date) -> None:
    squares = year_squares({last: 90, last - timedelta(days=400): 500}, last)
    assert squares[-1].day == last
    assert (squares[-1].week, squares[-1].weekday, squares[-1].shade) == (52, last.weekday(), 2)
    assert (squares[0].week, squares[0].weekday) == (0, 0)
    assert sum(square.minutes for square in squares) == 90
    assert len({(square.week, square.weekday) for square in squares}) == len(squares)


def test_twelve_months_are_shown_the_empty_ones_too() -> None:
    months = year_months({DAY: 90, date(2026, 11, 2): 30, date(2025, 11, 30): 600, date(2026, 1, 5): 60}, DAY)
    assert [month.first for month in months][::11] == [date(2025, 12, 1), date(2026, 11, 1)]
    assert [(month.days, month.minutes) for month in months if month.minutes] == [(1, 60), (2, 120)]


WANTED = Recognition(award_minutes=3000, award_activities=10, award_no_absence=True, award_grade=3)


@pytest.mark.parametrize(
    ("year", "kept"),
    [
        (YearOf(minutes=3000, activities=10, absences=0, grade=3), [True, True, True, True]),
        (YearOf(minutes=2999, activities=9, absences=1, grade=2), [False, False, False, False]),
        (YearOf(minutes=9000, activities=90, absences=0, grade=None), [True, True, True, False]),
    ],
)
def test_each_thing_that_is_asked_for_is_weighed_and_said(year: YearOf, kept: list[bool]) -> None:
    points = weigh(year, WANTED, GRADE_NAMES)
    assert [point.kept for point in points] == kept
    assert all(point.words for point in points)


def test_what_is_not_asked_for_is_not_weighed() -> None:
    rule = Recognition(award_no_absence=False, award_grade=0)
    assert len(weigh(YearOf(minutes=0, activities=0, absences=9, grade=1), rule, GRADE_NAMES)) == 2


def test_a_version_says_what_it_asks_for() -> None:
    said = recognition_sentences(WANTED, GRADE_NAMES)
    assert "一星 100 小时，二星 300 小时" in said[0]
    assert (
        said[1]
        == "“年度优秀志愿者”：一年里服务满 50 小时，参加满 10 次，没有记着的缺席，当年最近一次评价不低于“良好”。"
    )


HAIRCUT = {"title": "理发", "offer_kind": "service", "quantity": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            Movement(kind="earn", amount=120, unit="coin", facts={"title": "公园清扫"}),
            "存入 2 小时 · 参加“公园清扫”",
        ),
        (Movement(kind="earn", amount=20, unit="point", facts={"title": "公园清扫"}), "获得 20 分 · 参加“公园清扫”"),
        (Movement(kind="earn", amount=90, unit="coin", facts={}), "存入 1 小时 30 分钟 · 参加志愿服务"),
        (
            Movement(kind="redeem", amount=-60, unit="coin", facts=HAIRCUT, provider="李师傅", requester="王阿姨"),
            "兑换 1 币 · 李师傅 为您提供“理发”",
        ),
        (
            Movement(kind="redeem", amount=60, unit="coin", facts=HAIRCUT, provider="李师傅", requester="王阿姨"),
            "收到 1 币 · 您为 王阿姨 提供“理发”",
        ),
        (
            Movement(
                kind="redeem", amount=-90, unit="coin", facts={"title": "洗衣粉", "offer_kind": "goods", "quantity": 3}
            ),
            "兑换 1 币 30 分 · “洗衣粉” × 3",
        ),
        (
            Movement(kind="reverse", amount=-120, unit="coin", facts={"reason": "记错了人"}, reverses=True),
            "更正扣回 2 币 · 记错了人",
        ),
        (Movement(kind="reverse", amount=60, unit="coin", facts={}, reverses=True), "更正退回 1 币"),
        (Movement(kind="something", amount=60, unit="coin", facts={}), "收到 1 币"),
        (Movement(kind="something", amount=-7, unit="point", facts={"title": "调整"}), "支出 7 分 · 调整"),
    ],
)
def test_a_statement_says_it_as_people_would(line: Movement, said: str) -> None:
    assert words(line) == said
