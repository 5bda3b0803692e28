"""Lots, groups, ages, hours and answers: what anybody can check with a table of cases."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from timebank.reports.rules import (
    BadAnswers,
    Group,
    add_up,
    age_band,
    draw,
    drum_hash,
    hours_text,
    leave_out_small,
    lot,
    merge_small,
    read_answers,
)


def group(name: str, people: int, minutes: int = 60) -> Group:
    return Group(name=name, people=people, times=people, signed=minutes, manual=0)


def test_a_lot_is_the_hash_that_anybody_computes() -> None:
    assert lot("beef", 12) == hashlib.sha256(b"beef:12").hexdigest()


def test_the_same_seed_draws_the_same_activities_in_whatever_order_they_lie() -> None:
    assert draw("beef", [1, 2, 3, 4, 5], 3) == draw("beef", [5, 3, 1, 4, 2], 3)
    assert draw("beef", [1, 2, 3, 4, 5], 3) == sorted([1, 2, 3, 4, 5], key=lambda number: lot("beef", number))[:3]


def test_another_seed_draws_others() -> None:
    assert {tuple(draw(f"{seed}", range(20), 3)) for seed in range(20)} != {tuple(draw("0", range(20), 3))}


def test_of_few_activities_all_are_drawn() -> None:
    assert sorted(draw("beef", [7, 9], 5)) == [7, 9]


def test_the_hash_of_the_drum_tells_who_was_in_it() -> None:
    assert drum_hash([3, 1]) == drum_hash([1, 3]) != drum_hash([1, 3, 4])


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (date(2008, 12, 31), "18–34 岁"),
        (date(2009, 1, 1), "18 岁以下"),
        (date(1966, 12, 31), "60–69 岁"),
        (date(1967, 1, 1), "35–59 岁"),
        (date(1950, 5, 5), "70 岁及以上"),
        (None, "没有登记出生日期"),
    ],
)
def test_ages_are_those_of_the_last_day_of_the_year(born: date | None, band: str) -> None:
    assert age_band(born, date(2026, 12, 31)) == band


def test_groups_of_few_people_are_told_together() -> None:
    merged = merge_small([group("甲", 9), group("乙", 3), group("丙", 2)])
    assert [(row.name, row.people) for row in merged] == [("甲", 9), ("其他（人数少的合在一起）", 5)]


def test_one_small_group_takes_the_smallest_of_the_others_along() -> None:
    merged = merge_small([group("甲", 9), group("乙", 7), group("丙", 1)])
    assert [(row.name, row.people) for row in merged] == [("甲", 9), ("其他（人数少的合在一起）", 8)]


def test_merging_loses_no_minute() -> None:
    rows = [group("甲", 9, 100), group("乙", 3, 20), group("丙", 1, 5)]
    assert add_up("", merge_small(rows)).minutes == add_up("", rows).minutes == 125


def test_months_with_few_are_left_out_together_with_the_smallest_of_the_others() -> None:
    """One person may have served in three months: three is then no sum of different people."""
    shown = leave_out_small([group("甲", 9), group("乙", 7), group("丙", 3), group("丁", 3)])
    assert [(row.name, row.people) for row in shown] == [("甲", 9)]
    assert leave_out_small([group("丙", 3), group("丁", 4)]) == []
    large = [group("甲", 9), group("乙", 5)]
    assert leave_out_small(large) == large


def test_large_groups_stay_as_they_are() -> None:
    rows = [group("甲", 9), group("乙", 5)]
    assert merge_small(rows) == rows


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0.00"), (60, "1.00"), (90, "1.50"), (1, "0.02"), (125, "2.08"), (20, "0.33")]
)
def test_minutes_are_hours_with_two_decimals(minutes: int, text: str) -> None:
    assert hours_text(minutes) == text


def test_answers_are_read_with_and_without_titles() -> None:
    rows = [["编号", "结果", "原因"], ["fw12", "退回", "证件号不符"], [], ["HL0001", "已接收", ""]]
    read = read_answers(rows)
    assert [(one.number, one.accepted, one.words) for one in read] == [
        ("FW12", False, "证件号不符"),
        ("HL0001", True, ""),
    ]
    assert read_answers(rows[1:]) == read


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "没有一行"),
        ([["编号", "结果"]], "没有一行"),
        ([["FW1", "已接收"], ["FW2", "也许"]], "第 2 行"),
        ([["FW1", "退回", ""]], "第 1 行退回了"),
    ],
)
def test_a_list_that_cannot_be_read_names_the_row(rows: list[list[str]], why: str) -> None:
    with pytest.raises(BadAnswers, match=why):
        read_answers(rows)
