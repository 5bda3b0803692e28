"""Reads of some months go along the index of entries by month; they do not pass over every transfer there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.ledger.bank import LATER, NOW, Bank
from timebank.ledger import queries
from timebank.ledger.queries.circulation import month_flows

READS: dict[str, Callable[[Session, int], Any]] = {
    "the flow of coins": lambda session, book_id: month_flows(session, book_id, since="2026-10"),
    "a month's entries": lambda session, book_id: queries.list_month(session, book_id, "2026-10"),
    "a month's movements": lambda session, book_id: list(queries.movements(session, book_id, "2026-10")),
    "the figures at an instant": lambda session, book_id: queries.book_figures(session, book_id, LATER),
    "the figures of some accounts": lambda session, book_id: queries.book_figures(
        session, book_id, NOW, account_ids=[1]
    ),
}


@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", READS)
def test_no_read_of_a_month_passes_over_every_transfer(funded: Bank, name: str) -> None:
    asked: list[tuple[str, Any]] = []
    connection = funded.session.connection()
    funded.session.flush()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_others: Any) -> None:
        asked.append((statement, parameters))

    sa.event.listen(connection, "after_cursor_execute", note)
    READS[name](funded.session, funded.book_id)
    sa.event.remove(connection, "after_cursor_execute", note)
    touching = [(statement, parameters) for statement, parameters in asked if "transfer" in statement]
    assert touching
    for statement, parameters in touching:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        assert not [step.detail for step in plan if step.detail.startswith("SCAN transfer")]
