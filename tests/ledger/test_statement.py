"""Balances at an instant, statements over a range, entries by number."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.ledger.bank import NOW, Bank
from timebank.core.errors import NotFound
from timebank.ledger import queries
from timebank.ledger.queries.statements import Place, read_place

DAY = timedelta(days=1)


@pytest.fixture
def lived(bank: Bank) -> Bank:
    """Ann on five days: +100, −30, +50, −20, +5."""
    for day, amount in enumerate([100, -30, 50, -20, 5]):
        move = (bank.earn, ("ann", amount)) if amount > 0 else (bank.pay, ("ann", "bo", -amount))
        move[0](*move[1], now=NOW + day * DAY, facts={"day": day})
    return bank


def test_a_statement_runs_newest_first_with_the_balance_after_each_line(lived: Bank) -> None:
    page = queries.statement(lived.session, lived.coins["ann"])
    assert [(line.amount, line.balance) for line in page.lines] == [
        (5, 105),
        (-20, 100),
        (50, 120),
        (-30, 70),
        (100, 100),
    ]
    assert (page.opening, page.closing, page.came, page.went, page.count) == (0, 105, 155, 50, 5)
    assert [line.other for line in page.lines] == ["issuance", "member:bo", "issuance", "member:bo", "issuance"]
    assert page.lines[0].facts == {"day": 4}


def test_a_range_holds_its_start_and_not_its_end(lived: Bank) -> None:
    page = queries.statement(lived.session, lived.coins["ann"], start=NOW + DAY, end=NOW + 3 * DAY)
    assert [(line.amount, line.balance) for line in page.lines] == [(50, 120), (-30, 70)]
    assert (page.opening, page.closing, page.count) == (100, 120, 2)


def test_pages_join_without_a_seam(lived: Bank) -> None:
    whole = queries.statement(lived.session, lived.coins["ann"]).lines
    pages = pages_of(lived, "ann", size=2)
    assert [line for page in pages for line in page.lines] == whole
    assert [len(page.lines) for page in pages] == [2, 2, 1]
    assert {(page.count, page.closing) for page in pages} == {(5, 105)}


def pages_of(bank: Bank, name: str, **asked: Any) -> list[queries.StatementPage]:
    """A statement page by page, as somebody reads it who always asks for what is older."""
    pages = [queries.statement(bank.session, bank.coins[name], **asked)]
    while pages[-1].older:
        pages.append(queries.statement(bank.session, bank.coins[name], before=pages[-1].older, **asked))
    return pages


def test_an_unused_account_has_an_empty_statement(lived: Bank) -> None:
    page = queries.statement(lived.session, lived.coins["chen"])
    assert (page.lines, page.opening, page.closing, page.count, page.older) == ([], 0, 0, 0, "")


def test_a_balance_is_what_stood_just_before_an_instant(lived: Bank) -> None:
    at = [NOW, NOW + timedelta(microseconds=1), NOW + 2 * DAY, NOW + 9 * DAY, None]
    assert [queries.balance(lived.session, lived.coins["ann"], at=when) for when in at] == [0, 100, 70, 105, 105]
    assert queries.balance(lived.session, lived.issuance) == -155


def test_entries_are_numbered_within_their_month(lived: Bank) -> None:
    lived.earn("bo", 7, now=NOW + 20 * DAY)
    newest, total = queries.list_entries(lived.session, lived.book_id)
    assert total == 6
    assert [(seen.month, seen.number) for seen in newest[:3]] == [("2026-10", 1), ("2026-09", 5), ("2026-09", 4)]
    page, total = queries.list_entries(lived.session, lived.book_id, month="2026-09", page=2, per_page=2)
    assert ([seen.number for seen in page], total) == ([3, 2], 5)
    assert list(queries.list_entry_ids(lived.session, lived.book_id, "2026-09")) == sorted(
        seen.id for seen in newest if seen.month == "2026-09"
    )


def test_what_is_not_there_is_said_so(bank: Bank) -> None:
    for ask in (
        lambda: queries.get_entry(bank.session, 10**6),
        lambda: queries.get_account(bank.session, 10**6),
        lambda: queries.get_account(bank.session, None),
        lambda: queries.find_house_account(bank.session, bank.book_id, "issuance", "shell"),
    ):
        with pytest.raises(NotFound):
            ask()


@pytest.mark.parametrize(
    "text", ["", "2026-09", "2026-09.", "2026-13.1", "2026-09.x", "2026-09.-1", "2026-09." + "9" * 19]
)
def test_what_is_no_place_in_a_statement_is_none(text: str) -> None:
    assert read_place(text) is None
    assert read_place(str(Place("2026-09", 17))) == Place("2026-09", 17)
