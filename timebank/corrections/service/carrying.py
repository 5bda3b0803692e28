"""Carrying a correction out: back and anew in the books, beside the record or order, and told to whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.attendance import queries as attendance_queries
from timebank.attendance import service as attendance
from timebank.certificates.service import Corrected, withdraw_corrected
from timebank.clearing import queries as clearing_queries
from timebank.clearing import service as clearing
from timebank.corrections.models import DONE, Correction
from timebank.corrections.queries import Change, parties_of, plan_change
from timebank.corrections.service.telling import tell_booked
from timebank.exchange import queries as exchange_queries
from timebank.exchange import service as exchange
from timebank.ledger import service as ledger
from timebank.ledger.queries import EntryView
from timebank.ledger.service import Correcting, Reversal, Reversed
from timebank.rulebook.service import lock_members


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Who carries it out as the second person, with which words, and when; ``by_id`` None: none was needed."""

    by_id: int | None
    note: str
    at: datetime


def carry_out(session: Session, correction: Correction, entry: EntryView, decision: Decision) -> None:
    """Book a waiting correction and end it; whoever calls has locked what it concerns.

    Raises ``ledger.BelowFloor`` where a second person has to decide and none did, and then has booked nothing.
    """
    key = f"correction:{correction.id}"
    change = plan_change(session, entry, correction.new_minutes, key=f"{key}:new")
    instead = replace(change.instead, actor_id=correction.asked_by_id) if change.instead is not None else None
    reversal = Reversal(
        key=f"{key}:back",
        reason=correction.reason,
        actor_id=correction.asked_by_id,
        decided_by_id=decision.by_id,  # no floor is lowered where everything is covered
        replacement=instead,
    )
    booked = _book(session, entry, reversal, decision.at)
    withdraw_corrected(
        session,
        Corrected(entry_id=entry.id, correction_id=correction.id, reason=correction.reason, at=decision.at),
    )
    _keep(session, change, correction, booked, decision.at)
    correction.status, correction.decided_by_id, correction.decided_at = DONE, decision.by_id, decision.at
    correction.decided_note = decision.note
    correction.reversal_entry_id = booked.reversal.entry_id
    correction.replacement_entry_id = booked.replacement.entry_id if booked.replacement else None
    session.flush()
    tell_booked(session, correction, entry, change.instead, now=decision.at)


def lock_concerned(session: Session, entry: EntryView) -> None:
    """What stands behind an entry, and what its people hold, is nobody else's to decide by until we commit.

    A correction is planned from what is read after this.
    """
    record = attendance_queries.find_booked_record(session, entry)
    if record is not None:
        attendance.lock_booked_record(session, record)
    order = exchange_queries.find_booked_order(session, entry)
    if order is not None:
        exchange.lock_booked_order(session, order)
    lock_members(session, parties_of(session, entry))
    if record is not None:
        attendance.open_giveaway(session, record, entry)


def _book(session: Session, entry: EntryView, reversal: Reversal, now: datetime) -> Reversed:
    """All or nothing also where it is refused, since a correction that waits goes on living then."""
    with session.begin_nested():
        payment = clearing_queries.find_settled_by_entry(session, entry.id)
        if payment is None:
            return ledger.reverse(session, entry.id, reversal, now=now)
        instead = reversal.replacement
        return clearing.reverse_settled(session, payment.id, reversal, instead=instead, now=now).booked


def _keep(session: Session, change: Change, correction: Correction, booked: Reversed, now: datetime) -> None:
    done = Correcting(
        corrects_id=correction.entry_id,
        reversal_id=booked.reversal.entry_id,
        replacement_id=booked.replacement.entry_id if booked.replacement else None,
        key=f"correction:{correction.id}",
        reason=correction.reason,
        by_id=correction.asked_by_id,
        at=now,
    )
    if change.record is not None:
        attendance.keep_correction(session, change.record, done)
    if change.order is not None:
        exchange.keep_correction(session, change.order, done)
