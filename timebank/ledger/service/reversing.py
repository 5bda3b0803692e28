"""Reversing entries: the opposite way back, alone or together with what takes the entry's place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import insert
from sqlalchemy.orm import Session

from timebank.core.errors import Conflict, Invalid
from timebank.ledger.models import CLEARING, INTER_BRANCH, OWING_KINDS, Book, Entry, FloorDecision
from timebank.ledger.rules import EntryDraft, Owing, Short, TransferDraft, accounts_of, reversed_transfers
from timebank.ledger.service.accounts import Accounts, BelowFloor, lock_accounts, not_enough, refuse_closed
from timebank.ledger.service.entries import Entered, EntryNotFound, Posted, add_transfers, course, enter, transfer_rows
from timebank.ledger.service.periods import common_instant


class OneHand(Invalid):
    """The two people who decide that somebody may owe are one."""

    code = "ledger.one_hand"
    text = "允许欠着要由两个人决定：提出的人和决定的人不能是同一位。"


class OneSided(Conflict):
    """An entry between branches has its mirror in the other branch's books; undone alone, the two would part."""

    code = "ledger.one_sided"
    text = "这是网点之间的分录，对方网点有对应的一笔，不能只冲正一边。"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Correcting:
    """The entries of a correction that was booked, and who asked for it, why, when: what its document keeps of it."""

    corrects_id: int
    reversal_id: int
    replacement_id: int | None
    key: str
    reason: str
    by_id: int
    at: datetime


def reverse(session: Session, entry_id: int, reversal: Reversal, *, now: datetime) -> Reversed:
    """Book the opposite of an entry, naming it, in the month open at ``now``, together with what replaces it.

    A repeat with the same key and content returns the first. Raises EntryNotFound, OneSided, AlreadyReversed,
    KeyReused, OneHand, BelowFloor where a member spent it meanwhile and nobody decided that it may be owed, NotEnough
    where nobody may decide so (the fund), and what ``post`` raises for the replacement.
    """
    entry = session.get(Entry, entry_id)
    if entry is None:
        raise EntryNotFound()
    if entry.kind == INTER_BRANCH:
        raise OneSided()
    back = _back(entry, reversal, now)
    drafts = [back] if reversal.replacement is None else [_instead(entry, reversal.replacement), back]
    entered = enter(session, drafts, now=now)
    if entered.fresh:
        accounts = lock_accounts(session.connection(), accounts_of(drafts))
        refuse_closed(accounts)
        order, owing = _order(drafts, back, accounts, decided=_is_decided(reversal))
        for draft in order:
            decisions = {one.seq: _decision(one, entered.ids[back.book_id, back.key], reversal, now) for one in owing}
            _move(session, replace(entered, fresh=[draft]), decisions if draft is back else {})
    *instead, undone = entered.posted(drafts)
    return Reversed(undone, instead[0] if instead else None)


def reverse_across(
    session: Session,
    entry_ids: Sequence[int],
    reversal: Reversal,
    *,
    replacements: Sequence[EntryDraft] = (),
    aside: Mapping[int, int] | None = None,
    now: datetime,
) -> list[Reversed]:
    """Book the opposite of entries between branches, all of them together, each in its own book and naming its own.

    ``replacements``: what takes their place, one in each of the books, or none. ``aside``: accounts that take nothing
    any more, and where what comes back to them waits; such a way back names its entry among its facts only. Answers in
    the order of the entries. A repeat with the same key returns the first. Raises EntryNotFound, OneSided where a side
    is missing, and what ``reverse`` raises; NotEnough also where a line would be passed.
    """
    entries = _get_whole(session, entry_ids)
    at = common_instant(session, {entry.book_id for entry in entries}, now=now)
    backs = [_aside(replace(_back(entry, reversal, at), kind=INTER_BRANCH), aside or {}) for entry in entries]
    places = {draft.book_id: _aside(draft, aside or {}) for draft in replacements}
    instead = [_instead(entry, places[entry.book_id]) for entry in entries] if places else []
    entered = enter(session, [*instead, *backs], now=at)
    if entered.fresh:
        accounts = lock_accounts(session.connection(), accounts_of([*instead, *backs]))
        refuse_closed(accounts)
        order, owes, owing = _across(instead, backs, accounts, decided=_is_decided(reversal))
        for draft in order:
            entry_id = entered.ids[draft.book_id, draft.key]
            mine = owing if draft is owes else ()
            decisions = {one.seq: _decision(one, entry_id, reversal, at) for one in mine}
            _move(session, replace(entered, fresh=[draft]), decisions)
    undone, anew = entered.posted(backs), entered.posted(instead)
    return [Reversed(back, anew[place] if anew else None) for place, back in enumerate(undone)]


def _aside(draft: EntryDraft, aside: Mapping[int, int]) -> EntryDraft:
    """The same, past accounts that take nothing any more: not the exact opposite, so it does not claim to be."""
    transfers = tuple(
        replace(one, debit_id=aside.get(one.debit_id, one.debit_id), credit_id=aside.get(one.credit_id, one.credit_id))
        for one in draft.transfers
    )
    if transfers == draft.transfers:
        return draft
    facts = {**draft.facts, "returns": draft.reverses_id} if draft.reverses_id is not None else draft.facts
    return replace(draft, transfers=transfers, reverses_id=None, facts=facts)


