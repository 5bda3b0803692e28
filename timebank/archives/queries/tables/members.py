"""The members' table: what each had, got and gave in a month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from timebank.archives.queries.tables.booked import (
    STREAM,
    BookedCorrection,
    EntryNumbers,
    booked,
    corrected,
    list_booked_corrections,
    numbers_of,
)
from timebank.archives.rules import EARNED_KINDS, SERVED_KINDS, place_of
from timebank.attendance.models import Attendance
from timebank.branches.models import Branch
from timebank.core.clock import month_range
from timebank.core.masking import mask_name
from timebank.ledger import queries as ledger
from timebank.ledger.queries import TrialRow
from timebank.members.models import Card, Member


@dataclass(slots=True)
class _Moved:
    """What moved on an account in a month, by the columns of the table; points know what was earned alone."""

    earned: int = 0
    redeemed: int = 0
    received: int = 0
    given: int = 0
    got: int = 0
    expired: int = 0
    adjusted: int = 0

    def take(self, found: ledger.Movement) -> None:
        """Count a kind of movement of coins."""
        place, more = place_of(found.kind, found.source_type), found.credited - found.debited
        if place == "earned":
            self.earned += more
        elif place == "exchanged":
            self.redeemed += found.debited
            self.received += found.credited
        elif place == "given":
            self.given += found.debited
            self.got += found.credited
        elif place == "expired":
            self.expired -= more
        else:
            self.adjusted += more

    @property
    def sum(self) -> int:
        """By how much the balance of coins changed."""
        came, went = self.earned + self.received + self.got, self.redeemed + self.given + self.expired
        return came - went + self.adjusted


class Members:
    """What each member had, got and gave in a month.

    One line for everybody who was approved before its end, and for everybody whose accounts moved up to then.
    ``uneven`` counts those whose columns do not lead from the opening to the closing balance: known once all were read.
    """

    def __init__(
        self, session: Session, branch: Branch, month: str, *, balances: Sequence[TrialRow], numbers: EntryNumbers
    ) -> None:
        self._session, self._branch, self._month, self._numbers = session, branch, month, numbers
        self._balances = {row.account_id: row for row in balances}
        self._moved: dict[int, _Moved] = defaultdict(_Moved)
        self.uneven = 0
        for found in ledger.movements(session, branch.id, month):
            if found.unit == "coin":
                self._moved[found.account_id].take(found)
            elif found.kind in EARNED_KINDS | SERVED_KINDS:
                self._moved[found.account_id].earned += found.credited - found.debited
        for correction in list_booked_corrections(session, branch, numbers):
            self._count_back(correction)

    def _count_back(self, correction: BookedCorrection) -> None:
        """What a correction took back was earned, redeemed or received by mistake: those columns say what is right.

        So it does not stand with the adjustments, among which its entries were counted at first.
        """
        for transfer in (t for entry in correction.entries for t in entry.transfers):
            payer, taker = self._moved[transfer.debit_id], self._moved[transfer.credit_id]
            if correction.of_order or (correction.of_served and transfer.unit == "coin"):
                payer.received -= transfer.amount
                taker.redeemed -= transfer.amount
            else:
                payer.earned -= transfer.amount
                taker.earned += transfer.amount
            payer.adjusted += transfer.amount
            taker.adjusted -= transfer.amount

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """By member number; corrections count where what they correct counts."""
        minutes = _booked_minutes(self._session, self._branch.id, self._numbers)
        for member in self._session.execute(self._select()):
            if not (member.approved or {member.coin_account_id, member.point_account_id} & self._balances.keys()):
                continue
            opening, closing, moved = self._figures(member.coin_account_id)
            points_opening, points_closing, scored = self._figures(member.point_account_id)
            self.uneven += opening + moved.sum != closing
            signed, manual = minutes.get(member.id, (0, 0))
            yield (
                member.number, mask_name(member.name),
                opening, moved.earned, moved.redeemed, moved.received, moved.given, moved.got, moved.expired,
                moved.adjusted, closing,
                points_opening, scored.earned, points_closing - points_opening - scored.earned, points_closing,
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
            .execution_options(**STREAM)
        )  # fmt: skip

    def _figures(self, account_id: int | None) -> tuple[int, int, _Moved]:
        row = self._balances.get(account_id or 0)
        if row is None:
            return 0, 0, _Moved()
        return row.opening, row.closing, self._moved.get(row.account_id, _Moved())


def _booked_minutes(session: Session, branch_id: int, numbers: EntryNumbers) -> dict[int, tuple[int, int]]:
    """Member → (signed, manual) minutes of the service records, and of corrections of records, booked in a month."""
    found: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in session.execute(booked(branch_id, numbers, Attendance.member_id)):
        if numbers.number(row.entry_id):
            found[row.member_id][0] += row.signed_minutes
            found[row.member_id][1] += row.manual_minutes
    for row in session.execute(corrected(branch_id, numbers, Attendance.member_id)):
        if numbers.number(row.entry_id):
            found[row.member_id][0] += row.signed_minutes
            found[row.member_id][1] += row.manual_minutes
    return {member_id: (signed, manual) for member_id, (signed, manual) in found.items()}


def list_member_rows(session: Session, branch: Branch, month: str) -> list[tuple[Any, ...]]:
    """The members' table for a page or a spreadsheet, also of a month that still runs."""
    numbers = numbers_of(session, branch, month)
    balances = ledger.trial_balance(session, branch.id, month=month)
    return list(Members(session, branch, month, balances=balances, numbers=numbers).rows())
