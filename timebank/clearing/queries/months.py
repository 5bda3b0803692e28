"""Whether a month between two branches can be sealed, what would be sealed, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from timebank.clearing.models import (
    BranchPair,
    ClearingCase,
    PairException,
    PairSignature,
    PairStatement,
)
from timebank.clearing.queries.heaps import list_open_items
from timebank.clearing.queries.pairs import list_cases, list_open_cases
from timebank.clearing.queries.statements import (
    StatementView,
    draw_statement,
    find_statement_before,
    list_statements,
)
from timebank.clearing.rules import canonical, digest
from timebank.clearing.rules.heaps import OPEN_LONG
from timebank.clearing.rules.months import left_over, sort_documents, version_of, versions_in
from timebank.core.clock import month_range, next_month
from timebank.ledger import queries as ledger

WhyNotSealed = Literal["running", "quiet", "case", "differs", "earlier", "waiting"]
_FORMAT: Final = "pair-exception-1"


@dataclass(frozen=True, kw_only=True)
class MonthView:
    """A month as both books tell it now, and what the statements before it left open."""

    pair: BranchPair
    month: str
    low: StatementView
    high: StatementView
    carried: Mapping[str, int]
    told: list[list[str]]  # cases that an earlier exception named and that were settled since: number, kind, when
    cases: Sequence[ClearingCase]
    late: list[list[Any]]  # what is open too long: proposal, both amounts, since when
    sealed: PairStatement | None
    previous: PairStatement | None

    @property
    def left(self) -> dict[str, int]:
        """What the low book has more than the high one, by document, after this month."""
        return left_over(self.carried, self.low.fields["lines"], self.high.fields["lines"])

    @property
    def agrees(self) -> bool:
        """Both books tell the same; or they come to the same by now, document by document, though not line by line.

        So it is where a mistake in one book was taken back, or what an exception named was booked meanwhile.
        """
        return self.low == self.high or (not self.left and self.low.fields["closing"] == self.high.fields["closing"])

    @property
    def is_quiet(self) -> bool:
        """Nothing moved, nothing was owed before, and nothing is left to tell."""
        return self.low.is_empty and self.high.is_empty and not self.carried and not self.told

    @property
    def is_changed(self) -> bool:
        """Whether a book tells something else now than what was sealed."""
        if self.sealed is None:
            return False
        return versions_in(json.loads(self.sealed.content)) != (
            version_of(self.low.fields),
            version_of(self.high.fields),
        )

    @property
    def statement(self) -> str:
        """What is sealed where nothing is open: one version where both are equal, else both and what they settle."""
        told = {"settled": self.told} if self.told else {}
        return canonical(self.low.fields | told if self.low == self.high else self._both() | told)

    @property
    def exception(self) -> str:
        """What both sides have to sign so that the month is sealed as it is."""
        return canonical(self._both() | {"settled": self.told, "open_long": self.late, "cases": self.cases_named})

    @property
    def exception_hash(self) -> str:
        """Of what has to be signed."""
        return digest(self.exception)

    def _both(self) -> dict[str, Any]:
        low, high = self.low.fields, self.high.fields
        return {
            "format": _FORMAT,
            "low": low["low"],
            "high": low["high"],
            "month": self.month,
            "unit": low["unit"],
            "by_low": version_of(low),
            "by_high": version_of(high),
            "heaps": sort_documents(low["lines"], high["lines"]),
            "carried": dict(self.carried),
            "left": self.left,
        }

    @property
    def cases_named(self) -> list[list[str]]:
        """The open cases as an exception names them: number, kind, facts, since when."""
        return [[str(one.id), one.kind, one.facts, one.opened_at.isoformat()] for one in self.cases]


def look_at_month(session: Session, pair: BranchPair, month: str) -> MonthView:
    """A month between two branches as it stands."""
    low, high = (draw_statement(session, pair, month, branch_id=one) for one in (pair.low_id, pair.high_id))
    previous = find_statement_before(session, pair.id, month)
    before = json.loads(previous.content) if previous is not None else {}
    late = [one for one in list_open_items(session, pair.id) if one.heap == OPEN_LONG]
    return MonthView(
        pair=pair,
        month=month,
        low=low,
        high=high,
        carried=before.get("left", {}),
        told=_settled_since(session, pair, before),
        cases=sorted(list_open_cases(session, pair.id), key=lambda one: one.id),
        late=[[one.uid, one.low_minutes, one.high_minutes, one.first_seen_at.isoformat()] for one in late],
        sealed=next(iter(list_statements(session, pair.id, month=month)), None),
        previous=previous,
    )


def _settled_since(session: Session, pair: BranchPair, before: Mapping[str, Any]) -> list[list[str]]:
    """Of the cases that were open when the statement before was sealed; it tells of those from before that itself."""
    named = {row[0] for row in before.get("cases", ())}
    if not named:
        return []
    settled = [one for one in list_cases(session, pair.id) if one.settled_at is not None and str(one.id) in named]
    return [
        [str(one.id), one.kind, one.settled_at.isoformat() if one.settled_at else ""]
        for one in sorted(settled, key=lambda one: one.id)
    ]


def list_unsealed_before(session: Session, pair: BranchPair, month: str) -> list[str]:
    """Months before ``month``, since the last sealed one or the first movement, that want a statement, in order."""
    previous = find_statement_before(session, pair.id, month)
    if previous is not None:
        first = next_month(previous.month)
    else:
        accounts = [pair.account_of(one) for one in (pair.low_id, pair.high_id)]
        first = ledger.first_month(session, accounts) or month
    months = []
    while first < month:
        if not look_at_month(session, pair, first).is_quiet:
            months.append(first)
        first = next_month(first)
    return months


def why_no_statement(session: Session, view: MonthView, *, now: datetime) -> WhyNotSealed:
    """Why a month has no sealed statement: it is not over, nothing moved, an earlier one wants sealing first, a case is
    open, the books differ, or nobody has closed it yet."""
    if now < month_range(view.month)[1]:
        return "running"
    if view.is_quiet:
        return "quiet"
    if list_unsealed_before(session, view.pair, view.month):
        return "earlier"
    if view.cases:
        return "case"
    return "waiting" if view.agrees else "differs"


def find_exception(session: Session, pair_id: int, month: str, content_hash: str) -> PairException | None:
    """The exception with this content, if somebody has signed it."""
    return session.scalars(
        select(PairException).where(
            PairException.pair_id == pair_id, PairException.month == month, PairException.hash == content_hash
        )
    ).one_or_none()


def list_exceptions(session: Session, pair_id: int, month: str) -> Sequence[PairException]:
    """Everything that was signed about a month, the newest first; all but the last was overtaken."""
    chosen = select(PairException).where(PairException.pair_id == pair_id, PairException.month == month)
    return session.scalars(chosen.order_by(PairException.id.desc())).all()


def list_signatures(session: Session, exception_id: int) -> Sequence[PairSignature]:
    """Who has signed an exception, the low branch first."""
    chosen = select(PairSignature).where(PairSignature.exception_id == exception_id)
    return session.scalars(chosen.order_by(PairSignature.branch_id)).all()


def list_unsigned(session: Session, branch_id: int) -> Sequence[PairException]:
    """Exceptions that the other side has signed and this one has not, of months that are not sealed."""
    newer, signed, sealed = aliased(PairException), PairSignature, PairStatement
    chosen = (
        select(PairException)
        .join(BranchPair, BranchPair.id == PairException.pair_id)
        .where(
            or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id),
            exists().where(signed.exception_id == PairException.id),
            ~exists().where(signed.exception_id == PairException.id, signed.branch_id == branch_id),
            ~exists().where(sealed.pair_id == PairException.pair_id, sealed.month == PairException.month),
            ~exists().where(
                newer.pair_id == PairException.pair_id,
                newer.month == PairException.month,
                newer.id > PairException.id,
            ),
        )
        .options(joinedload(PairException.pair))
    )
    return session.scalars(chosen.order_by(PairException.id)).all()
