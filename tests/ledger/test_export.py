"""The books as strangers read them: our own reader, hledger and beancount come to the same balances as we do."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data, realization

from tests.journal_parser import BadJournal, balances
from tests.ledger.bank import LATER, NOW, Bank, entry, open_bank, transfer
from timebank.ledger import queries, service
from timebank.ledger.export import COMMODITIES, Style, account_name, write_journal

Balances = dict[str, dict[str, int]]
MONTHS = ("2026-09", "2026-10", None)
HLEDGER = shutil.which("hledger")


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
    clearing = service.open_account(
        funded.session, book_id=funded.book_id, code="clearing:XG", kind="clearing", unit="coin"
    )
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
    written = io.StringIO()
    write_journal(bank.session, written, book_id=bank.book_id, month=month, style=style)
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
    assert found["Liabilities:Member:Ann"]["MIN"] == (-255 if month == "2026-09" else -237)


@pytest.mark.parametrize("month", MONTHS)
def test_beancount_agrees(lived: Bank, month: str | None) -> None:
    entries, errors, _ = loader.load_string(journal(lived, month, "beancount"))
    assert errors == []
    found: Balances = {}
    for account in realization.iter_children(realization.realize(entries)):
        amounts = {position.units.currency: int(position.units.number) for position in account.balance}
        found[account.account] = amounts
    assert without_zeros(found) == ours(lived, month)
    numbers = [e.meta["number"] for e in entries if isinstance(e, data.Transaction) and "number" in e.meta]
    assert numbers == ([1, 2, 3, 4, 5] if month == "2026-09" else [1, 2] if month else [1, 2, 3, 4, 5, 1, 2])


@pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed here")
@pytest.mark.parametrize("month", MONTHS)
def test_hledger_agrees(lived: Bank, month: str | None, tmp_path: Path) -> None:
    path = tmp_path / "books.journal"
    path.write_text(journal(lived, month, "hledger"), encoding="utf-8")

    def hledger(*arguments: str) -> str:
        command = [str(HLEDGER), "-f", str(path), *arguments]
        environment = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    hledger("check", "--strict", "ordereddates")
    found: Balances = defaultdict(dict)
    for line in hledger("balance", "--flat", "--no-total", "--layout=bare", "-O", "csv").splitlines()[1:]:
        account, commodity, amount = (cell.strip('"') for cell in line.split(","))
        found[account][commodity] = int(amount)
    assert without_zeros(dict(found)) == ours(lived, month)


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
        ("member", "member:老张", "Liabilities:Member:U8001U5f20"),
        ("member", "member:a b", "Liabilities:Member:AU20b"),
        ("member", "member:-7", "Liabilities:Member:U2d7"),
        ("issuance", "issuance", "Expenses:Issuance"),
        ("redeemed", "redeemed", "Income:Redeemed"),
        ("clearing", "clearing:XG", "Assets:Clearing:XG"),
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
