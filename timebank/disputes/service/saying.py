"""What the sides say of a case until its deadline; each word stays."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.clock import today
from timebank.core.errors import FormUsed
from timebank.disputes import rules
from timebank.disputes.models import Dispute, DisputeStatement
from timebank.disputes.queries import find_statement_by_key
from timebank.disputes.service import telling
from timebank.disputes.service.opening import lock_dispute, refuse_ended


def say(
    session: Session, dispute_id: int, *, words: str, form_key: str, actor: Actor, now: datetime
) -> DisputeStatement:
    """Say something as a side; for a branch that gave goods, its staff, who then do not decide. A repeat is calm.

    Raises DisputeNotFound, NotASide, FormUsed, CaseEnded, TooLateToSay, WordsMissing.
    """
    dispute = lock_dispute(session, dispute_id)
    by_id = _speaker(dispute, actor)
    first = find_statement_by_key(session, form_key)
    if first is not None:
        if (first.dispute_id, first.by_id, first.words) != (dispute.id, by_id, words.strip()):
            raise FormUsed()
        return first
    refuse_ended(dispute)
    if today(now) > dispute.due_on:
        raise rules.TooLateToSay(day=dispute.due_on)
    if not words.strip():
        raise rules.WordsMissing(fields={"words": rules.WordsMissing.text})
    said = DisputeStatement(dispute_id=dispute.id, by_id=by_id, words=words.strip(), at=now, form_key=form_key)
    session.add(said)
    session.flush()
    telling.of_statement(session, dispute, said, now=now)
    return said


def _speaker(dispute: Dispute, actor: Actor) -> int:
    if actor.member_id is not None and actor.member_id in dispute.sides:
        return actor.member_id
    of_branch = dispute.other_id is None and actor.may("dispute.decide", branch_id=dispute.branch_id)
    if actor.member_id is None or not of_branch:
        raise rules.NotASide()
    return actor.member_id
