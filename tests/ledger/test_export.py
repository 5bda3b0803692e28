"""The books as strangers read them: our own reader, hledger and beancount come to the same balances as we do."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data, realization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.journal_parser import BadJournal, balances
from tests.ledger.bank import LATER, NOW, Bank, entry, open_bank, transfer
from timebank.ledger import queries, service
from timebank.ledger.export import COMMODITIES, Days, Style, account_name, month_days, write_journal

Balances = dict[str, dict[str, int]]
MONTHS = ("2026-09", "2026-10", None)
HLEDGER = shutil.which("hledger")
BEAN_CHECK = Path(sys.executable).with_name("bean-check")


@pytest.fixture
def lived(funded: Bank) -> Bank:
    """Two months with both units, a hold posted in part, a reversal, a fund, an inter-branch entry, odd names."""
    point = transfer(funded.house("issuance", "point"), funded.points["ann"], 12, "point")
    service.post(funded.session, entry(funded.book_id, point, kind="earn_points"), now=NOW)
    funded.take(funded.hold("ann", 60), "ann", "bo", 45)
    paid = funded.pay("bo", "chen", 5)
    funded.close()
    funded.undo(paid.entry_id, key="undone", reason='重复；"引号"', now=LATER)
    odd = service.open_account(
        funded.session, book_id=funded.book_id, code="member:老 张/2#a", kind="member", unit="coin"
    )
    clearing = funded.clearing("XG")
    mixed = entry(
        funded.book_id,
        transfer(funded.coins["ann"], odd, 11),
        transfer(funded.coins["ann"], funded.house("fund"), 7),
        transfer(funded.coins["bo"], clearing, 3),
        kind="inter_branch",
        source_id=None,
    )
    service.post(funded.session, mixed, now=LATER)
    open_bank(funded.session, "XG").earn("ann", 999)
    return funded


def journal(bank: Bank, month: str | None, style: Style) -> str:
    return journal_of(bank, month_days(month) if month else Days(), style)


def journal_of(bank: Bank, days: Days, style: Style) -> str:
    written = io.StringIO()
    write_journal(bank.session, written, book_id=bank.book_id, style=style, days=days)
    return written.getvalue()


def ours(bank: Bank, month: str | None) -> Balances:
    """Our closing balances, a debit positive."""
    closing: Balances = defaultdict(dict)
    for row in queries.trial_balance(bank.session, bank.book_id, month=month):
        if row.closing:
            closing[account_name(row.kind, row.code)][COMMODITIES[row.unit]] = -row.closing
    return dict(closing)


def without_zeros(found: Balances) -> Balances:
    kept = {account: {unit: n for unit, n in amounts.items() if n} for account, amounts in found.items()}
    return {account: amounts for account, amounts in kept.items() if amounts}


@pytest.mark.parametrize("month", MONTHS)
def test_a_small_reader_of_our_own_agrees(lived: Bank, month: str | None) -> None:
    found = without_zeros(balances(journal(lived, month, "hledger")))
    assert found == ours(lived, month)
    assert found[account_name("member", "member:ann")]["MIN"] == (-255 if month == "2026-09" else -237)


def by_beancount(text: str, folder: Path) -> Balances:
    """What the real program finds nothing wrong with, and the balances its loader comes to."""
    path = folder / "books.beancount"
    path.write_text(text, encoding="utf-8")
    checked = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    entries, errors, _ = loader.load_string(text)
    assert errors == []
    found: Balances = {}
    for account in realization.iter_children(realization.realize(entries)):
        found[account.account] = {p.units.currency: int(p.units.number) for p in account.balance}
    return without_zeros(found)


def by_hledger(text: str, folder: Path) -> Balances:
    """What the real program's strictest checks let pass, and the balances it comes to."""
    path = folder / "books.journal"
    path.write_text(text, encoding="utf-8")

    def hledger(*arguments: str) -> str:
        command = [str(HLEDGER), "-f", str(path), *arguments]
        environment = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    hledger("check", "--strict", "ordereddates")
    found: Balances = defaultdict(dict)
    for line in hledger("balance", "--flat", "--no-total", "--layout=bare", "-O", "csv").splitlines()[1:]:
        account, commodity, amount = (cell.strip('"') for cell in line.split(","))
        found[account][commodity] = int(amount)
    return without_zeros(dict(found))


