"""Whether a promise is kept follows from the days, and from nothing that somebody types."""

from __future__ import annotations

from datetime import date

import pytest

from timebank.agreements.rules import KEPT, LET_GO, OPEN, OVER, OVERDUE, SOON, standing

DUE = date(2026, 6, 30)


@pytest.mark.parametrize(
    ("deeds", "today", "state"),
    [
        ([], date(2026, 5, 30), OPEN),
        ([], date(2026, 5, 31), SOON),  # thirty days before
        ([], DUE, SOON),  # that day is included
        ([], date(2026, 7, 1), OVERDUE),
        ([(date(2026, 6, 1), 9)], date(2026, 7, 1), OVERDUE),
        ([(date(2026, 6, 1), 4), (date(2026, 6, 2), 6)], date(2026, 6, 2), KEPT),
        ([(date(2026, 7, 9), 10)], date(2026, 7, 9), KEPT),
    ],
)
def test_states(deeds: list[tuple[date, int]], today: date, state: str) -> None:
    assert standing(10, DUE, deeds, today=today).state == state


def test_a_promise_is_kept_on_the_day_it_was_reached_whatever_order_it_was_written_in() -> None:
    kept = standing(10, DUE, [(date(2026, 7, 9), 9), (date(2026, 6, 1), 1), (DUE, 5)], today=date(2026, 8, 1))
    assert (kept.kept_on, kept.late, kept.done, kept.left) == (date(2026, 7, 9), True, 15, 0)
    in_time = standing(10, DUE, [(DUE, 10)], today=date(2026, 8, 1))
    assert (in_time.kept_on, in_time.late) == (DUE, False)


def test_what_was_let_go_waits_for_nothing() -> None:
    assert standing(0, DUE, [], today=date(2026, 8, 1)).state == LET_GO


def test_where_an_agreement_ended_early_only_what_was_due_before_is_overdue() -> None:
    assert standing(10, DUE, [], today=date(2026, 8, 1), ended_on=date(2026, 6, 1)).state == OVER
    assert standing(10, DUE, [], today=date(2026, 8, 1), ended_on=date(2026, 7, 1)).state == OVERDUE
    assert standing(10, DUE, [(DUE, 10)], today=date(2026, 8, 1), ended_on=date(2026, 6, 1)).state == KEPT
