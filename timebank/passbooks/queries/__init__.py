"""Reads: a month's statement, and the lines of a passbook."""

from timebank.passbooks.queries.lines import (
    PassbookRow,
    Standing,
    find_print_by_key,
    get_print,
    list_movements,
    list_places,
    list_prints,
    rows_of,
    standing_of,
)
from timebank.passbooks.queries.months import (
    MonthStatement,
    Unit,
    get_month,
    is_closed,
    latest_closed,
    list_statement_months,
)

__all__ = [
    "MonthStatement",
    "PassbookRow",
    "Standing",
    "Unit",
    "find_print_by_key",
    "get_month",
    "get_print",
    "is_closed",
    "latest_closed",
    "list_movements",
    "list_places",
    "list_prints",
    "list_statement_months",
    "rows_of",
    "standing_of",
]
