"""Opening many accounts in a few statements."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from timebank.ledger.queries import get_account
from timebank.ledger.service import open_account, open_accounts, open_book


def test_many_accounts_are_opened_and_found_again(session: Session) -> None:
    book = open_book(session, code="T1")
    first = open_account(session, book_id=book, code="member:0", kind="member", unit="coin")
    names = [f"member:{n}" for n in range(1200)]

    opened = open_accounts(session, book_id=book, codes=names, kind="member", unit="coin")

    assert set(opened) == set(names)
    assert opened["member:0"] == first
    assert len(set(opened.values())) == len(names)
    assert open_accounts(session, book_id=book, codes=names, kind="member", unit="coin") == opened
    points = open_accounts(session, book_id=book, codes=names[:2], kind="member", unit="point")
    assert not set(points.values()) & set(opened.values())
    account = get_account(session, opened["member:7"])
    assert (account.kind, account.unit, account.runs, account.balance) == ("member", "coin", True, 0)


def test_opening_none_opens_none(session: Session) -> None:
    book = open_book(session, code="T2")
    assert open_accounts(session, book_id=book, codes=[], kind="member", unit="coin") == {}


@pytest.mark.parametrize("names", [["member:1", "member:1"]])
def test_a_code_named_twice_is_one_account(session: Session, names: list[str]) -> None:
    book = open_book(session, code="T3")
    assert len(open_accounts(session, book_id=book, codes=names, kind="member", unit="coin")) == 1
