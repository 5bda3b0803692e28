"""The decision of somebody without a part: it moves coins by new entries, in the same transaction, and stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.corrections import service as corrections
from timebank.disputes import rules
from timebank.disputes.models import BOOKED, DECIDED, FINAL, WAITING, Dispute, DisputeRuling
from timebank.disputes.queries import (
    find_ruling_by_key,
    find_waiting_ruling,
    get_dispute,
    has_spoken,
    share_of,
    why_involved,
)
from timebank.disputes.service import telling
from timebank.disputes.service.opening import lock_dispute, refuse_ended
from timebank.exchange import service as exchange
from timebank.exchange.models import GOODS
from timebank.ledger import service as ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class RulingDraft:
    """What somebody decides: ``part`` is what the order comes to where that is neither all nor nothing."""

    dispute_id: int
    outcome: str
    reason: str
    part: int | None = None
    form_key: str


def decide(session: Session, draft: RulingDraft, *, actor: Actor, now: datetime) -> Dispute:
    """Decide a case; where a side would owe what it spent meanwhile, the decision waits for a second person.

    A repeat returns the first. Raises DisputeNotFound, NotAllowed, FormUsed, CaseEnded, SecondWaiting, Involved,
    NotHeardYet, BadRuling, and what the books refuse (AlreadyAsked, OneSided, NotEnough).
    """
    dispute = lock_case(session, draft.dispute_id)
    decider = person(dispute, actor)
    first = find_ruling_by_key(session, draft.form_key)
    if first is not None:
        return _same(session, first, draft, decider)
    refuse_ended(dispute)
    if find_waiting_ruling(session, dispute.id) is not None:
        raise rules.SecondWaiting()
    refuse_involved(session, dispute, decider)
    _refuse_unheard(session, dispute, now)
    minutes = ruled_minutes(dispute, draft.outcome, draft.part)
    if not draft.reason.strip():
        raise rules.BadRuling(fields={"reason": "请写清楚为什么这样决定，双方都会看到。"})
    ruled = {
        "dispute_id": dispute.id,
        "outcome": draft.outcome,
        "minutes": minutes,
        "reason": draft.reason.strip(),
        "by_id": decider,
        "at": now,
        "form_key": draft.form_key,
    }
    try:
        with session.begin_nested():  # all or nothing, since the decision may have to wait
            ruling = DisputeRuling(**ruled, status=FINAL, answered_at=now)
            carry_out(session, dispute, ruling, actor=actor, now=now)
    except ledger.BelowFloor:
        waiting = DisputeRuling(**ruled, status=WAITING)
        session.add(waiting)
        session.flush()
        telling.of_waiting(session, dispute, waiting, now=now)
    return get_dispute(session, dispute.id)


def carry_out(session: Session, dispute: Dispute, ruling: DisputeRuling, *, actor: Actor, now: datetime) -> None:
    """Do what a decision says and end the case. Raises BelowFloor where a second person has to agree and none did."""
    session.add(ruling)
    session.flush()
    order = dispute.order
    before, entry_id = order.amount_now, order.entry_now_id
    share = share_of(order, ruling.minutes) if dispute.stage != BOOKED else None
    reason = f"争议 {dispute.id} 号决定：{ruling.reason}"
    exchange.settle_order(session, order, exchange.Settling(share=share, reason=reason), actor=actor, now=now)
    if dispute.stage == BOOKED and ruling.minutes < before and entry_id is not None:
        back = corrections.CorrectionDraft(entry_id=entry_id, minutes=ruling.minutes or None, reason=reason)
        by = corrections.Deciders(first_id=ruling.by_id, second_id=ruling.second_id)
        corrections.book_decided(session, back, form_key=f"dispute-{ruling.id}", by=by, now=now)
    dispute.status, dispute.ended_at, dispute.ended_by_id = DECIDED, now, ruling.by_id
    session.flush()
    telling.of_decision(session, dispute, ruling, now=now)


def lock_case(session: Session, dispute_id: int) -> Dispute:
    """A case locked for its decision: the booked entry by name first, as corrections do. Raises DisputeNotFound."""
    dispute = get_dispute(session, dispute_id)
    if dispute.order.entry_now_id is not None:  # does not change while the case is open
        corrections.lock_entry(session, dispute.order.entry_now_id)
    return lock_dispute(session, dispute_id)


def person(dispute: Dispute, actor: Actor) -> int:
    """Who decides: a person who may at this branch. Raises NotAllowed."""
    actor.require("dispute.decide", branch_id=dispute.branch_id)
    if actor.member_id is None:
        raise NotAllowed(permission="dispute.decide")
    return actor.member_id


def refuse_involved(session: Session, dispute: Dispute, member_id: int) -> None:
    """Refuse somebody who has a part in the case. Raises Involved."""
    why = why_involved(session, dispute, member_id)
    if why:
        raise rules.Involved(why=why)


def ruled_minutes(dispute: Dispute, outcome: str, part: int | None) -> int:
    """What the order comes to. Raises BadRuling."""
    order = dispute.order
    minutes = rules.minutes_of(outcome, now_minutes=order.amount_now, part=part)
    price = order.amount_minutes // order.quantity
    if outcome == "part" and order.offer.kind == GOODS and minutes % price:
        raise rules.BadRuling(fields={"part": "物品要按整份算，请填每份的整倍数。"})
    return minutes


def _same(session: Session, first: DisputeRuling, draft: RulingDraft, decider: int) -> Dispute:
    sent = (draft.dispute_id, draft.outcome, draft.reason.strip(), decider)
    if (first.dispute_id, first.outcome, first.reason, first.by_id) != sent:
        raise FormUsed()
    return get_dispute(session, first.dispute_id)


def _refuse_unheard(session: Session, dispute: Dispute, now: datetime) -> None:
    heard = rules.is_heard(
        other_spoke=has_spoken(session, dispute.id, dispute.other_id),
        has_other=dispute.other_id is not None,
        heard_by=dispute.heard_by,
        today=clock.today(now),
    )
    if not heard:
        raise rules.NotHeardYet(day=dispute.heard_by)
