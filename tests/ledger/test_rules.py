"""The arithmetic of the books: each refusal in the order it is checked, and what makes two drafts the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.ledger.bank import NOW, entry, transfer
from timebank.core.errors import Refusal
from timebank.ledger.rules import (
    MAX_AMOUNT,
    MAX_TRANSFERS,
    BadAmount,
    Course,
    NoTransfers,
    Owing,
    SameAccount,
    Short,
    canonical,
    check_amount,
    check_draft,
    content_hash,
    course_of,
    hold_hash,
    reversed_transfers,
)

GOOD = transfer(1, 2)


@pytest.mark.parametrize("amount", [1, 60, MAX_AMOUNT])
def test_whole_amounts_within_the_limit_pass(amount: int) -> None:
    check_amount(amount)


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1, 1.5, 60.0, "60", None, True])
def test_every_other_amount_is_refused(amount: Any) -> None:
    with pytest.raises(BadAmount):
        check_amount(amount)


@pytest.mark.parametrize(
    ("transfers", "refusal"),
    [
        ((), NoTransfers),
        ((GOOD,) * (MAX_TRANSFERS + 1), NoTransfers),
        ((transfer(1, 1, 0),) * (MAX_TRANSFERS + 1), NoTransfers),  # the number first,
        ((transfer(1, 1, 0),), BadAmount),  # then the amount,
        ((transfer(1, 1, 60),), SameAccount),  # then the accounts,
        ((GOOD, transfer(3, 3), transfer(1, 2, -5)), SameAccount),  # transfer by transfer
        ((GOOD, transfer(1, 2, -5), transfer(3, 3)), BadAmount),
    ],
)
def test_drafts_are_refused_in_this_order(transfers: tuple[Any, ...], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        check_draft(entry(1, *transfers))


def test_sound_drafts_pass_up_to_the_limit() -> None:
    check_draft(entry(1, GOOD))
    check_draft(entry(1, *(GOOD,) * MAX_TRANSFERS))


@pytest.mark.parametrize(
    ("moves", "short"),
    [
        ([], None),
        ([(1, 2, 60), (2, 3, 60)], None),
        ([(2, 3, 60), (1, 2, 60)], Short(2, 60, 0)),
        ([(1, 2, 60), (1, 2, 60), (2, 1, 90)], Short(1, 60, 40)),
        ([(1, 9, 101), (1, 9, 1)], Short(1, 101, 100)),
        ([(8, 9, 10**6)], None),
    ],
)
def test_each_transfer_has_to_be_covered_at_its_turn(moves: list[Any], short: Any) -> None:
    """Accounts 1 and 2 keep running figures, the others do not."""
    drafts = [entry(1, transfer(*move)) for move in moves]
    assert course_of(drafts, {1: 100, 2: 0}, {1: 0, 2: 0}) == Course(short)
    if moves:
        assert course_of([entry(1, *(transfer(*move) for move in moves))], {1: 100, 2: 0}, {1: 0, 2: 0}).short == short


def test_a_floor_below_zero_lets_an_account_owe_that_much() -> None:
    drafts = [entry(1, transfer(1, 2, 30))]
    assert course_of(drafts, {1: 0}, {1: -30}).short is None
    assert course_of(drafts, {1: 0}, {1: -29}) == Course(Short(1, 30, 29))


def test_what_comes_in_lifts_the_floor_so_that_nobody_owes_the_same_twice() -> None:
    there_and_back = [entry(1, transfer(2, 1, 20)), entry(1, transfer(1, 2, 15))]
    assert course_of(there_and_back, {1: -30}, {1: -30}) == Course(Short(1, 15, 0))


def test_what_may_be_owed_names_the_floor_before_each_transfer_that_needs_it() -> None:
    owed = entry(1, transfer(1, 2, 15), transfer(2, 1, 10), transfer(1, 2, 12))
    assert course_of([owed], {1: 0}, {1: 0}, owed=owed) == Course(None, (Owing(1, 1, -15), Owing(3, 1, -17)))
    assert course_of([owed, entry(1, transfer(1, 2, 1))], {1: 0}, {1: 0}, owed=owed) == Course(Short(1, 1, 0))


def test_a_reversal_goes_the_same_way_back() -> None:
    there = (transfer(1, 2, 60), transfer(3, 4, 5, "point"))
    assert reversed_transfers(there) == (transfer(4, 3, 5, "point"), transfer(2, 1, 60))
    assert reversed_transfers(reversed_transfers(there)) == there


DRAFT = entry(1, transfer(1, 2, 60), transfer(3, 4, 5, "point"), key="k")


@pytest.mark.parametrize(
    "others",
    [
        {"actor_id": 9},
        {"occurred_at": NOW + timedelta(days=1)},
        {"for_member_id": 9},
        {"rule": "2026-2"},
        {"facts": {"text": "…"}},
    ],
)
def test_who_pressed_the_button_and_when_leaves_a_draft_the_same(others: dict[str, Any]) -> None:
    assert content_hash(replace(DRAFT, **others)) == content_hash(DRAFT)


@pytest.mark.parametrize(
    "others",
    [
        {"kind": "gift"},
        {"source_type": "order"},
        {"source_id": 2},
        {"source_id": None},
        {"reverses_id": 7},
        {"transfers": (transfer(1, 2, 61), transfer(3, 4, 5, "point"))},
        {"transfers": (transfer(2, 1, 60), transfer(3, 4, 5, "point"))},
        {"transfers": (transfer(1, 2, 60), transfer(3, 4, 5, "coin"))},
        {"transfers": (transfer(3, 4, 5, "point"), transfer(1, 2, 60))},
        {"transfers": (transfer(1, 2, 60),)},
    ],
)
def test_anything_that_moves_or_proves_makes_a_draft_another(others: dict[str, Any]) -> None:
    assert content_hash(replace(DRAFT, **others)) != content_hash(DRAFT)


def test_holds_differ_by_account_amount_and_document() -> None:
    marks = [hold_hash(1, 60, "order", 5), hold_hash(2, 60, "order", 5), hold_hash(1, 61, "order", 5)]
    marks += [hold_hash(1, 60, "offer", 5), hold_hash(1, 60, "order", 6), hold_hash(1, 60, "order", None)]
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize(
    ("row", "written"),
    [
        ([1, None, "a"], '[1,null,"a"]\n'),
        ([{"b": 1, "a": "𠮷 理发"}], '[{"a":"𠮷 理发","b":1}]\n'),
        ([(1, "coin")], '[[1,"coin"]]\n'),
        ([datetime(2026, 9, 1, tzinfo=UTC)], '["2026-09-01T00:00:00.000000Z"]\n'),
        ([datetime(2026, 9, 1, 8, 0, 0, 12, tzinfo=timezone(timedelta(hours=8)))], '["2026-09-01T00:00:00.000012Z"]\n'),
    ],
)
def test_a_row_is_written_in_one_way_only(row: list[Any], written: str) -> None:
    assert canonical(row).decode() == written


def test_what_has_no_plain_form_is_not_guessed() -> None:
    with pytest.raises(TypeError):
        canonical([object()])