@pytest.mark.parametrize("month", MONTHS)
def test_beancount_agrees(lived: Bank, month: str | None, tmp_path: Path) -> None:
    text = journal(lived, month, "beancount")
    assert by_beancount(text, tmp_path) == ours(lived, month)
    entries, _, _ = loader.load_string(text)
    numbers = [e.meta["number"] for e in entries if isinstance(e, data.Transaction) and "number" in e.meta]
    assert numbers == ([1, 2, 3, 4, 5] if month == "2026-09" else [1, 2] if month else [1, 2, 3, 4, 5, 1, 2])


needs_hledger = pytest.mark.skipif(
    HLEDGER is None, reason="hledger is not installed here, and no package of PyPI or npm brings it"
)


@needs_hledger
@pytest.mark.parametrize("month", MONTHS)
def test_hledger_agrees(lived: Bank, month: str | None, tmp_path: Path) -> None:
    assert by_hledger(journal(lived, month, "hledger"), tmp_path) == ours(lived, month)


# --- any book, any days --------------------------------------------------------------------------------------------

NAMES = ("ann", "bo", "chen")
MOVES = st.lists(
    st.tuples(
        st.integers(0, 70),  # days after the first of August
        st.integers(0, 23),  # hours
        st.sampled_from(["earn", "pay", "point"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.integers(1, 90),
    ),
    min_size=1,
    max_size=12,
)
BEGIN = datetime(2026, 7, 31, 16, tzinfo=UTC)  # midnight in Shanghai
FIRST_DAY = date(2026, 8, 1)
RANGE = st.tuples(st.none() | st.integers(-3, 75), st.none() | st.integers(0, 40))


def live(bank: Bank, moves: list[tuple[int, int, str, str, str, int]], closed: bool) -> None:
    """Book what can be booked, in order of time; then close August, or nothing."""
    for day, hour, what, one, other, amount in sorted(moves):
        now = BEGIN + timedelta(days=day, hours=hour)
        if what == "earn":
            bank.earn(one, amount, now=now)
        elif what == "point":
            moved = transfer(bank.house("issuance", "point"), bank.points[one], amount, "point")
            service.post(bank.session, entry(bank.book_id, moved), now=now)
        elif one != other and bank.stands(one)[2] >= amount:
            bank.pay(one, other, amount, now=now)
    if closed and queries.list_periods(bank.session, bank.book_id):
        first = min(period.month for period in queries.list_periods(bank.session, bank.book_id))
        bank.close(first, now=BEGIN + timedelta(days=200))


def days_of(chosen: tuple[int | None, int | None]) -> Days:
    start, length = chosen
    first = None if start is None else FIRST_DAY + timedelta(days=start)
    return Days(first=first, last=None if length is None else (first or FIRST_DAY) + timedelta(days=length))


def ours_at(bank: Bank, at: datetime | None) -> Balances:
    """Every account by itself, a debit positive, as the statement pages read it."""
    found: Balances = defaultdict(dict)
    for account in queries.list_accounts(bank.session, bank.book_id):
        if standing := queries.balance(bank.session, account.id, at=at):
            found[account_name(account.kind, account.code)][COMMODITIES[account.unit]] = -standing
    return dict(found)


def agree(bank: Bank, days: Days, folder: Path, *, programs: bool) -> None:
    """Every account's balance at the end of the days is ours, by each reader; less what stood against the opening."""
    expected = ours_at(bank, days.end)
    text = journal_of(bank, days, "hledger")
    readings = [without_zeros(balances(text))]
    if programs:
        readings.append(by_beancount(journal_of(bank, days, "beancount"), folder))
        readings += [by_hledger(text, folder)] if HLEDGER else []
    for found in readings:
        assert found == expected


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, chosen=RANGE, closed=st.booleans())
def test_any_book_and_any_days_agree(
    session: Session, tmp_path: Path, moves: list[Any], chosen: tuple[int | None, int | None], closed: bool
) -> None:
    with session.begin_nested() as point:
        bank = open_bank(session, "RB")
        live(bank, moves, closed)
        agree(bank, days_of(chosen), tmp_path, programs=False)
        point.rollback()


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, chosen=RANGE, closed=st.booleans())
def test_any_book_and_any_days_agree_by_the_real_programs(
    session: Session, tmp_path: Path, moves: list[Any], chosen: tuple[int | None, int | None], closed: bool
) -> None:
    with session.begin_nested() as point:
        bank = open_bank(session, "RB")
        live(bank, moves, closed)
        agree(bank, days_of(chosen), tmp_path, programs=True)
        point.rollback()


