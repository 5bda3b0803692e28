"""Setting how long a kind is kept, from a day that lies ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.clock import today
from timebank.core.errors import FormUsed, Invalid
from timebank.retention.models import RetentionTerm
from timebank.retention.rules import check_term


class DayPassed(Invalid):
    """A term begins tomorrow at the earliest: nothing that happened today is judged by it."""

    code = "retention.day_passed"
    text = "生效日期最早是明天。"


@dataclass(frozen=True, kw_only=True, slots=True)
class TermDraft:
    """From when on a kind is kept how long, and why."""

    kind: str
    months: int
    valid_from: date
    reason: str
    form_key: str


def set_term(session: Session, draft: TermDraft, *, actor: Actor, now: datetime) -> RetentionTerm:
    """Keep a new term. A repeat answers with the first. Raises NotAllowed, TermTooShort, DayPassed, FormUsed."""
    actor.require("retention.change")
    first = session.scalar(select(RetentionTerm).where(RetentionTerm.form_key == draft.form_key))
    if first is not None:
        if (first.kind, first.months, first.valid_from) != (draft.kind, draft.months, draft.valid_from):
            raise FormUsed()
        return first
    check_term(draft.kind, draft.months)
    if draft.valid_from <= today(now):
        raise DayPassed(fields={"valid_from": DayPassed.text})
    term = RetentionTerm(
        kind=draft.kind,
        months=draft.months,
        valid_from=draft.valid_from,
        reason=draft.reason,
        created_by_id=actor.person("retention.change"),
        created_at=now,
        form_key=draft.form_key,
    )
    session.add(term)
    session.flush()
    return term
