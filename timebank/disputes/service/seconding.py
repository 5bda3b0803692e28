"""The second person's word where a decision lets a side owe what it spent meanwhile."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.disputes import rules
from timebank.disputes.models import DECIDED, DECLINED, FINAL, Dispute, DisputeRuling
from timebank.disputes.queries import find_waiting_ruling, get_case
from timebank.disputes.service import telling
from timebank.disputes.service.deciding import carry_out, lock_case, person, refuse_involved
from timebank.disputes.service.opening import refuse_ended


def agree(session: Session, dispute_id: int, *, note: str = "", actor: Actor, now: datetime) -> Dispute:
    """Let the decision take effect. A repeat is harmless.

    Raises DisputeNotFound, NotAllowed, CaseEnded, NoSecondWaiting, SameHand, Involved, and what the books refuse.
    """
    dispute = lock_case(session, dispute_id)
    second = person(dispute, actor)
    final = get_case(session, dispute.id).final
    if dispute.status == DECIDED and final is not None and final.second_id == second:
        return dispute
    ruling = _waiting(session, dispute, second)
    ruling.status, ruling.second_id, ruling.answered_at, ruling.note = FINAL, second, now, note.strip()
    carry_out(session, dispute, ruling, actor=actor, now=now)
    return dispute


def disagree(session: Session, dispute_id: int, *, note: str, actor: Actor, now: datetime) -> Dispute:
    """Do not agree, with a reason: the case waits for another decision. A repeat is harmless.

    Raises DisputeNotFound, NotAllowed, CaseEnded, NoSecondWaiting, SameHand, Involved, BadRuling.
    """
    dispute = lock_case(session, dispute_id)
    second = person(dispute, actor)
    rulings = get_case(session, dispute.id).rulings
    if rulings and (rulings[-1].status, rulings[-1].second_id, rulings[-1].note) == (DECLINED, second, note.strip()):
        return dispute
    ruling = _waiting(session, dispute, second)
    if not note.strip():
        raise rules.BadRuling(fields={"note": "请写一句为什么不同意。"})
    ruling.status, ruling.second_id, ruling.answered_at, ruling.note = DECLINED, second, now, note.strip()
    session.flush()
    telling.of_disagreement(session, dispute, ruling, actor=actor, now=now)
    return dispute


def _waiting(session: Session, dispute: Dispute, second: int) -> DisputeRuling:
    refuse_ended(dispute)
    ruling = find_waiting_ruling(session, dispute.id)
    if ruling is None:
        raise rules.NoSecondWaiting()
    if ruling.by_id == second:
        raise rules.SameHand()
    refuse_involved(session, dispute, second)
    return ruling
