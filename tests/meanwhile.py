"""Somebody else books while a page is being read: not by luck, but right after a statement that is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.ledger.bank import entry, transfer
from timebank.core import clock
from timebank.core.db import db
from timebank.ledger import queries as ledger
from timebank.ledger.service import post


@contextmanager
def booked_between(app: Flask, branch_id: int, account_id: int, after: str) -> Iterator[list[int]]:
    """Somebody else books an hour right after the first statement in which ``after`` stands."""
    booked: list[int] = []

    def book(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if after not in statement or booked:
            return
        booked.append(0)
        with Session(db.engine) as other:
            moved = transfer(ledger.find_house_account(other, branch_id, "issuance"), account_id, 60)
            booked[0] = post(other, entry(branch_id, moved, source_type="import"), now=clock.now()).entry_id
            other.commit()

    with app.app_context():
        event.listen(db.engine, "after_cursor_execute", book)
    try:
        yield booked
    finally:
        with app.app_context():
            event.remove(db.engine, "after_cursor_execute", book)
