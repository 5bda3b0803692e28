"""The rows of the package's tables, streamed as plain tuples in the order of ``archives.rules``; people as number and
masked name only.

Which rows there are and every number in them is fixed by the close: service records come in through their sealed
entries, orders with the state they had when the month ended. Names of people, titles and places are read as they stand
now; where one was changed meanwhile, a package made again differs and becomes a further version.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from sqlalchemy import Row, Select, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from timebank.activities.models import CATEGORIES, Activity, Shift
from timebank.archives.rules import EARNED_KINDS, GIVEN, REDEEMED_KINDS, SERVED_KINDS
from timebank.attendance.models import Attendance, AttendanceCorrection
from timebank.branches.models import Branch
from timebank.core.clock import month_range
from timebank.core.masking import mask_name
from timebank.exchange.models import (
    ACCEPTED,
    FULFILLED,
    MEMBER_SIDE,
    ORDER_STATUS_NAMES,
    REQUESTED,
    UNDONE_IN_BOOKS,
    Offer,
    Order,
    OrderCorrection,
    OrderProposal,
)
from timebank.ledger import queries as ledger
from timebank.ledger.queries import TrialRow
from timebank.members.models import Card, Member

_BATCH = 2_000
_COUNTED = EARNED_KINDS | REDEEMED_KINDS | SERVED_KINDS
_STREAM = {"yield_per": _BATCH}


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


class Members:
    """What each member had, got and gave in a month.

    One line for everybody who was approved before its end, and for everybody whose accounts moved up to then.
    """

    def __init__(
        self, session: Session, branch: Branch, month: str, *, balances: Sequence[TrialRow], numbers: EntryNumbers
    ) -> None:
        self._session, self._branch, self._month, self._numbers = session, branch, month, numbers
        self._balances = {row.account_id: row for row in balances}
        # account → [earned, redeemed, received]
        self._moved: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        for found in ledger.movements(session, branch.id, month):
            moved = self._moved[found.account_id]
            if found.kind in EARNED_KINDS or (found.kind in SERVED_KINDS and found.unit == "point"):
                moved[0] += found.credited - found.debited
            elif found.kind in REDEEMED_KINDS | SERVED_KINDS and found.source_type not in GIVEN:
                moved[1] += found.debited
                moved[2] += found.credited

        for correction in list_booked_corrections(session, branch, numbers):
            self._count_back(correction)

    def _count_back(self, correction: BookedCorrection) -> None:
        """What a correction took back was earned, redeemed or received by mistake: those columns say what is right."""
        for transfer in (t for entry in correction.entries for t in entry.transfers):
            payer, taker = self._moved[transfer.debit_id], self._moved[transfer.credit_id]
            if correction.of_order or (correction.of_served and transfer.unit == "coin"):
                payer[2] -= transfer.amount
                taker[1] -= transfer.amount
            else:
                payer[0] -= transfer.amount
                taker[0] += transfer.amount

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """By member number; corrections count where what they correct counts. Other: what is left, such as gifts."""
        minutes = _booked_minutes(self._session, self._branch.id, self._numbers)
        for member in self._session.execute(self._select()):
            if not (member.approved or {member.coin_account_id, member.point_account_id} & self._balances.keys()):
                continue
            opening, closing, (earned, redeemed, received) = self._figures(member.coin_account_id)
            points_opening, points_closing, (points_earned, _, _) = self._figures(member.point_account_id)
            signed, manual = minutes.get(member.id, (0, 0))
            yield (
                member.number, mask_name(member.name),
                opening, earned, redeemed, received, closing - opening - earned + redeemed - received, closing,
                points_opening, points_earned, points_closing - points_opening - points_earned, points_closing,
                signed, manual,
            )  # fmt: skip

    def _select(self) -> Select[*tuple[Any, ...]]:
        # The first card is issued with the approval and its instant stays, whatever is decided about the member later.
        approved = exists().where(Card.member_id == Member.id, Card.issued_at < month_range(self._month)[1])
        return (
            select(
                Member.id, Member.number, Member.name, Member.coin_account_id, Member.point_account_id,
                approved.label("approved"),
            )
            .where(Member.branch_id == self._branch.id, Member.coin_account_id.is_not(None))
            .order_by(Member.number)
            .execution_options(**_STREAM)
        )  # fmt: skip

    def _figures(self, account_id: int | None) -> tuple[int, int, list[int]]:
        row = self._balances.get(account_id or 0)
        if row is None:
            return 0, 0, [0, 0, 0]
        return row.opening, row.closing, self._moved.get(row.account_id, [0, 0, 0])


def _booked_minutes(session: Session, branch_id: int, numbers: EntryNumbers) -> dict[int, tuple[int, int]]:
    """Member → (signed, manual) minutes of the service records, and of corrections of records, booked in a month."""
    found: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in session.execute(_booked(branch_id, numbers, Attendance.member_id)):
        if numbers.number(row.entry_id):
            found[row.member_id][0] += row.signed_minutes
            found[row.member_id][1] += row.manual_minutes
    for row in session.execute(_corrected(branch_id, numbers, Attendance.member_id)):
        if numbers.number(row.entry_id):
            found[row.member_id][0] += row.signed_minutes
            found[row.member_id][1] += row.manual_minutes
    return {member_id: (signed, manual) for member_id, (signed, manual) in found.items()}


def service_lines(session: Session, branch: Branch, numbers: EntryNumbers, *columns: Any) -> Iterator[Row[Any]]:
    """What service of the branch's members was booked in a month, and what corrections changed, line by line.

    ``columns`` of members, records, shifts and activities come first, then ``entry_id``, ``signed_minutes`` and
    ``manual_minutes``; these sum up to what the members' table says.
    """
    for chosen in (_booked(branch.id, numbers, *columns), _corrected(branch.id, numbers, *columns)):
        lines = chosen.join(Shift, Shift.id == Attendance.shift_id).join(Activity, Activity.id == Shift.activity_id)
        yield from (row for row in session.execute(lines) if numbers.number(row.entry_id))


def numbers_of(session: Session, branch: Branch, month: str) -> EntryNumbers:
    """The numbers of a month's entries."""
    numbers = EntryNumbers()
    for entry_id in ledger.list_entry_ids(session, branch.id, month):
        numbers.add(entry_id)
    return numbers


