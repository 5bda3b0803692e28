"""Minutes from scans, manual limits: tables of cases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attendance.scene import END, START, at
from timebank.activities.rules import Counting
from timebank.activities.rules.counting import ACTUAL, PLANNED
from timebank.attendance.rules import (
    ManualOutOfRange,
    Mark,
    Policy,
    check_manual,
    judge,
    shift_minutes,
)


def policy(*, break_minutes: int = 0, by_plan: bool = False, step: int = 1, **options: Any) -> Policy:
    judged_by = PLANNED if by_plan else ACTUAL
    counting = Counting(**{"judged_by": judged_by, "rounding_minutes": step} | options)
    return Policy(starts_at=START, ends_at=END, break_minutes=break_minutes, counting=counting)


def marks(text: str) -> list[Mark]:
    """``in 09:00, out! 10:30``: a ``!`` makes a correction."""
    found = []
    for part in filter(None, text.split(", ")):
        kind, clock = part.split(" ")
        found.append(Mark(kind=kind.rstrip("!"), at=at(clock), correction=kind.endswith("!")))
    return found


@pytest.mark.parametrize(
    ("scans", "minutes", "complete"),
    [
        ("in 09:00, out 11:00", 120, True),
        ("in 08:30, out 11:00", 120, True),  # early arrival is ignored
        ("in 09:02, out 11:00", 118, True),  # late is cut
        ("in 09:00, out 10:15", 75, True),  # early leaving is cut
        ("in 09:00, out 11:50", 120, True),  # nothing beyond the end
        ("in 08:10, out 08:50", 0, True),  # left before it began
        ("in 09:00", 0, False),  # no check-out: a person decides
        ("out 11:00", 0, False),  # no check-in
        ("", 0, False),
        ("in 09:10, in 09:00, out 10:00, out 11:00", 120, True),  # earliest in, latest out
        ("in 09:00, out 10:00, out! 09:30", 30, True),  # a correction outweighs scans
        ("in 09:00, out! 09:30, out 10:00", 30, True),  # later scans too
        ("in 09:00, out! 09:30, out! 10:30", 90, True),  # the last correction decides
        ("in 08:55, out 11:00, in! 09:30", 90, True),
        ("in 10:00, out 09:30", 0, True),  # the wrong way round is nothing, not less
    ],
)
def test_actual_time(scans: str, minutes: int, complete: bool) -> None:
    judged = judge(marks(scans), policy())
    assert (judged.minutes, judged.complete) == (minutes, complete)


@pytest.mark.parametrize(
    ("scans", "break_minutes", "step", "minutes"),
    [
        ("in 09:00, out 11:00", 15, 1, 105),
        ("in 09:00, out 09:10", 15, 1, 0),  # never below zero
        ("in 09:02, out 11:00", 0, 30, 90),
        ("in 09:00, out 10:59", 0, 5, 115),
        ("in 09:00, out 11:00", 7, 15, 105),
        ("in 09:00, out 11:00", 0, 0, 120),  # a step of nothing rounds nothing
    ],
)
def test_break_and_rounding(scans: str, break_minutes: int, step: int, minutes: int) -> None:
    assert judge(marks(scans), policy(break_minutes=break_minutes, step=step)).minutes == minutes


@pytest.mark.parametrize(
    ("scans", "minutes", "complete"),
    [("in 09:30", 110, True), ("in 09:00, out 09:20", 110, True), ("out 11:00", 0, False), ("", 0, False)],
)
def test_planned_time_counts_the_whole_shift_for_who_came(scans: str, minutes: int, complete: bool) -> None:
    judged = judge(marks(scans), policy(by_plan=True, break_minutes=10))
    assert (judged.minutes, judged.complete) == (minutes, complete)


def test_minutes_are_those_that_a_clock_shows() -> None:
    came = Mark(kind="in", at=at("09:02") + timedelta(seconds=59))
    left = Mark(kind="out", at=at("10:02") + timedelta(seconds=1))
    assert judge([came, left], policy()).minutes == 60


INSTANTS = st.integers(min_value=-3600, max_value=3 * 3600).map(lambda second: START + timedelta(seconds=second))


@given(
    scans=st.lists(st.builds(Mark, kind=st.sampled_from(["in", "out"]), at=INSTANTS, correction=st.booleans())),
    break_minutes=st.integers(0, 200),
    step=st.integers(1, 60),
    by_plan=st.booleans(),
)
def test_minutes_never_leave_the_shift(scans: list[Mark], break_minutes: int, step: int, by_plan: bool) -> None:
    rules = policy(break_minutes=break_minutes, step=step, by_plan=by_plan)
    judged = judge(scans, rules)
    assert 0 <= judged.minutes <= shift_minutes(rules)
    assert judged.minutes % step == 0
    assert judge(scans, rules) == judged


@pytest.mark.parametrize(("minutes", "signed"), [(1, 0), (120, 0), (20, 100)])
def test_manual_minutes_that_fit(minutes: int, signed: int) -> None:
    check_manual(minutes, signed_minutes=signed, policy=policy())


@pytest.mark.parametrize(("minutes", "signed"), [(0, 0), (-5, 0), (121, 0), (21, 100), (1, 120)])
def test_manual_minutes_that_do_not(minutes: int, signed: int) -> None:
    with pytest.raises(ManualOutOfRange) as refused:
        check_manual(minutes, signed_minutes=signed, policy=policy())
    assert "manual" in refused.value.fields
