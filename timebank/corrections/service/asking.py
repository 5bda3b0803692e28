"""Asking for a correction: carried out at once, or kept until a second person decides; and taking it back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import FormUsed, NotAllowed
from timebank.corrections.models import AMOUNT, WAITING, WHOLE, WITHDRAWN, Correction
from timebank.corrections.queries import find_by_key, find_waiting, get_correction, plan_change, refuse_entry
from timebank.corrections.rules import AlreadyAsked, AlreadyDecided, AmountMissing, NotAsker
from timebank.corrections.service.carrying import Decision, carry_out, lock_concerned
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.ledger.queries import EntryView

HOW = {"done": "已经办理", "declined": "没有同意", "withdrawn": "已经撤回"}


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionDraft:
    """What is wrong about an entry and why: ``minutes`` is the right amount, None undoes it altogether."""

    entry_id: int
    minutes: int | None
    reason: str


def ask(session: Session, draft: CorrectionDraft, *, form_key: str, actor: Actor, now: datetime) -> Correction:
    """Correct an entry; it stays ``waiting`` where somebody would owe what they spent meanwhile, or hours or coins are
    added. A repeat answers with the first.

    Raises NoSuchEntry, NotAllowed, FormUsed, IsReversal, AlreadyCorrected, NotCorrectable, OwnCoins, AmountMissing,
    AlreadyAsked, OnlyWhole, NothingBooked, NothingChanges, CorrectionOutOfRange, NotLess; NotEnough where
    the fund falls short.
    """
    lock_entry(session, draft.entry_id)
    entry = ledger_queries.get_entry(session, draft.entry_id)
    actor.require("books.correct", branch_id=entry.book_id)
    first = find_by_key(session, form_key)
    if first is not None:
        return _same(first, draft, actor)
    refuse_entry(session, entry, actor)
    if draft.minutes is not None and draft.minutes <= 0:
        raise AmountMissing(fields={"minutes": AmountMissing.text})
    if find_waiting(session, entry.id) is not None:
        raise AlreadyAsked()
    lock_concerned(session, entry)
    change = plan_change(session, entry, draft.minutes, key="ask")
    correction = _keep(session, draft, entry, form_key=form_key, asked_by_id=person(actor), now=now)
    if change.adds:
        return correction
    with suppress(ledger.BelowFloor):  # then it is kept as waiting
        carry_out(session, correction, entry, Decision(by_id=None, note="", at=now))
    return correction


@dataclass(frozen=True, kw_only=True, slots=True)
class Deciders:
    """Who decided elsewhere that an entry is to be set right, and the second person where it took two."""

    first_id: int
    second_id: int | None = None


def book_decided(session: Session, draft: CorrectionDraft, *, form_key: str, by: Deciders, now: datetime) -> Correction:
    """Carry out what a floor above decided, in its transaction, by its own rules of who may. Call ``lock_entry`` first.

    Raises NoSuchEntry, AlreadyAsked, NotLess, what ``ledger.reverse`` raises: BelowFloor where a second person has to
    decide as well and none did; nothing is booked then.
    """
    lock_entry(session, draft.entry_id)
    entry = ledger_queries.get_entry(session, draft.entry_id)
    if find_waiting(session, entry.id) is not None:
        raise AlreadyAsked()
    lock_concerned(session, entry)
    correction = _keep(session, draft, entry, form_key=form_key, asked_by_id=by.first_id, now=now)
    carry_out(session, correction, entry, Decision(by_id=by.second_id, note="", at=now))
    return correction


def _keep(
    session: Session, draft: CorrectionDraft, entry: EntryView, *, form_key: str, asked_by_id: int, now: datetime
) -> Correction:
    correction = Correction(
        branch_id=entry.book_id,
        entry_id=entry.id,
        kind=WHOLE if draft.minutes is None else AMOUNT,
        new_minutes=draft.minutes,
        reason=draft.reason,
        asked_by_id=asked_by_id,
        asked_at=now,
        status=WAITING,
        form_key=form_key,
    )
    session.add(correction)
    session.flush()
    return correction


def lock_entry(session: Session, entry_id: int) -> None:
    """Nobody else asks for, decides or takes back a correction of this entry until we commit."""
    lock_name(session, f"correction:{entry_id}")


def person(actor: Actor) -> int:
    """The id of who acts; correcting needs a person, never the system."""
    if actor.member_id is None:
        raise NotAllowed(permission="books.correct")
    return actor.member_id


def _same(first: Correction, draft: CorrectionDraft, actor: Actor) -> Correction:
    asked = (draft.entry_id, draft.minutes, draft.reason, actor.member_id)
    if (first.entry_id, first.new_minutes, first.reason, first.asked_by_id) != asked:
        raise FormUsed()
    return first


def withdraw(session: Session, correction_id: int, *, actor: Actor, now: datetime) -> Correction:
    """Take back what still waits. A repeat is harmless.

    Raises CorrectionNotFound, NotAllowed, NotAsker, AlreadyDecided.
    """
    correction = lock_correction(session, correction_id)
    actor.require("books.correct", branch_id=correction.branch_id)
    if correction.asked_by_id != actor.member_id:
        raise NotAsker()
    if correction.status == WITHDRAWN:
        return correction
    if correction.status != WAITING:
        raise AlreadyDecided(how=HOW[correction.status])
    correction.status, correction.decided_at = WITHDRAWN, now
    session.flush()
    return correction


def lock_correction(session: Session, correction_id: int) -> Correction:
    """A correction under the lock of its entry. Raises CorrectionNotFound."""
    lock_entry(session, get_correction(session, correction_id).entry_id)
    return get_correction(session, correction_id)
