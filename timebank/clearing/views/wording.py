"""What a month between two branches says, in words: documents by number, who owes whom, nobody's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from timebank.clearing.models import BranchPair
from timebank.clearing.queries import PairLine, SealedMonth, Version
from timebank.core import clock
from timebank.core.minutes import coins

DOCUMENTS: Final = {"order": "兑换单", "request": "点单", "netting": "轧差"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one book says of a month, ready to be shown; ``of`` whose book, empty where both say the same."""

    of: str
    version: Version
    lines: list[tuple[str, PairLine, str]]


def told_of(pair: BranchPair, sealed: SealedMonth) -> list[Told]:
    """One version where both books were equal, else each book's."""
    both = [(pair.low.name, sealed.low), (pair.high.name, sealed.high)]
    versions = [("", sealed.low)] if sealed.low == sealed.high else both
    return [
        Told(of=of, version=one, lines=[(document(line), line, debtor_of(pair, line.minutes)) for line in one.lines])
        for of, one in versions
    ]


def unequal_of(pair: BranchPair, fields: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Document, what the low branch has of it, what the high branch has: of this month, and left from earlier ones."""
    rows = [row for heap in fields.get("heaps", {}).values() for row in heap]
    carried = [(f"{name_of(one)}（以前月份留下）", minutes, 0) for one, minutes in fields.get("carried", {}).items()]
    return [
        (one, standing_or_none(pair, low), standing_or_none(pair, high))
        for one, low, high in [*((name_of(one), low, high) for one, low, high in rows), *carried]
    ]


def standing_or_none(pair: BranchPair, minutes: int) -> str:
    """Who owes more by something, or that it is not there."""
    return standing(pair, minutes) if minutes else "没有"


def document(line: PairLine) -> str:
    """What a line is about, by number; nobody's name."""
    return name_of(f"{line.source_type}:{line.source_id or ''}")


def name_of(document_key: str) -> str:
    """``order:12`` in words."""
    kind, _, number = document_key.rpartition(":")
    return f"{DOCUMENTS.get(kind, '其他单据')} {number}".rstrip()


def debtor_of(pair: BranchPair, minutes: int) -> str:
    """Which branch came to owe more by a movement."""
    return pair.low.name if minutes > 0 else pair.high.name


def standing(pair: BranchPair, minutes: int) -> str:
    """``AA 站欠 BB 站 3 币``, or that nobody owes."""
    if not minutes:
        return "两清"
    debtor, creditor = (pair.low, pair.high) if minutes > 0 else (pair.high, pair.low)
    return f"{debtor.name}欠{creditor.name} {coins(abs(minutes))}"


def note_on(line: PairLine) -> str:
    """What is special about a line."""
    both = f"付 {coins(line.paid)}，收 {coins(line.taken)}" if line.paid is not None and line.taken is not None else ""
    return "；".join(told for told in ("更正退回" if line.reverses else "", both) if told)


def at_of(line: PairLine) -> str:
    """When it was posted, on paper."""
    return f"{clock.local(line.at):%Y-%m-%d %H:%M}"


def local_text(at: str) -> str:
    """An instant of a sealed text, on paper."""
    return f"{clock.local(datetime.fromisoformat(at)):%Y-%m-%d %H:%M}"


def name_at(pair: BranchPair, code: str) -> str:
    """A branch of the pair by its code."""
    return pair.low.name if code == pair.low.code else pair.high.name
