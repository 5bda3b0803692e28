"""A month between two branches, drawn from each side's own book."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.clearing.models import BranchPair, PairStatement
from timebank.clearing.rules import canonical, digest
from timebank.clearing.rules.months import versions_in
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
        return not self.fields["lines"] and not self.fields["opening"]

    @property
    def fields(self) -> dict[str, Any]:
        """The same to read."""
        return dict(json.loads(self.content))

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
    for line in list_lines(session, account_id, start, end):
        key = (line.entry_id, line.amount > 0)
        moved[key] += sign * line.amount
        entries[key] = line
    lines = sorted(
        (
            f"{line.source_type}:{line.source_id}",
            line.posted_at.isoformat(),
            int(undone_by(line) is not None),
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


def list_lines(
    session: Session, account_id: int, start: datetime | None = None, end: datetime | None = None
) -> Iterator[ledger.StatementLine]:
    """Every movement on a clearing account posted in ``[start, end)``, the newest first."""
    before = ""
    while True:
        page = ledger.statement(session, account_id, start=start, end=end, before=before, size=_LINES)
        yield from page.lines
        if not page.older:
            return
        before = page.older


def undone_by(line: ledger.StatementLine) -> int | None:
    """The entry that a movement undoes, also where what came back found its payer's account closed."""
    return line.reverses_id or line.facts.get("returns")


def _both(line: ledger.StatementLine) -> tuple[int, ...]:
    """What the payer's side and the taker's moved in their own minutes, where a minute is not a minute."""
    return (int(line.facts["paid"]), int(line.facts["taken"])) if "paid" in line.facts else ()


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


def find_statement_before(session: Session, pair_id: int, month: str) -> PairStatement | None:
    """The last sealed statement of a month before this one."""
    chosen = select(PairStatement).where(PairStatement.pair_id == pair_id, PairStatement.month < month)
    return session.scalars(chosen.order_by(PairStatement.month.desc()).limit(1)).one_or_none()


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
class Version:
    """What a book says of a month; ``opening`` and ``closing``: minutes that the low branch owed, else the high."""

    opening: int
    closing: int
    lines: tuple[PairLine, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SealedMonth:
    """A sealed statement, read. Where both books were equal ``high`` is ``low``; else each has its own version."""

    statement: PairStatement
    low: Version
    high: Version
    fields: dict[str, Any]

    @property
    def signed(self) -> list[dict[str, Any]]:
        """What the managers of both sides signed, where the month was sealed by an exception: who, why, when."""
        signatures = self.fields.get("exception", {}).get("signatures", ())
        return [json.loads(one["signed"]) | one for one in signatures]


def find_statement(session: Session, pair_id: int, month: str) -> SealedMonth | None:
    """The sealed statement of a month."""
    statement = next(iter(list_statements(session, pair_id, month=month)), None)
    if statement is None:
        return None
    fields = json.loads(statement.content)
    low, high = (_version(one) for one in versions_in(fields))
    return SealedMonth(statement=statement, low=low, high=high, fields=fields)


def _version(fields: Mapping[str, Any]) -> Version:
    return Version(
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
