"""Pure arithmetic of the books: what a draft must be, what it does to accounts, how a row is written for the seal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from timebank.core.errors import Invalid

MAX_TRANSFERS = 20_000
MAX_AMOUNT = 10_000_000  # minutes or points in one transfer: 19 years of minutes; catches a slip of units


class BadAmount(Invalid):
    """An amount is not a whole number above zero and below the sane limit."""

    code = "ledger.bad_amount"
    text = "数量要是大于 0 的整数（现在是 {amount}）。"


class SameAccount(Invalid):
    """Debit and credit are the same account."""

    code = "ledger.same_account"
    text = "不能在同一个账户之间划转。"


class NoTransfers(Invalid):
    """An entry without transfers, or with too many."""

    code = "ledger.no_transfers"
    text = "一笔分录至少要有一条、至多 {most} 条划转。"


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferDraft:
    """``amount`` (minutes of ``coin`` or points of ``point``) from the debit account to the credit account."""

    debit_id: int
    credit_id: int
    amount: int
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryDraft:
    """One business event about to be posted. ``key`` makes a repeat harmless; ``source`` is its document."""

    book_id: int
    kind: str
    key: str
    transfers: tuple[TransferDraft, ...]
    source_type: str
    source_id: int | None
    occurred_at: datetime
    actor_id: int | None
    for_member_id: int | None = None
    reverses_id: int | None = None
    rule: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Short:
    """Where a posting first takes an account below its floor: what it needs there, and what is available."""

    account_id: int
    needed: int
    available: int


@dataclass(frozen=True, slots=True)
class Owing:
    """A floor that has to be lowered before a transfer of the draft that may be owed (``seq`` counts from 1)."""

    seq: int
    account_id: int
    floor: int


@dataclass(frozen=True, slots=True)
class Course:
    """Whether everything is covered: the first transfer that is not, and what has to be owed."""

    short: Short | None
    owing: tuple[Owing, ...] = ()


def check_draft(draft: EntryDraft) -> None:
    """Refuse a draft that could never be booked: number of transfers, then each amount, then its two accounts."""
    if not 0 < len(draft.transfers) <= MAX_TRANSFERS:
        raise NoTransfers(most=MAX_TRANSFERS)
    for transfer in draft.transfers:
        check_amount(transfer.amount)
        if transfer.debit_id == transfer.credit_id:
            raise SameAccount()


def check_amount(amount: int) -> None:
    """Refuse anything but a whole number above zero and within the sane limit (``True`` is not a number)."""
    if type(amount) is not int or not 0 < amount <= MAX_AMOUNT:
        raise BadAmount(amount=amount)


def course_of(
    drafts: Iterable[EntryDraft],
    available: Mapping[int, int],
    floors: Mapping[int, int],
    *,
    resting: Mapping[int, int] | None = None,
    owed: EntryDraft | None = None,
) -> Course:
    """Follow drafts in the order given over the running accounts, named with what is ``available`` and their floors.

    Each transfer has to be covered at its turn: what comes in later does not count yet. What comes in lifts a floor
    towards where it is ``resting`` (0 unless named), so that nobody owes the same twice. What ``owed`` takes may be
    owed. The database counts the same way.
    """
    rests = resting or {}
    standing, lifted = dict(available), dict(floors)
    owing: list[Owing] = []
    for draft, seq, transfer in _in_turn(drafts):
        payer, taker = transfer.debit_id, transfer.credit_id
        if payer in standing:
            before = standing[payer]
            standing[payer] = before - transfer.amount
            if standing[payer] < lifted[payer]:
                if draft is not owed:
                    return Course(Short(payer, transfer.amount, before - lifted[payer]))
                lifted[payer] = standing[payer]
                owing.append(Owing(seq, payer, lifted[payer]))
        if taker in standing:
            standing[taker] += transfer.amount
            lifted[taker] = max(lifted[taker], min(rests.get(taker, 0), standing[taker]))
    return Course(None, tuple(owing))


def _in_turn(drafts: Iterable[EntryDraft]) -> Iterator[tuple[EntryDraft, int, TransferDraft]]:
    for draft in drafts:
        for seq, transfer in enumerate(draft.transfers, start=1):
            yield draft, seq, transfer


def accounts_of(drafts: Iterable[EntryDraft]) -> set[int]:
    """The accounts that drafts move."""
    return {account for draft in drafts for t in draft.transfers for account in (t.debit_id, t.credit_id)}


def reversed_transfers(transfers: Iterable[TransferDraft]) -> tuple[TransferDraft, ...]:
    """The same amounts the other way round, the last first, as one goes back along a way."""
    return tuple(
        TransferDraft(debit_id=t.credit_id, credit_id=t.debit_id, amount=t.amount, unit=t.unit)
        for t in reversed(tuple(transfers))
    )


def content_hash(draft: EntryDraft) -> str:
    """What makes two drafts under one key the same: everything but who pressed the button and when."""
    return _sha256(
        [
            draft.kind,
            [[t.debit_id, t.credit_id, t.amount, t.unit] for t in draft.transfers],
            draft.source_type,
            draft.source_id,
            draft.reverses_id,
        ]
    )


def hold_hash(account_id: int, amount: int, source_type: str, source_id: int | None) -> str:
    """What makes two holds under one key the same."""
    return _sha256([account_id, amount, source_type, source_id])


def canonical(row: Sequence[Any]) -> bytes:
    """One row as the seal reads it: JSON without spaces, keys sorted, instants in UTC with microseconds, one line."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain).encode() + b"\n"


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    raise TypeError(type(value).__name__)


def _sha256(row: Sequence[Any]) -> str:
    return hashlib.sha256(canonical(row)).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """A movement that a correction undid, or put in place of another: what came in, or below zero what went out.

    ``counts_from``: when the first of what it stands for was booked; None where it and its counterpart cancel out.
    """

    at: datetime
    amount: int
    counts_from: datetime | None


def came_in_by(at: datetime, booked: int, corrected: Iterable[Corrected]) -> int:
    """What had come in by an instant, had it been booked right at once: ``booked`` with every correction since."""
    moves = [one for one in corrected if one.amount > 0]
    late = sum(one.amount for one in moves if one.at < at)
    return booked - late + sum(one.amount for one in moves if one.counts_from is not None and one.counts_from < at)


def went_out_by(at: datetime | None, booked: int, corrected: Iterable[Corrected]) -> int:
    """What had gone out by an instant (None: until now), less what was undone and the way back of what never was."""
    undone = (one for one in corrected if one.amount < 0 and one.counts_from is None)
    return booked + sum(one.amount for one in undone if at is None or one.at < at)
