"""Working days with moved weekends, and the tenth of them."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from timebank.core.clock import instant
from timebank.core.workdays import due_on, first_in_time, is_workday, workdays_after, working_days_left


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("on", "works"),
    [
        ("2026-02-14", True),  # a Saturday moved before Spring Festival
        ("2026-02-15", False),
        ("2026-02-16", False),  # the eve
        ("2026-02-23", False),
        ("2026-02-24", True),
        ("2026-02-28", True),  # the other moved Saturday
        ("2026-09-20", True),  # a Sunday moved before National Day
        ("2026-10-01", False),
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-10-10", True),  # a Saturday after it
        ("2026-10-11", False),
        ("2027-01-02", False),  # a Saturday of a year without data
    ],
)
def test_weekends_that_were_moved(on: str, works: bool) -> None:
    assert is_workday(day(on)) is works


@pytest.mark.parametrize(
    ("ended", "clock", "due", "known"),
    [
        ("2026-11-21", "11:00", "2026-12-04", True),  # a Saturday: ten weekdays after it
        ("2026-11-20", "11:00", "2026-12-04", True),  # the Friday before it counts from the same Monday
        ("2026-09-18", "17:00", "2026-10-09", True),  # a working Sunday, Mid-Autumn Friday off, National Day
        ("2026-09-25", "17:00", "2026-10-15", True),
        ("2026-02-10", "17:00", "2026-03-02", True),  # over Spring Festival with both moved Saturdays
        ("2026-12-17", "17:00", "2026-12-31", True),
        ("2026-12-18", "17:00", "2027-01-01", False),  # nobody knows yet that this is New Year's Day
        ("2026-12-31", "17:00", "2027-01-14", False),
    ],
)
def test_due_on_the_tenth_working_day(ended: str, clock: str, due: str, known: bool) -> None:
    found = due_on(instant(day(ended), time.fromisoformat(clock)))
    assert (found.day.isoformat(), found.known) == (due, known)


def test_the_day_is_the_local_one() -> None:
    late = instant(day("2026-11-20"), time(23, 59))  # still Friday in Ningbo, Friday in London too
    after = late + timedelta(minutes=2)
    assert due_on(late).day == day("2026-12-04")
    assert due_on(after + timedelta(days=2)).day == day("2026-12-07")


@pytest.mark.parametrize(
    ("due", "on", "left"),
    [
        ("2026-12-04", "2026-12-04", 0),
        ("2026-12-04", "2026-12-03", 1),
        ("2026-12-04", "2026-11-27", 5),
        ("2026-12-04", "2026-12-05", 0),  # a Saturday: late, but by no working day yet
        ("2026-12-04", "2026-12-07", -1),
        ("2026-10-15", "2026-09-30", 7),  # 8, 9, the moved 10, 12 to 15
        ("2026-09-30", "2026-10-08", -1),
    ],
)
def test_working_days_left(due: str, on: str, left: int) -> None:
    assert working_days_left(day(due), day(on)) == left


@pytest.mark.parametrize("on", ["2026-11-26", "2026-10-01", "2026-10-10", "2026-02-16", "2026-12-31", "2027-01-04"])
def test_what_ended_before_the_first_day_in_time_is_overdue(on: str) -> None:
    first = first_in_time(day(on))
    assert workdays_after(first, 10).day >= day(on)
    assert workdays_after(first - timedelta(days=1), 10).day < day(on)
