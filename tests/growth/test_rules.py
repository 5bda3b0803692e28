"""Stars, the year's squares, and the words of a statement."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from timebank.growth.rules import Movement, shade, stars, words, year_squares


@pytest.mark.parametrize(
    ("hours", "count", "missing_hours"),
    [(0, 0, 100), (99, 0, 1), (100, 1, 200), (299, 1, 1), (300, 2, 300), (600, 3, 400), (1000, 4, 500), (1500, 5, 0)],
)
def test_stars_by_hours_and_the_way_to_the_next(hours: int, count: int, missing_hours: int) -> None:
    found = stars(hours * 60)
    assert (found.count, found.missing_minutes) == (count, missing_hours * 60)


def test_one_minute_short_is_no_star() -> None:
    assert (stars(100 * 60 - 1).count, stars(100 * 60 - 1).missing_minutes) == (0, 1)


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
