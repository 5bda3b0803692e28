"""The term of each kind on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from timebank.core.clock import instant, today
from timebank.retention.models import RetentionTerm
from timebank.retention.rules import DISPOSABLE, Kind, before_of, class_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A kind with its months today, what set them (None: as usual), and what will hold later."""

    code: str
    kind: Kind
    months: int
    row: RetentionTerm | None
    coming: RetentionTerm | None

    @property
    def class_name(self) -> str:
        """The class of the term."""
        return class_of(self.months)


def list_terms(session: Session) -> Sequence[RetentionTerm]:
    """Every term that was ever set, the newest first."""
    chosen = select(RetentionTerm).options(joinedload(RetentionTerm.created_by))
    return session.scalars(chosen.order_by(RetentionTerm.valid_from.desc(), RetentionTerm.id.desc())).all()


def terms_on(session: Session, day: date) -> list[Term]:
    """The term of every kind on a day."""
    rows = list_terms(session)
    found = []
    for code, kind in DISPOSABLE.items():
        own = [row for row in rows if row.kind == code]
        row = next((one for one in own if one.valid_from <= day), None)
        coming = next((one for one in reversed(own) if one.valid_from > day), None)
        found.append(Term(code=code, kind=kind, months=row.months if row else kind.months, row=row, coming=coming))
    return found


def months_of(session: Session, day: date) -> dict[str, int]:
    """The months of every kind on a day."""
    return {term.code: term.months for term in terms_on(session, day)}


def past_before(months: int, now: datetime) -> datetime:
    """What is dated before this instant is past a term of so many months now."""
    return instant(before_of(months, today(now)), time())
