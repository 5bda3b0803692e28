"""Months: where a posting goes, closing in order, the seal and its chain."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.ledger.bank import LATER, NOW, Bank, open_bank
from tests.tampering import lift_guards
from timebank.ledger import queries, service
from timebank.ledger.service import Posted

FIRST_OF_OCTOBER = datetime(2026, 9, 30, 16, tzinfo=UTC)  # midnight in Shanghai
TICK = timedelta(microseconds=1)


def month_of(bank: Bank, posted: Posted) -> str:
    return queries.get_entry(bank.session, posted.entry_id).month


def test_the_month_is_that_of_the_wall_clock_in_shanghai(bank: Bank) -> None:
    assert month_of(bank, bank.earn("ann", now=FIRST_OF_OCTOBER - TICK)) == "2026-09"
    assert month_of(bank, bank.earn("ann", now=FIRST_OF_OCTOBER)) == "2026-10"


def test_a_late_fact_goes_to_the_month_it_is_posted_in(bank: Bank) -> None:
    bank.earn("ann")
    posted = bank.earn("ann", now=LATER, occurred_at=NOW)
    seen = queries.get_entry(bank.session, posted.entry_id)
    assert (seen.month, seen.occurred_at, seen.posted_at) == ("2026-10", NOW, LATER)


def test_posting_into_a_closed_month_takes_the_next_open_one(bank: Bank) -> None:
    bank.earn("ann")
    bank.close("2026-09")
    bank.close("2026-10", now=datetime(2026, 11, 2, tzinfo=UTC))
    assert month_of(bank, bank.earn("ann", now=NOW)) == "2026-11"  # a clock that runs behind
    assert bank.findings() == set()


def test_a_clock_that_runs_far_behind_opens_no_month_before_a_closed_one(bank: Bank) -> None:
    bank.earn("ann")
    bank.close()
    assert month_of(bank, bank.earn("ann", now=NOW - timedelta(days=200))) == "2026-10"
    assert queries.months_to_close(bank.session, bank.book_id, now=LATER) == []


def test_a_month_closes_only_when_it_is_over(bank: Bank) -> None:
    with pytest.raises(service.MonthNotOver, match="2026-09"):
        bank.close(now=FIRST_OF_OCTOBER - TICK)
    bank.close(now=FIRST_OF_OCTOBER)


def test_months_close_one_after_another(bank: Bank) -> None:
    bank.earn("ann", now=NOW - timedelta(days=31))
    bank.earn("ann")
    with pytest.raises(service.EarlierMonthOpen, match="2026-08"), bank.session.begin_nested():
        bank.close("2026-09")
    bank.close("2026-08")
    bank.close("2026-09")
    assert queries.closed_months(bank.session, bank.book_id) == ["2026-08", "2026-09"]


def test_months_without_entries_are_closed_too(bank: Bank) -> None:
    november = datetime(2026, 11, 2, tzinfo=UTC)
    bank.earn("ann", now=NOW - timedelta(days=31))
    bank.close("2026-08")
    bank.earn("ann", now=datetime(2026, 10, 2, tzinfo=UTC))
    assert queries.months_to_close(bank.session, bank.book_id, now=november) == ["2026-09", "2026-10"]
    with pytest.raises(service.EarlierMonthOpen, match="2026-09"), bank.session.begin_nested():
        bank.close("2026-10", now=november)
    empty = bank.close("2026-09", now=november)
    assert (empty.entry_count, empty.transfer_count, empty.totals) == (0, 0, {})
    bank.close("2026-10", now=november)
    assert bank.findings() == set()


def test_no_seal_is_put_in_before_another(bank: Bank) -> None:
    bank.earn("ann")
    bank.close("2026-09")
    with pytest.raises(service.LaterMonthClosed, match="2026-09"), bank.session.begin_nested():
        bank.close("2026-08")


def test_closing_again_gives_the_same_seal(bank: Bank) -> None:
    bank.earn("ann")
    first = bank.close()
    kept = (first.hash, first.signature, first.sealed_at)
    again = bank.close(now=LATER + timedelta(days=9))
    assert (again.hash, again.signature, again.sealed_at) == kept


def test_a_seal_says_what_is_in_the_month(funded: Bank) -> None:
    funded.pay("ann", "bo", 45)
    funded.earn("ann", 7, now=LATER)
    seal = funded.close()
    assert (seal.entry_count, seal.transfer_count, seal.totals) == (3, 3, {"coin": 445})
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal.public_key))
    key.verify(bytes.fromhex(seal.signature), bytes.fromhex(seal.hash))
    view = queries.list_periods(funded.session, funded.book_id)[1]
    assert queries.find_period(funded.session, funded.book_id, "2026-09") == view
    assert queries.find_period(funded.session, funded.book_id, "2025-09") is None
    assert (view.month, view.entries, view.closed_by, view.closed_at) == ("2026-09", 3, "系统", LATER)


def test_the_entries_of_a_closed_month_are_as_many_as_its_seal_says(funded: Bank) -> None:
    funded.close()
    lift_guards(funded.session)
    funded.session.execute(sa.text("UPDATE seal SET entry_count = 7"))
    funded.earn("ann", now=LATER)
    assert [view.entries for view in queries.list_periods(funded.session, funded.book_id)] == [1, 7]


def test_seals_chain(bank: Bank) -> None:
    bank.earn("ann", now=NOW - timedelta(days=31))
    bank.earn("ann")
    first, second = bank.close("2026-08"), bank.close("2026-09")
    assert (first.previous_hash, second.previous_hash) == (None, first.hash)


def test_a_seal_can_be_recomputed_from_what_is_written_down(bank: Bank) -> None:
    """Byte by byte, so that a change of the form is seen: sealed months could no longer be verified."""
    bank.earn("ann", 60, key="shift:1", facts={"活动": "理发"})
    assert bank.close().hash == hashlib.sha256(
        b'["timebank-seal-1","BL","2026-09",null]\n'
        + '[1,"earn","shift:1","test",1,null,null,"2026-09-15T02:00:00.000000Z","2026-09-15T02:00:00.000000Z",'
          'null,null,{"活动":"理发"},[[1,"coin","issuance","member:ann",60]]]\n'.encode()
    ).hexdigest()  # fmt: skip


def test_each_book_closes_by_itself(bank: Bank) -> None:
    other = open_bank(bank.session, "XG")
    for each in (bank, other):
        each.earn("ann", key="same")
    seals = bank.close(), other.close()
    assert seals[0].hash != seals[1].hash
    assert other.findings() == set()


def test_the_first_month_of_accounts_is_that_of_the_first_movement_to_or_from_any(bank: Bank) -> None:
    bank.earn("ann", now=NOW - timedelta(days=31))
    bank.earn("bo")
    bank.pay("ann", "chen", now=LATER)
    ann, bo, chen = (bank.coins[name] for name in ("ann", "bo", "chen"))
    firsts = [queries.first_month(bank.session, some) for some in ([ann, chen], [bo, chen], [chen])]
    assert firsts == ["2026-08", "2026-09", "2026-10"]
    assert queries.first_month(bank.session, [bank.points["ann"]]) is None
