"""The books as plain-text accounting, so that hledger and beancount can confirm them without us.

A transfer becomes two postings: the debit account with a positive amount, the credit account with the same amount
negative. So what a member has shows as a negative (credit) balance of a liability, as in any bank's books. Commodities:
``MIN`` minutes of service time (60 = 1 爱心币), ``PT`` points. A range that does not begin with the first entry
starts with one entry of opening balances against ``Equity:Opening``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal, TextIO

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from timebank.core.clock import instant, local, month_of, month_range
from timebank.ledger.models import (
    ADJUSTMENT,
    EXPIRED,
    FUND,
    GIVEAWAY,
    ISSUANCE,
    MEMBER,
    REDEEMED,
    Book,
    Period,
)
from timebank.ledger.queries.trial import TrialRow, balances_between
from timebank.ledger.sealing import Line, period_rows

Style = Literal["hledger", "beancount"]
COMMODITIES = {"coin": "MIN", "point": "PT"}
_PARENTS = {
    MEMBER: "Liabilities",
    GIVEAWAY: "Liabilities",
    FUND: "Liabilities",
    ISSUANCE: "Expenses",
    REDEEMED: "Income",
    EXPIRED: "Income",
    ADJUSTMENT: "Equity",
}
_OPENING = "Equity:Opening"
_PIECE: Final = 1 << 16  # characters handed on at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """Calendar days in Asia/Shanghai, both included; None leaves that end open."""

    first: date | None = None
    last: date | None = None

    @property
    def start(self) -> datetime | None:
        """The instant at which they begin."""
        return instant(self.first, time()) if self.first else None

    @property
    def end(self) -> datetime | None:
        """The instant at which they are over."""
        return instant(self.last + timedelta(days=1), time()) if self.last else None


def month_days(month: str) -> Days:
    """The days of a calendar month ``YYYY-MM``."""
    start, end = month_range(month)
    return Days(first=local(start).date(), last=local(end).date() - timedelta(days=1))


def account_name(kind: str, code: str) -> str:
    """A name both programs accept: letters, digits and hyphens, each part starting with a capital or a digit.

    No two accounts share one. The first part of a code is a word in small letters and gets a capital; whatever else is
    no plain character is written as its code point in six digits, ``U005f20``, and so is the ``U`` that could be
    mistaken for that.
    """
    first, *others = code.split(":")
    named = ":".join([_first_part(first), *(_part(part) for part in others)])
    whole = f"{_PARENTS.get(kind, 'Assets')}:{named}"
    return whole if whole != _OPENING else f"{_PARENTS[kind]}:{_code_point(first[0])}{_escaped(first[1:])}"


def _first_part(part: str) -> str:
    if re.match("[a-tv-z]", part):
        return part[0].upper() + _escaped(part[1:])
    return _part(part, "[0-9]")


def _part(part: str, plain: str = "[A-TV-Z0-9]") -> str:
    """A part whose first character stands as it is where it is plain; an empty part is a bare ``U``."""
    if not part:
        return "U"
    head = part[0] if re.match(plain, part) else _code_point(part[0])
    return head + _escaped(part[1:])


def _escaped(text: str) -> str:
    return re.sub(r"[^A-TV-Za-z0-9-]", lambda found: _code_point(found[0]), text)


def _code_point(character: str) -> str:
    return f"U{ord(character):06x}"


class Journal:
    """A journal written entry by entry, for whoever reads the entries anyway; the head is written at once.

    Only accounts that were moved by then appear: the journal of a closed month is the same whenever it is written.
    """

    def __init__(
        self, out: TextIO, *, code: str, style: Style, balances: list[TrialRow], first: str | None, opening: bool
    ) -> None:
        """``first`` is the month or day it begins with; with ``opening``, what was brought forward is written first."""
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


def write_journal(session: Session, out: TextIO, *, book_id: int, style: Style, days: Days | None = None) -> None:
    """Write a book's journal, whole or of some days, to ``out``. Rows are read in small batches."""
    for piece in journal_pieces(session, book_id=book_id, style=style, days=days):
        out.write(piece)


def journal_pieces(session: Session, *, book_id: int, style: Style, days: Days | None = None) -> Iterator[str]:
    """A book's journal in pieces of some kilobytes. The session should see one unchanging view (``snapshot``)."""
    days = days or Days()
    periods = session.scalars(select(Period).where(Period.book_id == book_id).order_by(Period.month)).all()
    out = io.StringIO()
    first = days.first.isoformat() if days.first else periods[0].month if periods else None
    journal = Journal(
        out,
        code=session.get_one(Book, book_id).code,
        style=style,
        balances=balances_between(session, book_id, days.start, days.end),
        first=first,
        opening=days.first is not None,
    )
    for period in periods:
        if _touches(period.month, days):
            for number, (entry, transfers) in enumerate(period_rows(session, period.id), start=1):
                if _within(entry.posted_at, days):
                    journal.add(entry, transfers, month=period.month, number=number)
                if out.tell() >= _PIECE:
                    yield _taken(out)
    yield _taken(out)


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text


def _touches(month: str, days: Days) -> bool:
    after_start = days.start is None or month >= month_of(days.start)
    return after_start and (days.last is None or month <= days.last.isoformat()[:7])


def _within(at: datetime, days: Days) -> bool:
    return (days.start is None or at >= days.start) and (days.end is None or at < days.end)


def _header(code: str, names: list[str], style: Style, first: str | None) -> Iterator[str]:
    yield f"; {code} · 1 MIN = 1 minute of service time, 60 MIN = 1 coin · 1 PT = 1 point"
    if style == "hledger":
        yield from ("commodity 1000. MIN", "commodity 1000. PT")  # hledger wants the decimal mark
        yield from (f"account {name}" for name in names)
        return
    opened = _day(first) if first else "2000-01-01"
    yield f'option "title" "{code}"'
    yield from (f"{opened} commodity {commodity}" for commodity in COMMODITIES.values())
    yield from (f"{opened} open {name}" for name in names)


def _day(first: str) -> str:
    """The first day of a month, or a day itself."""
    return f"{first}-01" if len(first) == len("2026-09") else first


def _opening(rows: list[TrialRow], first: str, style: Style) -> Iterator[str]:
    if not rows:
        return
    day = _day(first)
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
