"""Reads of the books for pages, reports and packages."""

from timebank.ledger.queries.accounts import (
    AccountFilter,
    AccountView,
    find_house_account,
    get_account,
    get_hold,
    list_accounts,
    list_open_holds,
    outstanding,
    page_accounts,
)
from timebank.ledger.queries.ageing import purses_with
from timebank.ledger.queries.circulation import REDEEM, SERVE
from timebank.ledger.queries.corrected import list_corrected
from timebank.ledger.queries.earnings import (
    Issued,
    MonthEntry,
    Standing,
    balances_of,
    book_figures,
    expired_so_far,
    issued_by_source,
    issued_to,
    list_issued,
    list_month,
    list_placed,
    list_standing,
    taken_keys,
)
from timebank.ledger.queries.entries import EntryView, get_entry, list_entries, list_entry_ids, reasons_of, undone_of
from timebank.ledger.queries.figures import Figures, balance, figures_at
from timebank.ledger.queries.periods import (
    PeriodView,
    closed_months,
    find_period,
    list_known_months,
    list_periods,
    months_to_close,
)
from timebank.ledger.queries.seals import SealView, SigningKey, find_seal, list_signing_keys
from timebank.ledger.queries.statements import StatementLine, StatementPage, statement
from timebank.ledger.queries.trial import Movement, TrialRow, movements, trial_balance

__all__ = [
    "REDEEM",
    "SERVE",
    "AccountFilter",
    "AccountView",
    "EntryView",
    "Figures",
    "Issued",
    "MonthEntry",
    "Movement",
    "PeriodView",
    "SealView",
    "SigningKey",
    "Standing",
    "StatementLine",
    "StatementPage",
    "TrialRow",
    "balance",
    "balances_of",
    "book_figures",
    "closed_months",
    "expired_so_far",
    "figures_at",
    "find_house_account",
    "find_period",
    "find_seal",
    "get_account",
    "get_entry",
    "get_hold",
    "issued_by_source",
    "issued_to",
    "list_accounts",
    "list_corrected",
    "list_entries",
    "list_entry_ids",
    "list_issued",
    "list_known_months",
    "list_month",
    "list_open_holds",
    "list_periods",
    "list_placed",
    "list_signing_keys",
    "list_standing",
    "months_to_close",
    "movements",
    "outstanding",
    "page_accounts",
    "purses_with",
    "reasons_of",
    "statement",
    "taken_keys",
    "trial_balance",
    "undone_of",
]
