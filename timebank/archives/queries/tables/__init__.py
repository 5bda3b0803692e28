"""The rows of the package's tables, streamed as plain tuples in the order of ``archives.rules``; people as number and
masked name only.

Which rows there are and every number in them is fixed by the close: service records come in through their sealed
entries, orders with the state they had when the month ended. Names of people, titles and places are read as they stand
now; where one was changed meanwhile, a package made again differs and becomes a further version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from timebank.archives.queries.tables.attendance import activity_rows, attendance_rows
from timebank.archives.queries.tables.booked import (
    BookedCorrection,
    EntryNumbers,
    list_booked_corrections,
    numbers_of,
    service_lines,
)
from timebank.archives.queries.tables.members import Members, list_member_rows
from timebank.archives.queries.tables.orders import order_rows
from timebank.ledger.queries import TrialRow

__all__ = [
    "BookedCorrection",
    "EntryNumbers",
    "Members",
    "activity_rows",
    "attendance_rows",
    "list_booked_corrections",
    "list_member_rows",
    "numbers_of",
    "order_rows",
    "service_lines",
    "trial_rows",
]


def trial_rows(balances: Sequence[TrialRow]) -> Iterator[tuple[Any, ...]]:
    """The trial balance, account by account. Closing = opening + credit − debit; each unit's closings sum to zero."""
    for row in balances:
        yield (row.unit, row.code, row.kind, row.opening, row.debited, row.credited, row.closing)
