"""A month between two branches, drawn from each side's own book."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.clearing.models import BranchPair, PairStatement
from timebank.clearing.queries.pairs import list_open_cases
from timebank.clearing.rules import canonical, digest
from timebank.core.clock import month_range
from timebank.ledger import queries as ledger

_LINES = 500


@dataclass(frozen=True, slots=True)
class StatementView:
    """What one side's book says of a month, told as from the branch with the smaller id; both sides' are equal."""

    content: str

    @property
    def is_empty(self) -> bool:
        """Nothing moved, and nothing was owed before."""
        fields = json.loads(self.content)
        return not fields["lines"] and not fields["opening"]

    @property
    def hash(self) -> str:
        """What both sides seal."""
        return digest(self.content)


def draw_statement(session: Session, pair: BranchPair, month: str, *, branch_id: int) -> StatementView:
    """A month as ``branch_id`` has booked it; amounts above zero are what the low branch came to owe."""
    sign = 1 if branch_id == pair.low_id else -1
    start, end = month_range(month)
    account_id = pair.account_of(branch_id)
    moved: dict[tuple[int, bool], int] = defaultdict(int)  # one side may book in parts what the other books in one
    entries: dict[tuple[int, bool], ledger.StatementLine] = {}
    for line in _lines(session, account_id, start, end):
        key = (line.entry_id, line.amount > 0)
        moved[key] += sign * line.amount
        entries[key] = line
    lines = sorted(
        (
            f"{line.source_type}:{line.source_id}",
            line.posted_at.isoformat(),
            int(line.reverses_id is not None),
            moved[key],
            *_both(line),
        )
        for key, line in entries.items()
    )
    return StatementView(
        canonical(
            {
                "high": pair.high.code,
                "low": pair.low.code,
                "month": month,
                "unit": "coin",
                "opening": sign * ledger.balance(session, account_id, at=start),
                "closing": sign * ledger.balance(session, account_id, at=end),
                "lines": lines,
            }
        )
    )


def _both(line: ledger.StatementLine) -> tuple[int, ...]:
    """What the payer's side and the taker's moved in their own minutes, where a minute is not a minute."""
    return (int(line.facts["paid"]), int(line.facts["taken"])) if "paid" in line.facts else ()


def _lines(session: Session, account_id: int, start: datetime, end: datetime) -> Iterator[ledger.StatementLine]:
    before = ""
    while True:
        page = ledger.statement(session, account_id, start=start, end=end, before=before, size=_LINES)
        yield from page.lines
        if not page.older:
            return
        before = page.older


def list_sealed(
    session: Session, branch_id: int, *, after: datetime | None, until: datetime
) -> Sequence[PairStatement]:
    """A branch's statements sealed in ``(after, until]``, by pair and month."""
    mine = or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id)
    chosen = (
        select(PairStatement)
        .join(BranchPair, BranchPair.id == PairStatement.pair_id)
        .where(mine, PairStatement.sealed_at <= until)
        .options(joinedload(PairStatement.pair))
    )
    if after is not None:
        chosen = chosen.where(PairStatement.sealed_at > after)
    return session.scalars(chosen.order_by(PairStatement.pair_id, PairStatement.month)).all()


def list_statements(session: Session, pair_id: int, *, month: str = "") -> Sequence[PairStatement]:
    """A pair's sealed statements, the newest first."""
    chosen = select(PairStatement).where(PairStatement.pair_id == pair_id).options(joinedload(PairStatement.pair))
    if month:
        chosen = chosen.where(PairStatement.month == month)
    return session.scalars(chosen.order_by(PairStatement.month.desc())).all()


@dataclass(frozen=True, kw_only=True, slots=True)
class PairLine:
    """A movement on a sealed statement; ``minutes`` above zero is what the low branch came to owe by it.

    ``paid`` and ``taken`` in the two branches' own minutes, where a minute is not a minute.
    """

    source_type: str
    source_id: int | None
    at: datetime
    reverses: bool
    minutes: int
    paid: int | None = None
    taken: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SealedMonth:
    """A sealed statement, read; ``opening`` and ``closing``: minutes that the low branch owed, below zero the high."""

    statement: PairStatement
    opening: int
    closing: int
    lines: tuple[PairLine, ...]


def find_statement(session: Session, pair_id: int, month: str) -> SealedMonth | None:
    """The sealed statement of a month."""
    statement = next(iter(list_statements(session, pair_id, month=month)), None)
    if statement is None:
        return None
    fields = json.loads(statement.content)
    return SealedMonth(
        statement=statement,
        opening=fields["opening"],
        closing=fields["closing"],
        lines=tuple(sorted((_line(*row) for row in fields["lines"]), key=lambda line: line.at)),
    )


def _line(document: str, at: str, reverses: Any, minutes: int, *both: int) -> PairLine:
    kind, _, number = document.rpartition(":")
    return PairLine(
        source_type=kind,
        source_id=int(number) if number.isdigit() else None,
        at=datetime.fromisoformat(at),
        reverses=bool(reverses),
        minutes=minutes,
        paid=both[0] if both else None,
        taken=both[1] if both else None,
    )


def why_no_statement(
    session: Session, pair: BranchPair, month: str, *, now: datetime
) -> Literal["running", "quiet", "case", "waiting"]:
    """Why a month has no sealed statement: it is not over, nothing moved, a case is open, nobody closed it yet."""
    if now < month_range(month)[1]:
        return "running"
    if not pair.low_account_id or draw_statement(session, pair, month, branch_id=pair.low_id).is_empty:
        return "quiet"
    return "case" if list_open_cases(session, pair.id) else "waiting"
