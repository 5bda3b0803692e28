"""How coins came into being and were used, month by month, corrections taken off where they were booked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Subquery, case, func, select
from sqlalchemy.orm import Session, aliased

from timebank.ledger.models import COIN, ISSUANCE, REDEEMED, Account, Entry, Period, Transfer
from timebank.ledger.queries.ageing import HOLDING_KINDS

REDEEM = "redeem"  # the kind of an entry that fulfils an order
SERVE = "serve"  # … and of one by which a service that was asked for is paid from coins set aside


@dataclass(kw_only=True, slots=True)
class MonthFlow:
    """A month of a book, in minutes: by how much the coins outstanding grew, and what was redeemed.

    ``goods`` ended in the account for goods; ``services`` went from who was served to who served, and stay outstanding.
    """

    month: str
    growth: int = 0
    goods: int = 0
    services: int = 0


def month_flows(session: Session, book_id: int, *, since: str) -> dict[str, MonthFlow]:
    """The months from ``since`` on in which coins moved. One statement over the rows of these months."""
    flows: dict[str, MonthFlow] = {}
    for month, payer, taker, kind, undoes, summed in session.execute(_by_kind(book_id, since)):
        flow, amount = flows.setdefault(month, MonthFlow(month=month)), int(summed)
        flow.growth += amount * ((taker in HOLDING_KINDS) - (payer in HOLDING_KINDS))
        flow.goods += amount * ((taker == REDEEMED) - (payer == REDEEMED))
        if kind in {REDEEM, SERVE} and payer in HOLDING_KINDS and taker in HOLDING_KINDS:
            flow.services += -amount if undoes else amount
    return flows


def _by_kind(book_id: int, since: str) -> Select[*tuple[Any, ...]]:
    """Sums by month, kinds of the two accounts, and kind of entry (a reversal: the kind of what it undoes)."""
    payer, taker, undone = aliased(Account), aliased(Account), aliased(Entry)
    kind, undoes = func.coalesce(undone.kind, Entry.kind), Entry.reverses_id.is_not(None)
    return (
        select(Period.month, payer.kind, taker.kind, kind, undoes, func.sum(Transfer.amount))
        .select_from(Period)
        .join(Entry, Entry.period_id == Period.id)
        .join(Transfer, Transfer.entry_id == Entry.id)
        .outerjoin(undone, undone.id == Entry.reverses_id)
        .join(payer, payer.id == Transfer.debit_id)
        .join(taker, taker.id == Transfer.credit_id)
        .where(Period.book_id == book_id, Period.month >= since, Transfer.unit == COIN)
        .group_by(Period.month, payer.kind, taker.kind, kind, undoes)
    )


def issued_rows(book_id: int, *, first: str, last: str) -> Subquery:
    """What left the issuance account in some months, to join documents to: month, source_type, source_id, amount.

    A reversal carries the document of what it reverses, and counts against it in the month in which it was booked.
    """
    issuing = aliased(Account)
    amount = case((Transfer.debit_id == issuing.id, Transfer.amount), else_=-Transfer.amount)
    return (
        select(Period.month, Entry.source_type, Entry.source_id, amount.label("amount"))
        .select_from(issuing)
        .join(Transfer, (Transfer.debit_id == issuing.id) | (Transfer.credit_id == issuing.id))
        .join(Entry, Entry.id == Transfer.entry_id)
        .join(Period, Period.id == Transfer.period_id)
        .where(issuing.book_id == book_id, issuing.kind == ISSUANCE, issuing.unit == COIN)
        .where(Period.month >= first, Period.month <= last)
        .subquery("issued")
    )
