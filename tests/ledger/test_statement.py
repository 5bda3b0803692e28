"""Balances at an instant, statements over a range, entries by number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.ledger.bank import NOW, Bank, open_bank
from timebank.core.clock import month_range
from timebank.core.db import UTCDateTime, write_session
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


@pytest.fixture
def years(bank: Bank) -> Bank:
    """Eighteen months, all but the last two closed: Ann moves in most of them, once twelve times; Bo twice in all."""
    at = datetime(2025, 5, 10, tzinfo=UTC)
    for month in range(18):
        times = 12 if month == 7 else 0 if month in {3, 4, 9} else 2
        for time in range(times):
            bank.earn("ann", 10 + month, now=at + timedelta(days=time))
        if month in {2, 16}:
            bank.pay("ann", "bo", 5, now=at + timedelta(days=15))
        if month < 16:
            bank.close(at.strftime("%Y-%m"), now=at.replace(day=28) + timedelta(days=10))
        at = (at.replace(day=28) + timedelta(days=10)).replace(day=10)
    return bank


def by_hand(bank: Bank, account_id: int, at: datetime | None = None) -> tuple[int, int, int]:
    """Came, went and movements before an instant, from every row there is."""
    rows = bank.session.execute(
        sa.text(
            "SELECT t.credit_id, t.debit_id, t.amount, e.posted_at FROM transfer t JOIN entry e ON e.id = t.entry_id"
            " WHERE :account IN (t.credit_id, t.debit_id)"
        ).columns(posted_at=UTCDateTime()),
        {"account": account_id},
    ).all()
    chosen = [row for row in rows if at is None or row.posted_at < at]
    came = sum(row.amount for row in chosen if row.credit_id == account_id)
    return came, sum(row.amount for row in chosen) - came, len(chosen)


def test_figures_at_any_instant_are_those_of_every_row(years: Bank) -> None:
    for account in (years.coins["ann"], years.coins["bo"], years.issuance):
        for day in range(0, 600, 11):
            at = datetime(2025, 5, 1, tzinfo=UTC) + day * DAY
            found = queries.figures_at(years.session, account, at)
            assert (found.posted_in, found.posted_out, found.movements) == by_hand(years, account, at)
        found = queries.figures_at(years.session, account)
        assert (found.posted_in, found.posted_out, found.movements) == by_hand(years, account)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_pages_over_closed_and_open_months_join_without_a_seam(years: Bank, size: int) -> None:
    pages = pages_of(years, "ann", size=size)
    lines = [line for page in pages for line in page.lines]
    assert [line.posted_at for line in lines] == sorted((line.posted_at for line in lines), reverse=True)
    assert (len(lines), pages[0].count) == (by_hand(years, years.coins["ann"])[2],) * 2
    assert [line.balance - line.amount for line in lines[:-1]] == [line.balance for line in lines[1:]]
    assert (lines[0].balance, lines[-1].balance - lines[-1].amount) == (pages[0].closing, 0)


@pytest.mark.parametrize("size", [2, 50])
def test_a_range_within_the_years_shows_what_is_in_it_and_nothing_else(years: Bank, size: int) -> None:
    start, end = datetime(2025, 7, 12, tzinfo=UTC), datetime(2025, 12, 15, tzinfo=UTC)
    pages = pages_of(years, "ann", size=size, start=start, end=end)
    lines = [line for page in pages for line in page.lines]
    before, after = (by_hand(years, years.coins["ann"], at) for at in (start, end))
    assert all(start <= line.posted_at < end for line in lines)
    assert len(lines) == pages[0].count == after[2] - before[2] == 10
    assert (pages[0].came, pages[0].went) == (after[0] - before[0], after[1] - before[1])
    assert lines[0].balance == pages[0].closing == after[0] - after[1]
    assert lines[-1].balance - lines[-1].amount == pages[0].opening == before[0] - before[1]


def test_a_months_trial_balance_is_that_of_every_row(years: Bank) -> None:
    for month in ("2025-05", "2025-08", "2025-12", "2026-08", "2026-10", None):
        start, end = month_range(month) if month else (None, None)
        for row in queries.trial_balance(years.session, years.book_id, month=month):
            before = by_hand(years, row.account_id, start) if start else (0, 0, 0)
            after = by_hand(years, row.account_id, end)
            assert (row.opening, row.closing) == (before[0] - before[1], after[0] - after[1])
            assert (row.credited, row.debited) == (after[0] - before[0], after[1] - before[1])


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


@pytest.mark.parametrize("engine_url", ["postgresql"], indirect=True)
def test_a_close_between_two_statements_neither_loses_a_month_nor_shows_it_twice(fresh_database: str) -> None:
    """Not by luck: the month is closed by another connection just after the reader has seen it open."""
    engine = databases.make_engine(fresh_database)
    with Session(engine) as filling, write_session(filling):
        bank = open_bank(filling)
        bank.earn("ann", 100, now=NOW - 31 * DAY)
        bank.earn("ann", 20)
        ann, book_id = bank.coins["ann"], bank.book_id

    def read_while_closing(read: Callable[[Session], Any], month: str) -> Any:
        with Session(engine) as session:
            seen: list[str] = []

            def close_once(_c: Any, _cursor: Any, statement: str, *_others: Any) -> None:
                if "closed_at IS NULL" in statement and not seen:
                    seen.append(statement)
                    with Session(engine) as closing, write_session(closing):
                        Bank(session=closing, book_id=book_id).close(month, now=NOW + 60 * DAY)

            sa.event.listen(session.connection(), "after_cursor_execute", close_once)
            answer = read(session)
            assert seen
            return answer

    page = read_while_closing(lambda session: queries.statement(session, ann), "2026-08")
    assert [line.amount for line in page.lines] == [20, 100]
    assert (page.closing, page.lines[-1].balance) == (120, 100)
    rows = read_while_closing(lambda session: queries.trial_balance(session, book_id), "2026-09")
    assert sorted(row.closing for row in rows) == [-120, 120]
    with Session(engine) as filling, write_session(filling):
        Bank(session=filling, book_id=book_id, coins={"ann": ann}).earn("ann", 7, now=NOW + 31 * DAY)
    figures = read_while_closing(lambda session: queries.book_figures(session, book_id, NOW + 60 * DAY), "2026-10")
    assert figures[ann].balance == 127
    engine.dispose()
