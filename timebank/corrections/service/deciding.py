"""The second person's word: carried out, or declined."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.corrections.models import DECLINED, DONE, WAITING, Correction
from timebank.corrections.queries import parties_of
from timebank.corrections.rules import AlreadyDecided, OwnCoins, SameHand
from timebank.corrections.service.asking import HOW, lock_correction, person
from timebank.corrections.service.carrying import Decision, carry_out, lock_concerned
from timebank.corrections.service.telling import tell_asker
from timebank.ledger import queries as ledger_queries
from timebank.ledger.queries import EntryView


def approve(session: Session, correction_id: int, *, note: str = "", actor: Actor, now: datetime) -> Correction:
    """Carry a waiting correction out; what the member has spent meanwhile they owe. A repeat is harmless.

    Where they have enough again by now no floor is lowered.
    Raises CorrectionNotFound, NotAllowed, AlreadyDecided, SameHand, OwnCoins, and what ``carry_out`` raises.
    """
    correction = lock_correction(session, correction_id)
    actor.require("books.correct", branch_id=correction.branch_id)
    if correction.status == DONE and correction.decided_by_id == actor.member_id:
        return correction
    entry = _refuse(session, correction, actor)
    lock_concerned(session, entry)
    carry_out(session, correction, entry, Decision(by_id=person(actor), note=note, at=now))
    facts: dict[str, object] = {"by": actor.name, "note": note or "无"}
    tell_asker(session, correction, entry, kind="correction.agreed", facts=facts, now=now)
    return correction


def decline(session: Session, correction_id: int, *, reason: str, actor: Actor, now: datetime) -> Correction:
    """Leave the entry as it is, with a reason. A repeat is harmless.

    Raises CorrectionNotFound, NotAllowed, AlreadyDecided, SameHand, OwnCoins.
    """
    correction = lock_correction(session, correction_id)
    actor.require("books.correct", branch_id=correction.branch_id)
    if correction.status == DECLINED and correction.decided_by_id == actor.member_id:
        return correction
    entry = _refuse(session, correction, actor)
    correction.status, correction.decided_by_id, correction.decided_at = DECLINED, person(actor), now
    correction.decided_note = reason
    session.flush()
    facts: dict[str, object] = {"by": actor.name, "reason": reason.rstrip("。.！!")}
    tell_asker(session, correction, entry, kind="correction.declined", facts=facts, now=now)
    return correction


def _refuse(session: Session, correction: Correction, actor: Actor) -> EntryView:
    if correction.status != WAITING:
        raise AlreadyDecided(how=HOW[correction.status])
    if correction.asked_by_id == actor.member_id:
        raise SameHand()
    entry = ledger_queries.get_entry(session, correction.entry_id)
    if actor.member_id in parties_of(session, entry):
        raise OwnCoins()
    return entry
