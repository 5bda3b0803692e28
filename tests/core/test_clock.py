"""Months and days in the branch's zone, half-open, across year ends."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from timebank.core import clock


@pytest.mark.parametrize(
    ("instant", "month"),
    [
        (datetime(2026, 10, 31, 15, 59, 59, 999999, UTC), "2026-10"),
        (datetime(2026, 10, 31, 16, 0, tzinfo=UTC), "2026-11"),  # midnight in Shanghai
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "2027-01"),
    ],
)
def test_a_month_begins_at_midnight_in_shanghai(instant, month):
    assert clock.month_of(instant) == month


def test_months_meet_without_gap_or_overlap():
    month = "2023-11"
    for _ in range(30):
        assert clock.month_range(month)[1] == clock.month_range(clock.next_month(month))[0]
        assert clock.previous_month(clock.next_month(month)) == month
        month = clock.next_month(month)


def test_february_of_a_leap_year_has_29_days():
    start, end = clock.month_range("2028-02")
    assert end - start == timedelta(days=29)


def test_an_instant_round_trips_through_its_wall_clock():
    made = clock.instant(date(2026, 11, 21), time(9, 5))
    assert made == datetime(2026, 11, 21, 1, 5, tzinfo=UTC)
    assert clock.local(made).strftime("%F %H:%M") == "2026-11-21 09:05"


@pytest.mark.parametrize(
    "text",
    [
        "2026-13",
        "2026-00",
        "2026-1",
        "26-10",
        "2026/10",
        "2026-10-01",
        "",
        "十月",
        "２０２６-10",
        "0001-01",
        "9999-12",
        "1999-12",
        "3000-01",
        "2026-10\n",
    ],
)
def test_what_is_not_a_month_is_refused(text):
    assert not clock.is_month(text)


def test_the_clock_can_be_moved_and_put_right_again():
    clock.move(timedelta(hours=5))
    try:
        assert clock.now() - datetime.now(UTC) > timedelta(hours=4)
    finally:
        clock.put_right()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