def list_member_rows(session: Session, branch: Branch, month: str) -> list[tuple[Any, ...]]:
    """The members' table for a page or a spreadsheet, also of a month that still runs."""
    numbers = numbers_of(session, branch, month)
    balances = ledger.trial_balance(session, branch.id, month=month)
    return list(Members(session, branch, month, balances=balances, numbers=numbers).rows())


def _booked(branch_id: int, numbers: EntryNumbers, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Service records of the branch's own members, wherever they served: their entries are in this branch's books."""
    low, high = numbers.range
    return (
        select(*columns, Attendance.entry_id, Attendance.signed_minutes, Attendance.manual_minutes)
        .join(Member, Member.id == Attendance.member_id)
        .where(Member.branch_id == branch_id, Attendance.entry_id.between(low, high))
        .execution_options(**_STREAM)
    )


def _corrected(branch_id: int, numbers: EntryNumbers, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Corrections of the records of the branch's own members whose reversal may lie in the month: what they changed."""
    low, high = numbers.range
    return (
        select(
            *columns, AttendanceCorrection.entry_id, AttendanceCorrection.corrects_id,
            AttendanceCorrection.signed_minutes, AttendanceCorrection.manual_minutes, AttendanceCorrection.points,
        )
        .join(Attendance, Attendance.id == AttendanceCorrection.attendance_id)
        .join(Member, Member.id == Attendance.member_id)
        .where(Member.branch_id == branch_id, AttendanceCorrection.entry_id.between(low, high))
        .order_by(AttendanceCorrection.entry_id)
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class BookedCorrection:
    """The entries by which a correction of a record or an order took something back in a month."""

    of_order: bool
    of_served: bool  # a record of which who asked had paid the coins
    entries: tuple[ledger.EntryView, ...]


def list_booked_corrections(session: Session, branch: Branch, numbers: EntryNumbers) -> Iterator[BookedCorrection]:
    """The corrections of records and orders booked in a month; what replaced an entry counts by its own kind."""
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
                    entries=tuple(one for one in entries if one.reverses_id is not None or one.kind not in _COUNTED),
                )


def _name_of(session: Session, entry_id: int) -> str:
    """The month and number of a corrected entry."""
    entry = ledger.get_entry(session, entry_id)
    return f"{entry.month} 第 {entry.number} 号"


def attendance_rows(session: Session, branch: Branch, numbers: EntryNumbers) -> Iterator[tuple[Any, ...]]:
    """The service records whose entry lies in the month, and the corrections booked in it, in the order of entries.

    A correction says by how much it changed a record, and which month's entry it corrects: that month stays as sealed.
    """
    chosen = (
        _booked(
            branch.id, numbers, Member.number, Member.name, Activity.title, Shift.starts_at,
            Attendance.in_at, Attendance.out_at, Attendance.points,
        )
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .order_by(Attendance.entry_id, Attendance.id)
    )  # fmt: skip
    corrected = (
        _corrected(
            branch.id, numbers, Member.number, Member.name, Activity.title, Shift.starts_at,
            Attendance.in_at, Attendance.out_at,
        )
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
    )  # fmt: skip
    corrections = session.execute(corrected).all()
    corrects = {row.entry_id: _name_of(session, row.corrects_id) for row in corrections}
    for row in merge(session.execute(chosen), corrections, key=lambda row: row.entry_id):
        number = numbers.number(row.entry_id)
        if number is not None:
            yield (
                number, row.number, mask_name(row.name), row.title, row.starts_at, row.in_at, row.out_at,
                row.signed_minutes, row.manual_minutes, row.points, corrects.get(row.entry_id, ""),
            )  # fmt: skip


def activity_rows(session: Session, branch: Branch, month: str, numbers: EntryNumbers) -> Iterator[tuple[Any, ...]]:
    """The branch's shifts that began in the month, and all shifts for which its members were booked in it, by start.

    Corrections count in the month they were booked in, so those of an earlier month's shift can go below zero.
    """
    start, end = month_range(month)
    booked: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in session.execute(_booked(branch.id, numbers, Attendance.shift_id)):
        if numbers.number(row.entry_id):
            booked[row.shift_id][0] += 1
            booked[row.shift_id][1] += row.signed_minutes + row.manual_minutes
    for row in session.execute(_corrected(branch.id, numbers, Attendance.shift_id, _left_after())):
        if numbers.number(row.entry_id):
            booked[row.shift_id][0] -= row.left == 0
            booked[row.shift_id][1] += row.signed_minutes + row.manual_minutes
    columns = select(
        Shift.id, Shift.activity_id, Activity.title, Activity.category, Activity.status, Shift.starts_at, Shift.ends_at,
        Shift.capacity, Shift.cancelled_at, func.coalesce(func.nullif(Shift.place, ""), Activity.place).label("place"),
    ).join(Activity, Activity.id == Shift.activity_id)  # fmt: skip
    rows: list[Row[*tuple[Any, ...]]] = []
    begun = columns.where(Activity.branch_id == branch.id, Shift.starts_at >= start, Shift.starts_at < end)
    rows += session.execute(begun.where(Activity.status != "draft"))
    known = {row.id for row in rows}
    missing = [shift_id for shift_id in booked if shift_id not in known]
    for at in range(0, len(missing), _BATCH):
        rows += session.execute(columns.where(Shift.id.in_(missing[at : at + _BATCH])))
    for row in sorted(rows, key=lambda row: (row.starts_at, row.id)):
        people, minutes = booked.get(row.id, (0, 0))
        cancelled = row.cancelled_at is not None or row.status == "cancelled"
        yield (
            row.activity_id, row.id, row.title, CATEGORIES.get(row.category, row.category), row.place,
            row.starts_at, row.ends_at, row.capacity, people, minutes,
            "已取消" if cancelled else "已入账" if people > 0 else "更正" if row.id in booked else "未入账",
        )  # fmt: skip


def _left_after() -> Any:
    """The minutes left of a record after a correction of it: none, and one person less was there."""
    earlier = aliased(AttendanceCorrection)
    changed = (
        select(func.sum(earlier.signed_minutes + earlier.manual_minutes))
        .where(earlier.attendance_id == AttendanceCorrection.attendance_id, earlier.id <= AttendanceCorrection.id)
        .correlate(AttendanceCorrection)
        .scalar_subquery()
    )
    return (Attendance.signed_minutes + Attendance.manual_minutes + changed).label("left")


def order_rows(session: Session, branch: Branch, month: str, numbers: EntryNumbers) -> Iterator[tuple[Any, ...]]:
    """The orders that were open at any time of the month, with the state they had at its end, by their number.

    A correction booked in the month stands on a line of its own: by how much, and which month's entry it corrects.
    """
    start, end = month_range(month)
    provider, home = aliased(Member), aliased(Branch)
    chosen = (
        select(
            Order.id, Order.entry_id, Member.number, Member.name, home.id.label("home_id"),
            home.code.label("home_code"), Offer.title, provider.number.label("provider_number"),
            provider.name.label("provider_name"), Order.quantity, Order.amount_minutes, Order.requested_at,
            Order.accepted_at, Order.fulfilled_at, Order.ended_at, Order.status, Order.fulfilled_minutes,
            Order.fulfilled_quantity, _last_side(end),
        )
        .join(Member, Member.id == Order.member_id)
        .join(home, home.id == Member.branch_id)
        .join(Offer, Offer.id == Order.offer_id)
        .outerjoin(provider, provider.id == Order.provider_id)
        .where(Order.branch_id == branch.id, Order.requested_at < end)
        .where(or_(Order.fulfilled_at.is_(None), Order.fulfilled_at >= start))
        .where(or_(Order.ended_at.is_(None), Order.ended_at >= start))
        .order_by(Order.id)
        .execution_options(**_STREAM)
    )  # fmt: skip
    corrections = _order_corrections(session, branch, numbers)
    rows: Iterator[Any] = merge(session.execute(chosen), corrections, key=lambda row: row.id)
    for row in rows:
        if isinstance(row, CorrectionLine):
            yield row.cells
            continue
        ended_at, status = _state_at(end, row)
        quantity, minutes = row.quantity, row.amount_minutes
        if status == FULFILLED:  # what was taken may be a part of what was ordered
            quantity, minutes = row.fulfilled_quantity or quantity, row.fulfilled_minutes or minutes
        who = _who(row.number, row.name, abroad=row.home_code if row.home_id != branch.id else "")
        yield (
            row.id, numbers.number(row.entry_id), *who, row.title,
            row.provider_number or "", mask_name(row.provider_name or ""), quantity, minutes,
            row.requested_at, ended_at, ORDER_STATUS_NAMES[status], "",
        )  # fmt: skip


def _who(number: str, name: str, *, abroad: str) -> tuple[str, str]:
    """How a member stands in the orders: number and masked name; of another branch's members only which branch."""
    return (abroad, "外网点会员") if abroad else (number, mask_name(name))


def _last_side(end: datetime) -> Any:
    """Who proposed the last time before an instant: what the member wished for was not agreed on yet."""
    return (
        select(OrderProposal.side)
        .where(OrderProposal.order_id == Order.id, OrderProposal.at < end)
        .order_by(OrderProposal.id.desc())
        .limit(1)
        .correlate(Order)
        .scalar_subquery()
        .label("last_side")
    )


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """An order's correction as a line of the orders' table."""

    id: int
    cells: tuple[Any, ...]


def _order_corrections(session: Session, branch: Branch, numbers: EntryNumbers) -> list[CorrectionLine]:
    low, high = numbers.range
    chosen = (
        select(Order, OrderCorrection)
        .join(OrderCorrection, OrderCorrection.order_id == Order.id)
        .where(Order.branch_id == branch.id, OrderCorrection.entry_id.between(low, high))
        .order_by(Order.id, OrderCorrection.id)
    )
    lines = []
    for order, correction in session.execute(chosen):
        number = numbers.number(correction.entry_id)
        if number is None:
            continue
        undone, provider, member = correction.replacement_id is None, order.provider, order.member
        abroad = member.branch.code if member.branch_id != branch.id else ""
        lines.append(
            CorrectionLine(
                order.id,
                (
                    order.id, number, *_who(member.number, member.name, abroad=abroad), order.offer.title,
                    provider.number if provider else "", mask_name(provider.name if provider else ""),
                    -order.booked_quantity if undone else 0, correction.amount_minutes, order.requested_at,
                    correction.at,
                    UNDONE_IN_BOOKS if undone else "更正数量", _name_of(session, correction.corrects_id),
                ),
            )
        )  # fmt: skip
    return lines


def _state_at(end: datetime, row: Row[*tuple[Any, ...]]) -> tuple[datetime | None, str]:
    """When an order ended before ``end``, and its state then."""
    ended_at = row.fulfilled_at or row.ended_at
    if ended_at is not None and ended_at < end:
        return ended_at, row.status
    agreed = row.accepted_at is not None and row.accepted_at < end and row.last_side != MEMBER_SIDE
    return None, ACCEPTED if agreed else REQUESTED


def trial_rows(balances: Sequence[TrialRow]) -> Iterator[tuple[Any, ...]]:
    """The trial balance, account by account. Closing = opening + credit − debit; each unit's closings sum to zero."""
    for row in balances:
        yield (row.unit, row.code, row.kind, row.opening, row.debited, row.credited, row.closing)
