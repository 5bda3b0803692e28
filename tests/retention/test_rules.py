"""Terms: how far back they reach, what they may be, and what has none."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from timebank.retention.models import KINDS
from timebank.retention.rules import (
    DISPOSABLE,
    LOOKS,
    LOOKS_LEAST,
    MOST_MONTHS,
    PERMANENT,
    Listed,
    TermTooShort,
    before_of,
    check_term,
    class_of,
    hash_of_list,
)


@pytest.mark.parametrize(
    ("months", "today", "before"),
    [
        (12, date(2026, 11, 27), date(2025, 11, 27)),
        (1, date(2026, 3, 31), date(2026, 2, 28)),
        (1, date(2028, 3, 31), date(2028, 2, 29)),
        (24, date(2028, 2, 29), date(2026, 2, 28)),
        (36, date(2026, 1, 1), date(2023, 1, 1)),
    ],
)
def test_a_term_reaches_back_to_the_same_day(months: int, today: date, before: date) -> None:
    assert before_of(months, today) == before


def test_tables_and_rules_know_the_same_kinds() -> None:
    assert tuple(DISPOSABLE) == KINDS


def test_every_kind_keeps_to_its_own_least() -> None:
    for code, kind in DISPOSABLE.items():
        check_term(code, kind.least)
        check_term(code, kind.months)
        for months in (kind.least - 1, MOST_MONTHS + 1):
            with pytest.raises(TermTooShort):
                check_term(code, months)


def test_looks_at_personal_data_are_kept_three_years_at_least() -> None:
    assert {DISPOSABLE[code].least for code in LOOKS} == {LOOKS_LEAST}


def test_what_the_books_rest_on_has_no_term_and_says_why() -> None:
    names = "".join(kept.name for kept in PERMANENT)
    for word in ("分录", "归档包", "服务记录", "证明", "销毁清单"):
        assert word in names
    assert all(kept.why for kept in PERMANENT)


@pytest.mark.parametrize(("months", "name"), [(36, "短期"), (120, "定期（10 年以上）"), (360, "长期（30 年以上）")])
def test_a_term_has_a_class(months: int, name: str) -> None:
    assert class_of(months) == name


def test_the_hash_of_a_list_is_of_its_items_in_whatever_order() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def item(row_id: int, digest: str = "") -> Listed:
        return Listed(kind="notices", row_id=row_id, about="", digest=digest, dated=at)

    assert hash_of_list([item(1), item(2)]) == hash_of_list([item(2), item(1)])
    assert hash_of_list([item(1)]) != hash_of_list([item(1), item(2)]) != hash_of_list([item(1), item(2, "a")])
