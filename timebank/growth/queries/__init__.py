"""Reads for the card, the record and the statement."""

from timebank.growth.queries.record import CardView, RecordFilter, get_card, list_record, list_years, minutes_by_day
from timebank.growth.queries.statement import HeldAmount, Line, MyStatement, account_of, get_statement, list_held

__all__ = [
    "CardView",
    "HeldAmount",
    "Line",
    "MyStatement",
    "RecordFilter",
    "account_of",
    "get_card",
    "get_statement",
    "list_held",
    "list_record",
    "list_years",
    "minutes_by_day",
]
