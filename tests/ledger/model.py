"""The ledger as a plain Python model: dictionaries and lists, no database. It refuses by the ledger's own names."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from timebank.core.clock import month_of, next_month
from timebank.core.errors import Refusal
from timebank.ledger import service
from timebank.ledger.rules import EntryDraft, check_amount, check_draft, reversed_transfers
from timebank.ledger.service import HoldDraft


@dataclass
class ModelEntry:
    draft: EntryDraft
    month: str
    reversed: bool = False


@dataclass
class ModelHold:
    draft: HoldDraft
    book_id: int
    how: str | None = None
    entry: ModelEntry | None = None


@dataclass
class ModelBank:
    """What should be true. ``running`` are the accounts that may not fall below zero, each with its book."""

    running: dict[int, int]
    balance: Counter[int] = field(default_factory=Counter)
    held: Counter[int] = field(default_factory=Counter)
    floor: Counter[int] = field(default_factory=Counter)  # below zero where two people let a member owe, or by a line
    resting: Counter[int] = field(default_factory=Counter)  # where a floor comes back to: minus the line, else 0
    entries: dict[tuple[int, str], ModelEntry] = field(default_factory=dict)
    holds: dict[tuple[int, str], ModelHold] = field(default_factory=dict)
    closed: dict[int, list[str]] = field(default_factory=dict)
    months: dict[int, set[str]] = field(default_factory=dict)

    def post(
        self,
        drafts: list[EntryDraft],
        now: datetime,
        *,
        freed: Counter[int] | None = None,
        owed: EntryDraft | None = None,
    ) -> list[ModelEntry]:
        for draft in drafts:
            check_draft(draft)
        keys = [(draft.book_id, draft.key) for draft in drafts]
        known = [self.entries.get(key) for key in keys]
        if len(set(keys)) != len(keys):
            raise service.KeyReused
        if drafts and all(known):
            if any(content(draft) != content(entry.draft) for draft, entry in zip(drafts, known, strict=True) if entry):
                raise service.KeyReused
            return [entry for entry in known if entry]
        if any(known):
            raise service.KeyReused
        self._move(drafts, freed or Counter(), owed)
        posted = [ModelEntry(draft, self._open_month(draft.book_id, now)) for draft in drafts]
        self.entries |= dict(zip(keys, posted, strict=True))
        return posted

    def _move(self, drafts: list[EntryDraft], freed: Counter[int], owed: EntryDraft | None) -> None:
        """Each transfer in its turn, on copies that are kept when all could be covered; one draft may be ``owed``."""
        held, balance, floor = (Counter(kept) for kept in (self.held, self.balance, self.floor))
        held.subtract(freed)
        for draft, transfer in ((one, transfer) for one in drafts for transfer in one.transfers):
            balance[transfer.debit_id] -= transfer.amount
            left = balance[transfer.debit_id] - held[transfer.debit_id]
            if transfer.debit_id in self.running and left < floor[transfer.debit_id]:
                if draft is not owed:
                    raise service.NotEnough(needed="", available="")
                floor[transfer.debit_id] = left
            balance[transfer.credit_id] += transfer.amount
            lift(floor, balance, held, self.resting)
        lift(floor, balance, held, self.resting)
        self.held, self.balance, self.floor = held, balance, floor

    def _open_month(self, book_id: int, now: datetime) -> str:
        closed = self.closed.get(book_id, [])
        month = max([month_of(now), *([next_month(closed[-1])] if closed else [])])
        self.months.setdefault(book_id, set()).add(month)
        return month

    def hold(self, draft: HoldDraft) -> ModelHold:
        check_amount(draft.amount)
        book_id = self.running[draft.account_id]
        known = self.holds.get((book_id, draft.key))
        if known is not None:
            if (known.draft.account_id, known.draft.amount) != (draft.account_id, draft.amount):
                raise service.KeyReused
            return known
        if self.balance[draft.account_id] - self.held[draft.account_id] - self.floor[draft.account_id] < draft.amount:
            raise service.NotEnough(needed="", available="")
        self.held[draft.account_id] += draft.amount
        self.holds[book_id, draft.key] = placed = ModelHold(draft, book_id)
        return placed

    def post_hold(self, hold: ModelHold, draft: EntryDraft, now: datetime) -> ModelEntry:
        check_draft(draft)
        taken = sum(t.amount for t in draft.transfers if t.debit_id == hold.draft.account_id)
        if not taken:
            raise service.NotFromHold
        if taken > hold.draft.amount:
            raise service.HoldTooSmall
        if hold.how is not None:
            if hold.entry is None or hold.entry.draft.key != draft.key:
                raise service.HoldEnded(how="")
            if content(hold.entry.draft) != content(draft):
                raise service.KeyReused
            return hold.entry
        if (draft.book_id, draft.key) in self.entries:
            raise service.KeyReused
        [entry] = self.post([draft], now, freed=Counter({hold.draft.account_id: hold.draft.amount}))
        hold.how, hold.entry = "post", entry
        return entry

    def void_hold(self, hold: ModelHold) -> None:
        if hold.how == "void":
            return
        if hold.how is not None:
            raise service.HoldEnded(how="")
        self._release(hold, "void")

    def expire_holds(self, now: datetime) -> list[ModelHold]:
        overdue = [hold for hold in self.holds.values() if hold.how is None and hold.draft.expires_at <= now]
        for hold in overdue:
            self._release(hold, "expire")
        return overdue

    def _release(self, hold: ModelHold, how: str) -> None:
        self.held[hold.draft.account_id] -= hold.draft.amount
        lift(self.floor, self.balance, self.held, self.resting)
        hold.how = how

    def decide_line(self, account: int, minutes: int) -> None:
        self.resting[account] = -minutes
        self.floor[account] = min(-minutes, self.balance[account] - self.held[account])

    def reverse_across(self, entries: list[ModelEntry], drafts: list[EntryDraft], now: datetime) -> list[ModelEntry]:
        """Both sides at once; nobody decided that anything may be owed."""
        if any(entry.reversed for entry in entries) and (drafts[0].book_id, drafts[0].key) not in self.entries:
            raise service.AlreadyReversed
        try:
            booked = self.post(drafts, now)
        except service.NotEnough:
            for draft in drafts:
                outcome_of, _ = outcome(lambda owed=draft: deepcopy(self).post(drafts, now, owed=owed))
                payers = {t.debit_id for t in draft.transfers}
                if outcome_of is not None and not payers & set(self.resting):
                    raise service.BelowFloor(needed="", available="") from None
            raise
        for entry in entries:
            entry.reversed = True
        return booked

    def reverse(self, entry: ModelEntry, drafts: list[EntryDraft], now: datetime, *, decided: bool) -> list[ModelEntry]:
        """``drafts``: the reversal, after what replaces it if anything does."""
        back = drafts[-1]
        if entry.draft.kind == "inter_branch":
            raise service.OneSided
        if (back.book_id, back.key) not in self.entries and entry.reversed:
            known = [draft for draft in drafts[:-1] if (draft.book_id, draft.key) in self.entries]
            raise service.KeyReused if known else service.AlreadyReversed
        booked = self._reverse_in_some_order(drafts, now, decided=decided)
        entry.reversed = True
        return booked

    def _reverse_in_some_order(self, drafts: list[EntryDraft], now: datetime, *, decided: bool) -> list[ModelEntry]:
        for order in (drafts, drafts[::-1]):
            try:
                booked = self.post(order, now)
            except service.NotEnough:
                continue
            return booked if order is drafts else booked[::-1]
        if not decided:
            deepcopy(self)._owe(drafts, now)  # refuses for good where no decision would help
            raise service.BelowFloor(needed="", available="")
        return self._owe(drafts, now)

    def _owe(self, drafts: list[EntryDraft], now: datetime) -> list[ModelEntry]:
        try:
            return self.post(drafts, now, owed=drafts[-1])
        except service.NotEnough:
            return self.post(drafts[::-1], now, owed=drafts[-1])[::-1]

    def close(self, book_id: int, month: str, now: datetime) -> None:
        if month >= month_of(now):
            raise service.MonthNotOver(month="")
        closed = self.closed.setdefault(book_id, [])
        if month in closed:
            return
        if closed and closed[-1] > month:
            raise service.LaterMonthClosed(month="", later="")
        first = next_month(closed[-1]) if closed else min(self.months.get(book_id, set()) | {month})
        if first < month:
            raise service.EarlierMonthOpen(month="")
        closed.append(month)
        self.months.setdefault(book_id, set()).add(month)


def lift(floor: Counter[int], balance: Counter[int], held: Counter[int], resting: Counter[int]) -> None:
    """Who owes less than before may not owe that much again, beyond a line."""
    for account in floor:
        floor[account] = max(floor[account], min(resting[account], balance[account] - held[account]))


def content(draft: EntryDraft) -> Any:
    return (draft.kind, draft.transfers, draft.source_type, draft.source_id, draft.reverses_id)


def reversal(entry_id: int, entry: ModelEntry, key: str, now: datetime, actor_id: int | None = None) -> EntryDraft:
    """What ``service.reverse`` is to make of an entry."""
    first = entry.draft
    return EntryDraft(
        book_id=first.book_id,
        kind="reverse",
        key=key,
        transfers=reversed_transfers(first.transfers),
        source_type=first.source_type,
        source_id=first.source_id,
        occurred_at=now,
        actor_id=actor_id,
        reverses_id=entry_id,
    )


def outcome(verb: Any, *arguments: Any) -> tuple[Any, type[Refusal] | None]:
    """What a verb answered, or the kind of its refusal."""
    try:
        return verb(*arguments), None
    except Refusal as refusal:
        return None, type(refusal)
