"""A service that somebody asked for, paid from coins that were set aside: the hold is posted in place of issuance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import CONFIRMED, SignUp
from timebank.attendance.service.shifts import LockedShift
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.ledger.service import EntryDraft, Posted, TransferDraft
from timebank.rulebook.rules import Split, Version, split_paid
from timebank.rulebook.service import Earner


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """Coins set aside for the volunteer of a shift, on whose account they lie, and the branch's fund."""

    member_id: int
    hold_id: int
    account_id: int
    most: int
    fund_id: int

    def share(self, session: Session, earner: Earner, rule: Version) -> Split:
        """The volunteer's minutes: paid up to what was agreed. Whoever calls keeps others from their balance."""
        balance = ledger_queries.get_account(session, earner.coin_account_id).balance
        return split_paid(earner.minutes, held=self.most, balance=balance, rule=rule)

    def transfers(self, earner: Earner, parts: Split) -> list[TransferDraft]:
        """From who pays to the volunteer, and to the fund what they may not hold; the fund keeps its own."""
        legs = ((earner.coin_account_id, parts.kept), (self.fund_id, parts.fund))
        return [
            TransferDraft(debit_id=self.account_id, credit_id=account_id, amount=amount, unit="coin")
            for account_id, amount in legs
            if amount and account_id != self.account_id
        ]

    def facts(self) -> dict[str, object]:
        """What the entry tells: who served, and whether the fund paid. Not for whom."""
        return {"provider_id": self.member_id, "paid_by": "fund" if self.account_id == self.fund_id else "member"}

    def post(self, session: Session, draft: EntryDraft, *, now: datetime) -> Posted:
        """Book the entry from the hold, of which the rest is free again; all of it where no coin moves."""
        if any(transfer.debit_id == self.account_id for transfer in draft.transfers):
            return ledger.post_hold(session, self.hold_id, draft, now=now)
        ledger.void_hold(session, self.hold_id, actor_id=draft.actor_id, now=now)
        return ledger.post(session, draft, now=now)

    def free(self, session: Session, *, actor_id: int | None, now: datetime) -> None:
        """Give all of it back where nothing is booked at all."""
        ledger.void_hold(session, self.hold_id, actor_id=actor_id, now=now)


def find_payment(session: Session, shift: LockedShift, member_ids: Collection[int]) -> Payment | None:
    """Who of these is paid from coins set aside: the one on the list of a service that was asked for."""
    if shift.paid_hold_id is None:
        return None
    placed = select(SignUp.member_id).where(SignUp.shift_id == shift.id, SignUp.status == CONFIRMED)
    member_id = session.scalar(placed)
    if member_id is None or member_id not in member_ids:
        return None
    held = ledger_queries.get_hold(session, shift.paid_hold_id)
    return Payment(
        member_id=member_id,
        hold_id=held.id,
        account_id=held.account_id,
        most=held.amount,
        fund_id=ledger_queries.find_house_account(session, shift.branch_id, "fund"),
    )
