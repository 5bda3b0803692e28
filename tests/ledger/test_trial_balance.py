"""The trial balance sums to zero, month by month and over all, and knows of no other book."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.ledger.bank import LATER, NOW, Bank, entry, open_bank, transfer
from timebank.ledger import queries, service
from timebank.ledger.queries import TrialRow


@pytest.fixture
def lived(funded: Bank) -> Bank:
    """Two months, both units, and another branch that is not to be seen."""
    point = transfer(funded.house("issuance", "point"), funded.points["ann"], 12, "point")
    service.post(funded.session, entry(funded.book_id, point, kind="earn_points"), now=NOW)
    funded.pay("ann", "bo", 45, now=LATER)
    funded.earn("ann", 30, now=LATER)
    open_bank(funded.session, "XG").earn("ann", 999)
    return funded


def rows(bank: Bank, month: str | None = None) -> dict[tuple[str, str], TrialRow]:
    found = queries.trial_balance(bank.session, bank.book_id, month=month)
    sums: Counter[str] = Counter()
    for row in found:
        sums[row.unit] += row.closing
    assert not any(sums.values())
    return {(row.code, row.unit): row for row in found}


def figures(row: TrialRow) -> tuple[int, int, int, int]:
    return row.opening, row.debited, row.credited, row.closing


def test_over_all_time(lived: Bank) -> None:
    found = rows(lived)
    assert {key: figures(row) for key, row in found.items()} == {
        ("issuance", "coin"): (0, 430, 0, -430),
        ("member:ann", "coin"): (0, 45, 330, 285),
        ("member:bo", "coin"): (0, 0, 145, 145),
        ("issuance", "point"): (0, 12, 0, -12),
        ("member:ann", "point"): (0, 0, 12, 12),
    }


def test_a_month_opens_with_what_the_one_before_closed_with(lived: Bank) -> None:
    september, october = rows(lived, "2026-09"), rows(lived, "2026-10")
    assert figures(september["member:ann", "coin"]) == (0, 0, 300, 300)
    assert figures(october["member:ann", "coin"]) == (300, 45, 30, 285)
    assert figures(october["member:ann", "point"]) == (12, 0, 0, 12)
    assert {key: row.closing for key, row in september.items()} == {key: row.opening for key, row in october.items()}


def test_a_month_before_the_first_is_empty(lived: Bank) -> None:
    assert rows(lived, "2026-08") == {}


def test_statement_trial_balance_and_running_figures_agree(lived: Bank) -> None:
    for account in queries.list_accounts(lived.session, lived.book_id):
        row = rows(lived).get((account.code, account.unit))
        closing = row.closing if row else 0
        assert queries.statement(lived.session, account.id).closing == closing
        assert account.balance == (closing if account.runs else 0)


def test_movements_of_a_month_by_kind_of_entry(lived: Bank) -> None:
    moved = {
        (m.account_id, m.kind): (m.unit, m.credited, m.debited)
        for m in queries.movements(lived.session, lived.book_id, "2026-10")
    }
    assert moved == {
        (lived.coins["ann"], "redeem"): ("coin", 0, 45),
        (lived.coins["bo"], "redeem"): ("coin", 45, 0),
        (lived.coins["ann"], "earn"): ("coin", 30, 0),
        (lived.issuance, "earn"): ("coin", 0, 30),
    }
