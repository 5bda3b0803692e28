"""Where lines stand, and what a month's movements are called."""

from __future__ import annotations

import pytest

from timebank.passbooks.rules import LINES_PER_PAGE, Part, Spot, parts_of, sheets_of, spot_of


@pytest.mark.parametrize(("number", "spot"), [(1, Spot(1, 1)), (18, Spot(1, 18)), (19, Spot(2, 1)), (40, Spot(3, 4))])
def test_a_line_has_its_page_and_its_place(number: int, spot: Spot) -> None:
    assert spot_of(number) == spot


def test_a_fresh_booklet_begins_at_the_top() -> None:
    [sheet] = sheets_of(["a", "b"], first=1)
    assert (sheet.number, sheet.fresh, sheet.slots[:3]) == (1, True, ("a", "b", None))
    assert len(sheet.slots) == LINES_PER_PAGE


def test_what_was_printed_keeps_its_place_empty_and_its_page_gets_no_second_head() -> None:
    first, second = sheets_of(["x", "y", "z"], first=LINES_PER_PAGE - 1)
    assert (first.number, first.fresh) == (1, False)
    assert first.slots == (None,) * (LINES_PER_PAGE - 2) + ("x", "y")
    assert (second.number, second.fresh, second.slots[:2]) == (2, True, ("z", None))


def test_a_print_that_begins_a_page_gets_its_head() -> None:
    [sheet] = sheets_of(["x"], first=LINES_PER_PAGE + 1)
    assert (sheet.number, sheet.fresh) == (2, True)


def test_movements_are_summed_by_what_they_are_called() -> None:
    moved = [("earn", 120), ("earn", 60), ("redeem", -60), ("inter_branch", -30), ("redeem", 20), ("strange", -1)]
    assert parts_of(moved) == [
        Part("参加服务存入", 2, 180),
        Part("提供服务收到", 1, 20),
        Part("兑换用去", 2, -90),
        Part("其他支出", 1, -1),
    ]
    assert parts_of([]) == []
