"""What was booked in a month: the numbers of its entries, service records, corrections of records and of orders."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, Shift
from timebank.archives.rules import EARNED_KINDS, REDEEMED_KINDS, SERVED_KINDS
from timebank.attendance.models import Attendance, AttendanceCorrection
from timebank.branches.models import Branch
from timebank.clearing.queries import list_came_back
from timebank.exchange.models import OrderCorrection
from timebank.exchange.queries import SOURCE as ORDER
from timebank.ledger import queries as ledger
from timebank.members.models import Member

BATCH = 2_000
COUNTED = EARNED_KINDS | REDEEMED_KINDS | SERVED_KINDS
STREAM = {"yield_per": BATCH}
_home: ColumnElement[int] = Member.branch_id.op("+")(
    0
)  # so no index: SQLite would begin at the members and read their whole history


class EntryNumbers:
    """The ids of a month's entries in order: an entry's place among them, from 1, is its number. 8 bytes each."""

    def __init__(self) -> None:
        self._ids = array("q")

    def add(self, entry_id: int) -> None:
        """Take the next entry; ids come in rising order."""
        self._ids.append(entry_id)

    def number(self, entry_id: int | None) -> int | None:
        """The number of an entry of this month, None for any other."""
        if entry_id is None:
            return None
        place = bisect_left(self._ids, entry_id)
        return place + 1 if place < len(self._ids) and self._ids[place] == entry_id else None

    @property
    def range(self) -> tuple[int, int]:
        """The lowest and the highest id."""
        return (self._ids[0], self._ids[-1]) if self._ids else (0, 0)


def booked(branch_id: int, numbers: EntryNumbers, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Service records of the branch's own members, wherever they served: their entries are in this branch's books."""
    low, high = numbers.range
    return (
        select(*columns, Attendance.entry_id, Attendance.signed_minutes, Attendance.manual_minutes)
        .join(Member, Member.id == Attendance.member_id)
        .where(_home == branch_id, Attendance.entry_id.between(low, high))
        .execution_options(**STREAM)
    )


def corrected(branch_id: int, numbers: EntryNumbers, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Corrections of the records of the branch's own members whose reversal may lie in the month: what they changed."""
    low, high = numbers.range
    return (
        select(
            *columns, AttendanceCorrection.entry_id, AttendanceCorrection.corrects_id,
            AttendanceCorrection.signed_minutes, AttendanceCorrection.manual_minutes, AttendanceCorrection.points,
        )
        .join(Attendance, Attendance.id == AttendanceCorrection.attendance_id)
        .join(Member, Member.id == Attendance.member_id)
        .where(_home == branch_id, AttendanceCorrection.entry_id.between(low, high))
        .order_by(AttendanceCorrection.entry_id)
    )  # fmt: skip


def service_lines(session: Session, branch: Branch, numbers: EntryNumbers, *columns: Any) -> Iterator[Row[Any]]:
    """What service of the branch's members was booked in a month, and what corrections changed, line by line.

    ``columns`` of members, records, shifts and activities come first, then ``entry_id``, ``signed_minutes`` and
    ``manual_minutes``; these sum up to what the members' table says.
    """
    for chosen in (booked(branch.id, numbers, *columns), corrected(branch.id, numbers, *columns)):
        lines = chosen.join(Shift, Shift.id == Attendance.shift_id).join(Activity, Activity.id == Shift.activity_id)
        yield from (row for row in session.execute(lines) if numbers.number(row.entry_id))


def numbers_of(session: Session, branch: Branch, month: str) -> EntryNumbers:
    """The numbers of a month's entries."""
    numbers = EntryNumbers()
    for entry_id in ledger.list_entry_ids(session, branch.id, month):
        numbers.add(entry_id)
    return numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class BookedCorrection:
    """The entries by which a correction of a record or an order took something back in a month."""

    of_order: bool
    of_served: bool  # a record of which who asked had paid the coins
    entries: tuple[ledger.EntryView, ...]


def list_booked_corrections(session: Session, branch: Branch, numbers: EntryNumbers) -> Iterator[BookedCorrection]:
    """The corrections of records and orders booked in a month, also of the own members' orders at other branches; what
    replaced an entry counts by its own kind.
    """
    low, high = numbers.range
    for table in (AttendanceCorrection, OrderCorrection):
        chosen = select(table.entry_id, table.corrects_id, table.replacement_id).where(
            table.entry_id.between(low, high)
        )
        for row in session.execute(chosen.order_by(table.entry_id)):
            if numbers.number(row.entry_id):
                entries = [ledger.get_entry(session, one) for one in (row.entry_id, row.replacement_id) if one]
                yield BookedCorrection(
                    of_order=table is OrderCorrection,
                    of_served=ledger.get_entry(session, row.corrects_id).kind in SERVED_KINDS,
                    entries=tuple(one for one in entries if one.reverses_id is not None or one.kind not in COUNTED),
                )
    for entry_id in list_came_back(session, branch.id, ORDER, between=(low, high)):
        if numbers.number(entry_id):  # its document is the other branch's; here it is only that less was redeemed
            yield BookedCorrection(of_order=True, of_served=False, entries=(ledger.get_entry(session, entry_id),))


def name_of(session: Session, entry_id: int) -> str:
    """The month and number of a corrected entry."""
    entry = ledger.get_entry(session, entry_id)
    return f"{entry.month} 第 {entry.number} 号"
