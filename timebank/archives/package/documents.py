"""Whether the documents that a month's entries name are there: the record, the order, the gift behind an entry."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from timebank.attendance.models import Attendance
from timebank.attendance.queries import SOURCE
from timebank.clearing.models import Netting, ParkedPayment
from timebank.corrections.models import Correction
from timebank.exchange.models import Order
from timebank.giving.models import FundGrant, Gift
from timebank.requests.models import HelpRequest

_TABLES: Final[dict[str, InstrumentedAttribute[int]]] = {
    "attendance": Attendance.id, "order": Order.id, "request": HelpRequest.id, "gift": Gift.id,
    "grant": FundGrant.id, "netting": Netting.id, "parked": ParkedPayment.id, "correction": Correction.id,
}  # fmt: skip
_AT_ONCE: Final = 500


class Documents:
    """Takes what each entry names as its document, 8 bytes each; says what is missing, and what has no table."""

    def __init__(self) -> None:
        self._named: dict[str, array[int]] = defaultdict(lambda: array("q"))
        self._by_key: Counter[str] = Counter()
        self._nameless: list[str] = []
        self._minutes = array("q")  # record, entry, signed, manual, again and again

    def add(self, number: int, entry: Row[*tuple[Any, ...]]) -> None:
        """The next entry: a row of ``period_rows`` with its number."""
        if not (entry.source_type and entry.key):
            self._nameless.append(f"第 {number} 号没有凭据")
        elif entry.source_id is None or entry.source_type not in _TABLES:
            self._by_key[entry.source_type] += 1
        else:
            self._named[entry.source_type].append(entry.source_id)
            if entry.source_type == SOURCE and "signed_minutes" in entry.facts:
                minutes = (entry.facts["signed_minutes"], entry.facts["manual_minutes"])
                self._minutes.extend((entry.source_id, entry.id, *minutes))

    def missing(self, session: Session) -> list[str]:
        """The documents that are named and not there, and the entries that name none."""
        return [*self._nameless, *(f"{name} {one}" for name in self._named for one in self._lost(session, name))]

    def differing(self, session: Session) -> list[str]:
        """The records that no longer say the minutes with which their entry was sealed; corrections aside."""
        wide = 4
        lines = [tuple(self._minutes[at : at + wide]) for at in range(0, len(self._minutes), wide)]
        found = []
        for at in range(0, len(lines), _AT_ONCE):
            sealed: dict[tuple[int, int | None], list[int]] = {
                (record, entry): minutes for record, entry, *minutes in lines[at : at + _AT_ONCE]
            }
            chosen = select(
                Attendance.id, Attendance.entry_id, Attendance.signed_minutes, Attendance.manual_minutes
            ).where(Attendance.id.in_({record for record, _ in sealed}))
            for record, entry, *minutes in session.execute(chosen):
                if sealed.get((record, entry), minutes) != minutes:  # other entries of the record set it right later
                    found.append(f"{SOURCE} {record}")
        return found

    def by_key(self) -> str:
        """The kinds of entries whose document is the entry itself, known by its key: how many of each."""
        return "，".join(f"{name} {count} 笔" for name, count in sorted(self._by_key.items()))

    def _lost(self, session: Session, name: str) -> Iterator[int]:
        column = _TABLES[name]
        wanted = sorted(set(self._named[name]))
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            there = set(session.scalars(select(column).where(column.in_(some))))
            yield from (one for one in some if one not in there)