def test_a_day_begins_and_ends_at_midnight_in_shanghai(bank: Bank) -> None:
    bank.earn("ann", 1, now=BEGIN - timedelta(microseconds=1))
    bank.earn("ann", 10, now=BEGIN)
    bank.earn("ann", 100, now=BEGIN + timedelta(days=1) - timedelta(microseconds=1))
    bank.earn("ann", 1000, now=BEGIN + timedelta(days=1))
    text = journal_of(bank, Days(first=FIRST_DAY, last=FIRST_DAY), "hledger")
    assert balances(text)["Expenses:Issuance"] == {"MIN": 111}
    assert text.count("opening balances") == 1
    assert text.count(" earn ") == 2


def test_the_days_of_a_month_are_the_month(lived: Bank) -> None:
    days = Days(first=date(2026, 9, 1), last=date(2026, 9, 30))
    for style in ("hledger", "beancount"):
        assert journal_of(lived, days, style) == journal(lived, "2026-09", style)


@settings(max_examples=500, deadline=None)
@given(codes=st.sets(st.text(alphabet="uU05f:-aA张 z\t", max_size=8), min_size=2, max_size=2))
def test_no_two_codes_share_a_name(codes: set[str]) -> None:
    for kind in ("member", "adjustment"):
        names = {account_name(kind, code) for code in codes} | {"Equity:Opening"}
        assert len(names) == 3
        assert all(re.fullmatch(r"[A-Z][a-z]+(:[A-Z0-9][A-Za-z0-9-]*)+", name) for name in names)


def test_a_book_without_entries_is_a_journal_too(bank: Bank) -> None:
    for month in MONTHS:
        assert balances(journal(bank, month, "hledger")) == {}
        assert loader.load_string(journal(bank, month, "beancount"))[1] == []


def test_a_closed_month_is_written_the_same_whenever_it_is_written(lived: Bank) -> None:
    before = journal(lived, "2026-09", "hledger")
    newcomer = service.open_account(lived.session, book_id=lived.book_id, code="member:new", kind="member", unit="coin")
    service.post(lived.session, entry(lived.book_id, transfer(lived.issuance, newcomer)), now=LATER)
    assert journal(lived, "2026-09", "hledger") == before


@pytest.mark.parametrize(
    ("kind", "code", "name"),
    [
        ("member", "member:12", "Liabilities:Member:12"),
        ("member", "member:老张", "Liabilities:Member:U008001U005f20"),
        ("member", "member:a b", "Liabilities:Member:U000061U000020b"),
        ("member", "member:-7", "Liabilities:Member:U00002d7"),
        ("issuance", "issuance", "Expenses:Issuance"),
        ("redeemed", "redeemed", "Income:Redeemed"),
        ("clearing", "clearing:XG", "Assets:Clearing:XG"),
        ("member", "member:HL000123K", "Liabilities:Member:HL000123K"),
        ("giveaway", "giveaway:HL000123K", "Liabilities:Giveaway:HL000123K"),
        ("adjustment", "opening", "Equity:U00006fpening"),
        ("member", "", "Liabilities:U"),
    ],
)
def test_account_names_are_what_both_programs_accept(kind: str, code: str, name: str) -> None:
    assert account_name(kind, code) == name


GOOD = """commodity 1000. MIN
account A:B
account C

2026-09-01 * (1) earn shift 1  ; entry:1
    A:B  5 MIN
    C  -5 MIN
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-5 MIN", "-4 MIN"),
        ("    C  -5 MIN\n", ""),
        ("account C\n", ""),
        ("A:B  5 MIN", "A:B 5 MIN"),
        ("5 MIN\n    C", "5 PT\n    C"),
        ("2026-09-01 *", "2026-09-01"),
    ],
)
def test_our_own_reader_takes_nothing_broken(old: str, new: str) -> None:
    assert balances(GOOD) == {"A:B": {"MIN": 5}, "C": {"MIN": -5}}
    with pytest.raises(BadJournal):
        balances(GOOD.replace(old, new, 1))
