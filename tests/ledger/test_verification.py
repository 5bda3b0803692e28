"""Corrupted copies: the guards of the database are taken away, one thing is changed, and the right check finds it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.ledger.bank import KEYS, LATER, NOW, Bank, entry, open_bank, transfer
from tests.tampering import lift_guards
from timebank.ledger import service, verification
from timebank.ledger.models import Entry, Period, Seal
from timebank.ledger.sealing import seal_row
from timebank.ledger.verification import CHECKS, verify
from timebank.ledger.verification.check import Rows

AUGUST = NOW - timedelta(days=31)


@pytest.fixture
def lived(bank: Bank) -> Bank:
    """Two sealed months and an open one with a hold in each state, a reversal and an inter-branch entry."""
    bank.earn("ann", 300, now=AUGUST, key="august", facts={"活动": "理发"})
    bank.earn("bo", 100, key="september")
    bank.close("2026-08")
    bank.close("2026-09")
    bank.hold("ann", 30, key="open")
    bank.take(bank.hold("ann", 60, key="posted"), "ann", "bo", 50, key="taken")
    service.void_hold(bank.session, bank.hold("ann", 10, key="void"), actor_id=None, now=NOW)
    paid = bank.pay("bo", "chen", 20, key="paid", now=LATER)
    bank.undo(paid.entry_id, key="undone", now=LATER)
    clearing = bank.clearing("XG")
    abroad = entry(bank.book_id, transfer(bank.coins["bo"], clearing, 15), kind="inter_branch", key="abroad")
    other = open_bank(bank.session, "XG")
    mirror = other.clearing("BL")
    home = entry(other.book_id, transfer(mirror, other.coins["ann"], 15), kind="inter_branch", key="abroad:XG")
    service.post_many(bank.session, [abroad, home], now=LATER)
    _owing(bank)
    return bank


def _owing(bank: Bank) -> None:
    """chen was given 40 minutes by mistake and spent 30 of them: two people let it be owed."""
    wrong = bank.earn("chen", 40, key="wrong", now=LATER)
    bank.pay("chen", "bo", 30, key="spent", now=LATER)
    bank.undo(wrong.entry_id, key="owed", actor_id=1, decided_by_id=2, now=LATER)


def of(key: str) -> str:
    return f"(SELECT id FROM entry WHERE key = '{key}')"


BL = "(SELECT id FROM book WHERE code = 'BL')"


def member(name: str) -> str:
    return f"book_id = {BL} AND code = 'member:{name}' AND unit = 'coin'"


def account(name: str) -> str:
    return f"(SELECT id FROM account WHERE {member(name)})"


SEPTEMBER = f"(SELECT id FROM period WHERE month = '2026-09' AND book_id = {BL})"
LAST_BYTE = "CASE substr({0}, length({0})) WHEN '0' THEN '1' ELSE '0' END"


def other_last(column: str) -> str:
    """SQL for a hexadecimal text with another last digit."""
    return f"{column} = substr({column}, 1, length({column}) - 1) || {LAST_BYTE.format(column)}"


CORRUPTIONS = {
    "a running balance": ([f"UPDATE account SET posted_in = posted_in + 1 WHERE {member('ann')}"], {"replay"}),
    "both running figures": (
        [f"UPDATE account SET posted_in = posted_in + 1, posted_out = posted_out + 1 WHERE {member('bo')}"],
        {"replay"},
    ),
    "a held figure": ([f"UPDATE account SET held = held - 1 WHERE {member('ann')}"], {"holds"}),
    "a floor": ([f"UPDATE account SET floor = 10000 WHERE {member('ann')}"], {"floor", "floors"}),
    "an amount": ([f"UPDATE transfer SET amount = 21 WHERE entry_id = {of('abroad')}"], {"keys", "mirrors", "replay"}),
    "an amount of a sealed month": (
        [f"UPDATE transfer SET amount = 301 WHERE entry_id = {of('august')}"],
        {"closings", "keys", "replay", "seals"},
    ),
    "a sealed amount and the balance that gives it away": (
        [
            f"UPDATE transfer SET amount = 301 WHERE entry_id = {of('august')}",
            f"UPDATE account SET posted_in = posted_in + 1 WHERE {member('ann')}",
        ],
        {"closings", "keys", "seals"},
    ),
    "the text of a sealed entry": ([f"UPDATE entry SET facts = '{{}}' WHERE id = {of('august')}"], {"seals"}),
    "the instant of a sealed entry": (
        [f"UPDATE entry SET occurred_at = '2026-08-02 00:00:00.000000' WHERE id = {of('august')}"],
        {"seals"},
    ),
    "a transfer gone": ([f"DELETE FROM transfer WHERE entry_id = {of('abroad')}"], {"complete", "mirrors", "replay"}),
    "an entry gone": ([f"DELETE FROM entry WHERE id = {of('abroad')}"], {"orphans"}),
    "a sealed entry gone with its transfers and its balance": (
        [
            f"DELETE FROM transfer WHERE entry_id = {of('september')}",
            f"DELETE FROM entry WHERE id = {of('september')}",
            f"UPDATE account SET posted_in = posted_in - 100 WHERE {member('bo')}",
        ],
        {"closings", "numbering", "seals"},
    ),
    "a deposit that comes from another unit": (
        [
            "UPDATE transfer SET debit_id = (SELECT id FROM account"
            f" WHERE code = 'issuance' AND unit = 'point' AND book_id = {BL})"
            f" WHERE entry_id = {of('september')}"
        ],
        {"closings", "keys", "orphans", "trial_balance"},
    ),
    "an open hold gone": (["DELETE FROM hold WHERE key = 'open'"], {"holds"}),
    "the end of a hold gone": (["DELETE FROM hold_end WHERE how = 'void'"], {"holds"}),
    "more posted than held": (["UPDATE hold SET amount = 49 WHERE key = 'posted'"], {"hold_ends", "keys"}),
    "another amount posted": (["UPDATE hold_end SET posted_amount = 60 WHERE how = 'post'"], {"hold_ends"}),
    "a posting of another entry": (
        [f"UPDATE hold_end SET entry_id = {of('abroad')} WHERE how = 'post'"],
        {"hold_ends"},
    ),
    "a reversal of another entry": (
        [f"UPDATE entry SET reverses_id = {of('abroad')} WHERE key = 'undone'"],
        {"keys", "reversals"},
    ),
    "a clearing account outside inter-branch": (
        [f"UPDATE entry SET kind = 'gift' WHERE id = {of('abroad')}"],
        {"clearing", "keys"},
    ),
    "an account that converts outside inter-branch": (
        [f"UPDATE account SET kind = 'conversion' WHERE code = 'issuance' AND unit = 'coin' AND book_id = {BL}"],
        {"clearing"},
    ),
    "an entry in a month before it was posted": (
        [f"UPDATE entry SET posted_at = '2027-01-05 00:00:00.000000' WHERE id = {of('abroad')}"],
        {"months"},
    ),
    "a byte of a seal": ([f"UPDATE seal SET {other_last('hash')} WHERE period_id = {SEPTEMBER}"], {"seals"}),
    "a byte of the chain": (
        [f"UPDATE seal SET {other_last('previous_hash')} WHERE period_id = {SEPTEMBER}"],
        {"seals"},
    ),
    "a byte of the signature": (
        [f"UPDATE seal SET {other_last('signature')} WHERE period_id = {SEPTEMBER}"],
        {"seals"},
    ),
    "a signature that is none": ([f"UPDATE seal SET signature = '手写' WHERE period_id = {SEPTEMBER}"], {"seals"}),
    "the count of a seal": ([f"UPDATE seal SET entry_count = 2 WHERE period_id = {SEPTEMBER}"], {"numbering", "seals"}),
    "the totals of a seal": ([f"UPDATE seal SET totals = '{{}}' WHERE period_id = {SEPTEMBER}"], {"seals"}),
    "a seal gone": ([f"DELETE FROM seal WHERE period_id = {SEPTEMBER}"], {"seals"}),
    "a month opened again": (
        [f"UPDATE period SET closed_at = NULL, closed_by_name = NULL WHERE id = {SEPTEMBER}"],
        {"closings", "seals"},
    ),
    "a floor nobody decided on": ([f"UPDATE account SET floor = -50 WHERE {member('bo')}"], {"floors"}),
    "a floor below what two decided": ([f"UPDATE account SET floor = -31 WHERE {member('chen')}"], {"floors"}),
    "a line nobody decided": (
        ["UPDATE account SET resting_floor = -900, floor = -900 WHERE code = 'clearing:XG'"],
        {"lines"},
    ),
    "a floor beside the line": (["UPDATE account SET floor = -900 WHERE code = 'clearing:XG'"], {"lines"}),
    "the decision to let somebody owe": (["DELETE FROM floor_decision"], {"floors"}),
    "a decision about another entry": (
        [f"UPDATE floor_decision SET entry_id = {of('abroad')}"],
        {"floor_decisions"},
    ),
    "a closing figure": (
        [f"UPDATE closing SET posted_in = posted_in + 1 WHERE month = '2026-08' AND account_id = {account('ann')}"],
        {"closings"},
    ),
    "a closing figure gone": (
        [f"DELETE FROM closing WHERE month = '2026-09' AND account_id = {account('bo')}"],
        {"closings"},
    ),
    "a closing figure of a month without movement": (
        [f"UPDATE closing SET month = '2026-08' WHERE month = '2026-09' AND account_id = {account('bo')}"],
        {"closings"},
    ),
    "a gap in the numbers of an entry": (
        [f"UPDATE transfer SET seq = 2 WHERE entry_id = {of('abroad')}"],
        {"numbering"},
    ),
    "the other side of clearing": (
        [f"UPDATE transfer SET amount = 14 WHERE entry_id = {of('abroad:XG')}"],
        {"mirrors"},
    ),
    "the other branch of clearing": (
        ["UPDATE account SET code = 'clearing:ZZ' WHERE code = 'clearing:XG'"],
        {"mirrors"},
    ),
    "facts that are none": ([f"UPDATE entry SET facts = '[]' WHERE id = {of('paid')}"], {"readable"}),
    "the hash beside a key": ([f"UPDATE entry SET {other_last('content_hash')} WHERE id = {of('paid')}"], {"keys"}),
    "the document of an entry": ([f"UPDATE entry SET source_id = 2 WHERE id = {of('paid')}"], {"keys"}),
    "the document of a hold": (["UPDATE hold SET source_id = 2 WHERE key = 'open'"], {"keys"}),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_right_check_finds_it(lived: Bank, name: str) -> None:
    assert lived.findings() == set()
    statements, found = CORRUPTIONS[name]
    lift_guards(lived.session)
    for statement in statements:
        assert lived.session.connection().exec_driver_sql(statement.replace("%", "%%")).rowcount == 1
    assert lived.findings() == found


# What only SQLite lets anybody write; the checks that trip over it say so as well.
UNREADABLE = {
    "an amount in words": (f"UPDATE transfer SET amount = 'viel' WHERE entry_id = {of('august')}", "amount"),
    "an amount in words that nobody sealed": (
        f"UPDATE transfer SET amount = 'viel' WHERE entry_id = {of('paid')}",
        "amount",
    ),
    "half a minute": (f"UPDATE transfer SET amount = 20.5 WHERE entry_id = {of('paid')}", "amount"),
    "an instant in words": (f"UPDATE entry SET posted_at = 'gestern' WHERE id = {of('paid')}", "posted_at"),
    "a day there is not": (f"UPDATE entry SET posted_at = '2026-02-30 00:00:00' WHERE id = {of('paid')}", "posted_at"),
    "a sealed instant that is none": (f"UPDATE entry SET occurred_at = '' WHERE id = {of('august')}", "occurred_at"),
    "facts that end too soon": (f"UPDATE entry SET facts = '{{' WHERE id = {of('august')}", "facts"),
    "a running figure in words": (f"UPDATE account SET posted_in = 'viel' WHERE {member('ann')}", "posted_in"),
    "a kind of account that there is not": (f"UPDATE account SET kind = 'purse' WHERE {member('ann')}", "kind"),
    "a month in words": (f"UPDATE period SET month = 'Oktober' WHERE id = {SEPTEMBER}", "month"),
    "totals that are none": (f"UPDATE seal SET totals = 'null' WHERE period_id = {SEPTEMBER}", "totals"),
    "another end of a hold": ("UPDATE hold_end SET how = 'lost' WHERE how = 'void'", "how"),
    "a decision without an instant": ("UPDATE floor_decision SET decided_at = 0", "decided_at"),
    "a closing figure in words": (
        f"UPDATE closing SET movements = 'eins' WHERE month = '2026-08' AND account_id = {account('ann')}",
        "movements",
    ),
}


@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)  # PostgreSQL keeps the kinds of its columns
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_value_that_cannot_be_read_is_a_finding_and_stops_no_check(lived: Bank, name: str) -> None:
    statement, column = UNREADABLE[name]
    lift_guards(lived.session)
    assert lived.session.connection().exec_driver_sql(statement).rowcount == 1
    lived.session.expire_all()
    checks = verify(lived.session, lived.book_id)
    assert [check.name for check in checks] == [name for name, _, _ in CHECKS]
    [finding] = [finding for check in checks if check.name == "readable" for finding in check.findings]
    assert finding.row.partition(" ")[0] == statement.split()[1]
    assert finding.text.endswith(f"：{column}。")


def test_a_check_that_fails_says_so_and_the_others_go_on(lived: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(session: Session, _book_id: int) -> Rows:
        yield "unit coin", "先找到的一处。"
        session.execute(sa.text("SELECT 1 FROM no_such_table"))

    stumbling = (("stumbles", "会绊倒的", stumble), *CHECKS)
    monkeypatch.setattr(verification, "CHECKS", stumbling)
    first, *others = verify(lived.session, lived.book_id)
    assert [finding.row for finding in first.findings] == ["unit coin", "check stumbles"]
    assert not any(check.findings for check in others)


@pytest.mark.parametrize(
    ("key", "posted", "found"),
    [
        ("abroad", "2026-09-30", set()),
        ("abroad", "2026-08-31", set()),
        ("abroad", "2026-07-31", {"months"}),
        ("abroad", "2026-11-01", {"months"}),
        ("august", "2026-07-31", {"months", "seals"}),
        ("september", "2026-08-31", {"seals"}),
    ],
)
def test_an_entry_of_old_may_stand_in_the_month_after_those_closed_when_it_was_posted(
    lived: Bank, key: str, posted: str, found: set[str]
) -> None:
    lift_guards(lived.session)
    at = datetime.fromisoformat(f"{posted} 03:00:00+00:00")
    lived.session.execute(sa.update(Entry).where(Entry.key == key).values(posted_at=at))
    assert lived.findings() == found


def test_every_check_has_been_seen_to_find_something() -> None:
    assert set().union(*(found for _, found in CORRUPTIONS.values())) == {name for name, _, _ in CHECKS}


def test_a_finding_names_its_row_and_says_what_is_wrong(lived: Bank) -> None:
    lift_guards(lived.session)
    lived.session.execute(sa.text(f"UPDATE account SET posted_in = posted_in + 1 WHERE {member('ann')}"))
    [finding] = [finding for check in verify(lived.session, lived.book_id) for finding in check.findings]
    assert (finding.check, finding.row) == ("replay", "account member:ann/coin")
    assert finding.text == "账户记着转入 301、转出 50，逐笔重算是转入 300、转出 50。"


def test_another_book_is_not_to_blame(lived: Bank) -> None:
    other = open_bank(lived.session, "CX")
    other.earn("chen", 60)
    lift_guards(lived.session)
    lived.session.execute(sa.text(f"UPDATE account SET posted_in = posted_in + 1 WHERE {member('ann')}"))
    assert (lived.findings(), other.findings()) == ({"replay"}, set())


def test_some_checks_can_be_asked_for_by_name(lived: Bank) -> None:
    assert [check.name for check in verify(lived.session, lived.book_id, only=["seals", "replay"])] == [
        "replay",
        "seals",
    ]


def test_a_seal_made_anew_over_changed_books_breaks_the_chain(lived: Bank) -> None:
    """Who can write the tables and has the key can seal one month again, but not the months after it unseen."""
    lift_guards(lived.session)
    session = lived.session
    session.execute(sa.text(f"UPDATE entry SET facts = '{{}}' WHERE id = {of('august')}"))
    session.execute(sa.text("DELETE FROM seal WHERE period_id = (SELECT id FROM period WHERE month = '2026-08')"))
    august = session.scalars(sa.select(Period).where(Period.month == "2026-08")).one()
    session.expire_all()
    session.execute(sa.insert(Seal).values(seal_row(session, august, None, keys=KEYS, now=LATER)))
    [finding] = [finding for check in verify(session, lived.book_id) for finding in check.findings]
    assert (finding.row, finding.text) == ("period 2026-09", "封签没有接上前一个月的封签。")
