"""Reversing entries: the opposite way back, alone or together with what takes the entry's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert
from sqlalchemy.orm import Session

from timebank.core.errors import Invalid
from timebank.ledger.models import INTER_BRANCH, OWING_KINDS, Entry, FloorDecision
from timebank.ledger.rules import Course, EntryDraft, TransferDraft, accounts_of, reversed_transfers
from timebank.ledger.service.accounts import BelowFloor, lock_accounts, not_enough, refuse, refuse_closed
from timebank.ledger.service.entries import Entered, EntryNotFound, Posted, course, enter, move


class OneHand(Invalid):
    """The two people who decide that somebody may owe are one."""

    code = "ledger.one_hand"
    text = "允许欠着要由两个人决定：提出的人和决定的人不能是同一位。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reversal:
    """An entry about to be reversed, why and by whom; with a ``replacement`` it is corrected rather than undone.

    ``decided_by_id`` is the second person who lets the member owe what was spent meanwhile.
    """

    key: str
    reason: str
    actor_id: int | None
    decided_by_id: int | None = None
    replacement: EntryDraft | None = None


@dataclass(frozen=True, slots=True)
class Reversed:
    """The reversing entry, and the one that took the place of the reversed."""

    reversal: Posted
    replacement: Posted | None


def reverse(session: Session, entry_id: int, reversal: Reversal, *, now: datetime) -> Reversed:
    """Book the opposite of an entry, naming it, in the month open at ``now``; what replaces it is booked first.

    A repeat with the same key and content returns the first. Raises EntryNotFound, AlreadyReversed, KeyReused, OneHand,
    BelowFloor where a member spent it meanwhile and nobody decided that it may be owed, NotEnough where nobody may
    decide so (the fund), and what ``post`` raises for the replacement.
    """
    entry = session.get(Entry, entry_id)
    if entry is None:
        raise EntryNotFound()
    drafts = [_back(entry, reversal, now)]
    if reversal.replacement is not None:
        drafts.insert(0, _instead(entry, reversal.replacement))
    entered = enter(session, drafts, now=now)
    if entered.fresh:
        accounts = lock_accounts(session.connection(), accounts_of(drafts))
        _allow(session, accounts, course(drafts, accounts), entered, reversal, now)
        move(session, entered)
    *instead, back = entered.posted(drafts)
    return Reversed(back, instead[0] if instead else None)


def _back(entry: Entry, reversal: Reversal, now: datetime) -> EntryDraft:
    transfers = tuple(
        TransferDraft(debit_id=t.debit_id, credit_id=t.credit_id, amount=t.amount, unit=t.unit) for t in entry.transfers
    )
    return EntryDraft(
        book_id=entry.book_id,
        kind=INTER_BRANCH if entry.kind == INTER_BRANCH else "reverse",
        key=reversal.key,
        transfers=reversed_transfers(transfers),
        source_type=entry.source_type,
        source_id=entry.source_id,
        occurred_at=now,
        actor_id=reversal.actor_id,
        for_member_id=entry.for_member_id,
        reverses_id=entry.id,
        rule=entry.rule,
        facts={"reason": reversal.reason, "month": entry.period.month},
    )


def _instead(entry: Entry, replacement: EntryDraft) -> EntryDraft:
    return replace(replacement, facts={**replacement.facts, "replaces": entry.id, "month": entry.period.month})


def _allow(
    session: Session,
    accounts: Mapping[int, Row[*tuple[Any, ...]]],
    found: Course,
    entered: Entered,
    reversal: Reversal,
    now: datetime,
) -> None:
    """Refuse what takes an account below its floor, or record the decision of two that a member may owe it."""
    refuse_closed(accounts)
    if found.short is None:
        return
    owing = {id_: low for id_, low in found.lowest.items() if low < accounts[id_].floor}
    if any(accounts[id_].kind not in OWING_KINDS for id_ in owing):
        refuse(accounts, found)
    if reversal.decided_by_id is None or reversal.actor_id is None:
        raise not_enough(accounts, found.short, BelowFloor)
    if reversal.decided_by_id == reversal.actor_id:
        raise OneHand()
    book_id = entered.fresh[-1].book_id
    rows: Sequence[dict[str, Any]] = [
        {
            "account_id": id_,
            "entry_id": entered.ids[book_id, reversal.key],
            "floor": low,
            "reason": reversal.reason,
            "asked_by_id": reversal.actor_id,
            "decided_by_id": reversal.decided_by_id,
            "decided_at": now,
        }
        for id_, low in sorted(owing.items())
    ]
    session.execute(insert(FloorDecision), rows)
