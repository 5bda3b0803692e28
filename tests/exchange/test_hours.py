"""Weekly hours: read, written in one way, said in words, and cut into whole hours."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.exchange import rules
from timebank.exchange.rules import BadHours, Span

MONDAY, SATURDAY = date(2026, 11, 23), date(2026, 11, 28)
OFFICE = "1-5 08:30-11:30;1-5 13:30-17:00;6 09:00-12:00"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        (OFFICE, "周一至周五 08:30-11:30、13:30-17:00；周六 09:00-12:00"),
        ("1-7 00:00-24:00", "每天 00:00-24:00"),
        ("6-7 10:00-11:00", "周六、周日 10:00-11:00"),
    ],
)
def test_hours_in_words(text: str, words: str) -> None:
    assert rules.hours_in_words(text) == words


def test_the_same_hours_are_the_same_text() -> None:
    spans = rules.read_hours(OFFICE)
    assert rules.hours_text(reversed(spans)) == OFFICE == rules.hours_text([*spans, *spans])


@pytest.mark.parametrize(
    "spans",
    [
        [Span(5, 1, 60, 120)],
        [Span(0, 1, 60, 120)],
        [Span(1, 1, 120, 120)],
        [Span(1, 1, 60, 24 * 60 + 1)],
        [Span(1, 5, 60, 120), Span(5, 6, 119, 180)],
        [Span(day, day, 60, 120) for day in range(1, 8)],
    ],
)
def test_hours_that_cannot_be_are_refused(spans: list[Span]) -> None:
    with pytest.raises(BadHours) as refused:
        rules.hours_text(spans)
    assert list(refused.value.fields) == ["hours"]


@pytest.mark.parametrize("text", ["x", "8 09:00-10:00", "1 9:00-10:00", "1-5 08:30", ";"])
def test_what_is_no_hours_is_not_read(text: str) -> None:
    with pytest.raises(BadHours):
        rules.read_hours(text)


def test_whole_hours_are_counted_from_the_opening() -> None:
    assert list(rules.slots_on(OFFICE, MONDAY)) == [
        *(time(at, 30) for at in (8, 9, 10)),
        *(time(at, 30) for at in (13, 14, 15)),
    ]
    assert list(rules.slots_on(OFFICE, SATURDAY)) == [time(9), time(10), time(11)]
    assert list(rules.slots_on("1 08:00-08:59", MONDAY)) == []


SPANS = st.builds(
    lambda day, opens, length: Span(day, day, opens, min(opens + length, 1440)),
    st.integers(1, 7),
    st.integers(0, 1439),
    st.integers(1, 600),
)


@given(st.lists(SPANS, max_size=6))
def test_what_was_written_is_read_again(spans: list[Span]) -> None:
    try:
        text = rules.hours_text(spans)
    except BadHours:
        return
    assert set(rules.read_hours(text)) == set(spans)
    assert rules.hours_text(rules.read_hours(text)) == text
    assert len(text) <= 200
