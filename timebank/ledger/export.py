"""The books as plain-text accounting, so that hledger and beancount can confirm them without us.

A transfer becomes two postings: the debit account with a positive amount, the credit account with the same amount
negative. So what a member has shows as a negative (credit) balance of a liability, as in any bank's books. Commodities:
``MIN`` minutes of service time (60 = 1 爱心币), ``PT`` points. A range that does not begin with the first entry
starts with one entry of opening balances against ``Equity:Opening``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, TextIO

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from timebank.core.clock import local, month_range
from timebank.ledger.models import ADJUSTMENT, EXPIRED, FUND, ISSUANCE, MEMBER, REDEEMED, Book, Period
from timebank.ledger.queries.trial import TrialRow, trial_balance
from timebank.ledger.sealing import Line, period_rows

Style = Literal["hledger", "beancount"]
COMMODITIES = {"coin": "MIN", "point": "PT"}
_PARENTS = {
    MEMBER: "Liabilities",
    FUND: "Liabilities",
    ISSUANCE: "Expenses",
    REDEEMED: "Income",
    EXPIRED: "Income",
    ADJUSTMENT: "Equity",
}
_OPENING = "Equity:Opening"


def account_name(kind: str, code: str) -> str:
    """A name both programs accept: letters, digits and hyphens, each part starting with a capital or a digit.

    Other characters are written as their code point, ``U5f20``, so that two accounts never become one.
    """
    parts = [re.sub(r"[^A-Za-z0-9-]|^-", lambda found: f"U{ord(found[0]):x}", part) for part in code.split(":")]
    named = ":".join(part[:1].upper() + part[1:] for part in parts)
    return f"{_PARENTS.get(kind, 'Assets')}:{named}"


class Journal:
    """A journal written entry by entry, for whoever reads the entries anyway; the head is written at once.

    Only accounts that were moved by then appear: the journal of a closed month is the same whenever it is written.
    """

    def __init__(
        self, out: TextIO, *, code: str, style: Style, balances: list[TrialRow], first: str | None, opening: bool
    ) -> None:
        """``first`` is the month it begins with; with ``opening``, balances brought forward are written first."""
        self._out, self._style = out, style
        self._names = {(row.code, row.unit): account_name(row.kind, row.code) for row in balances}
        for line in _header(code, sorted({*self._names.values(), _OPENING}), style, first):
            out.write(line + "\n")
        if opening and first is not None:
            for line in _opening([row for row in balances if row.opening], first, style):
                out.write(line + "\n")

    def add(self, entry: Row[*tuple[Any, ...]], transfers: list[Line], *, month: str, number: int) -> None:
        """Write one entry: a row of ``period_rows`` with its month and number."""
        self._out.write(f"\n{_title(entry, month, number, self._style)}\n")
        for _, unit, debit, credit, amount in transfers:
            names = self._names[debit, unit], self._names[credit, unit]
            self._out.write(_postings(*names, amount, COMMODITIES[unit]))


def write_journal(session: Session, out: TextIO, *, book_id: int, month: str | None, style: Style) -> None:
    """Write a book's journal, whole or of one month, to ``out``. Rows are read in small batches."""
    periods = session.scalars(select(Period).where(Period.book_id == book_id).order_by(Period.month)).all()
    journal = Journal(
        out,
        code=session.get_one(Book, book_id).code,
        style=style,
        balances=trial_balance(session, book_id, month=month),
        first=month or (periods[0].month if periods else None),
        opening=month is not None,
    )
    for period in periods:
        if month is None or period.month == month:
            for number, (entry, transfers) in enumerate(period_rows(session, period.id), start=1):
                journal.add(entry, transfers, month=period.month, number=number)


def _header(code: str, names: list[str], style: Style, month: str | None) -> Iterator[str]:
    yield f"; {code} · 1 MIN = 1 minute of service time, 60 MIN = 1 coin · 1 PT = 1 point"
    if style == "hledger":
        yield from ("commodity 1000. MIN", "commodity 1000. PT")  # hledger wants the decimal mark
        yield from (f"account {name}" for name in names)
        return
    opened = f"{month}-01" if month else "2000-01-01"
    yield f'option "title" "{code}"'
    yield from (f"{opened} commodity {commodity}" for commodity in COMMODITIES.values())
    yield from (f"{opened} open {name}" for name in names)


def _opening(rows: list[TrialRow], month: str, style: Style) -> Iterator[str]:
    if not rows:
        return
    day = local(month_range(month)[0]).date().isoformat()
    yield ""
    yield f"{day} * opening balances" if style == "hledger" else f'{day} * "opening balances"'
    for row in rows:
        yield f"    {account_name(row.kind, row.code)}  {-row.opening} {COMMODITIES[row.unit]}"
    for unit, commodity in COMMODITIES.items():
        if total := sum(row.opening for row in rows if row.unit == unit):
            yield f"    {_OPENING}  {total} {commodity}"


def _title(entry: Row[*tuple[Any, ...]], month: str, number: int, style: Style) -> str:
    # The day falls into the month the entry is booked in, also when it was posted while an earlier one was closed.
    day = max(local(entry.posted_at).date().isoformat(), f"{month}-01")
    words = f"{entry.kind} {entry.source_type} {entry.source_id or ''}".strip()
    if style == "hledger":
        return f"{day} * ({number}) {words}  ; entry:{entry.id}"
    return f'{day} * "{words}" ^entry-{entry.id}\n    number: {number}'


def _postings(debit: str, credit: str, amount: int, commodity: str) -> str:
    return f"    {debit}  {amount} {commodity}\n    {credit}  {-amount} {commodity}\n"