def _get_whole(session: Session, entry_ids: Sequence[int]) -> list[Entry]:
    """Both sides, all sides, of what happened between branches. Raises EntryNotFound, OneSided."""
    entries = [session.get(Entry, entry_id) for entry_id in entry_ids]
    found = [entry for entry in entries if entry is not None]
    if len(found) != len(entries):
        raise EntryNotFound()
    if not _is_whole(session, found):
        raise OneSided()
    return found


def _is_whole(session: Session, entries: Sequence[Entry]) -> bool:
    """Whether entries are between branches, and what each has with another cancels out: no side is missing."""
    towards: Counter[frozenset[str]] = Counter()
    for entry in entries:
        here = session.get_one(Book, entry.book_id).code
        for transfer in entry.transfers:
            for account, amount in ((transfer.credit, transfer.amount), (transfer.debit, -transfer.amount)):
                if account.kind == CLEARING:
                    towards[frozenset({here, account.code.removeprefix("clearing:")})] += amount
    return bool(towards) and not any(towards.values()) and all(entry.kind == INTER_BRANCH for entry in entries)


def _across(
    instead: Sequence[EntryDraft], backs: Sequence[EntryDraft], accounts: Accounts, *, decided: bool
) -> tuple[Sequence[EntryDraft], EntryDraft | None, Sequence[Owing]]:
    """An order in which everything is covered; else the draft in which a member comes to owe, and what."""
    orders = [[*instead, *backs], [*backs, *instead]]
    for order in orders:
        if course(order, accounts).short is None:
            return order, None, ()
    short = cast(Short, course(orders[0], accounts).short)
    for order in orders:
        for back in backs:
            may = course(order, accounts, owed=back)
            if may.short is None and all(accounts[one.account_id].kind in OWING_KINDS for one in may.owing):
                if not decided:
                    raise not_enough(accounts, short, BelowFloor)
                return order, back, may.owing
    raise not_enough(accounts, short)


def _order(
    drafts: Sequence[EntryDraft], back: EntryDraft, accounts: Accounts, *, decided: bool
) -> tuple[Sequence[EntryDraft], Sequence[Owing]]:
    """The first order in which everything is covered; with a decision, the first in which only the reversal is owed.

    What replaces an entry comes first, so that a member keeps what stays theirs; or last, where it is paid from what
    comes back.
    """
    orders = [list(drafts), list(reversed(drafts))]
    for order in orders:
        if course(order, accounts).short is None:
            return order, ()
    short = cast(Short, course(orders[0], accounts).short)
    found = [(order, course(order, accounts, owed=back)) for order in orders]
    for order, may in found:
        if may.short is None and all(accounts[one.account_id].kind in OWING_KINDS for one in may.owing):
            if not decided:
                raise not_enough(accounts, short, BelowFloor)
            return order, may.owing
    raise not_enough(accounts, short)


def _move(session: Session, entered: Entered, decisions: Mapping[int, dict[str, Any]]) -> None:
    """Write one entry's transfers, each decision that somebody may owe just before the transfer it is for."""
    rows = transfer_rows(entered)
    if not decisions:
        add_transfers(session, rows)
        return
    for row in rows:
        if row["seq"] in decisions:
            session.execute(insert(FloorDecision), [decisions[row["seq"]]])
        add_transfers(session, [row])


def _is_decided(reversal: Reversal) -> bool:
    if reversal.decided_by_id is None or reversal.actor_id is None:
        return False
    if reversal.decided_by_id == reversal.actor_id:
        raise OneHand()
    return True


def _decision(owing: Owing, entry_id: int, reversal: Reversal, now: datetime) -> dict[str, Any]:
    """The decision of two that a member may owe; the database lowers the floor by it."""
    return {
        "account_id": owing.account_id,
        "entry_id": entry_id,
        "floor": owing.floor,
        "reason": reversal.reason,
        "asked_by_id": reversal.actor_id,
        "decided_by_id": reversal.decided_by_id,
        "decided_at": now,
    }


def _back(entry: Entry, reversal: Reversal, now: datetime) -> EntryDraft:
    transfers = tuple(
        TransferDraft(debit_id=t.debit_id, credit_id=t.credit_id, amount=t.amount, unit=t.unit) for t in entry.transfers
    )
    return EntryDraft(
        book_id=entry.book_id,
        kind="reverse",
        key=reversal.key,
        transfers=reversed_transfers(transfers),
        source_type=entry.source_type,
        source_id=entry.source_id,
        occurred_at=now,
        actor_id=reversal.actor_id,
        for_member_id=entry.for_member_id,
        reverses_id=entry.id,
        rule=entry.rule,
        facts={
            "reason": reversal.reason,
            "month": entry.period.month,
            **{name: entry.facts[name] for name in ("paid", "taken") if name in entry.facts},
        },
    )


def _instead(entry: Entry, replacement: EntryDraft) -> EntryDraft:
    return replace(replacement, facts={**replacement.facts, "replaces": entry.id, "month": entry.period.month})
