"""A side of an order says that something is not right, or takes that back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.clock import today
from timebank.core.errors import FormUsed, Invalid
from timebank.core.workdays import workdays_after
from timebank.disputes import rules
from timebank.disputes.models import BOOKED, DECIDED, HELD, NONE, OPEN, PART, TALK, WHOLE, WITHDRAWN, Dispute
from timebank.disputes.queries import (
    find_by_key,
    find_of_order,
    find_waiting_ruling,
    get_dispute,
    is_alive,
    opened_before,
)
from timebank.disputes.service import telling
from timebank.exchange import service as exchange
from timebank.exchange.models import ACCEPTED, Order
from timebank.exchange.queries import get_order, state_of
from timebank.members.models import Member
from timebank.members.queries.people import require_active

HOW = {DECIDED: "已经有了决定", WITHDRAWN: "已经撤回"}


@dataclass(frozen=True, kw_only=True, slots=True)
class DisputeDraft:
    """About which order, what is wrong, what would set it right; the form's key once."""

    order_id: int
    wanted: str
    words: str
    form_key: str


def open_dispute(session: Session, draft: DisputeDraft, *, actor: Actor, now: datetime) -> Dispute:
    """Open a case: nothing can be done with the order until it is decided or taken back. A repeat returns the first.

    Raises OrderNotFound, NotASide, NotAllowed, FormUsed, MemberNotActive, CaseOpen, OpenedBefore, NothingToDispute,
    TooEarly, TooLate, WordsMissing.
    """
    get_order(session, draft.order_id, actor)
    order = exchange.lock_for_dispute(session, draft.order_id)
    side = _side(order, actor)
    first = find_by_key(session, draft.form_key)
    if first is not None:
        if (first.order_id, first.opened_by_id, first.wanted, first.words) != (
            order.id,
            side,
            draft.wanted,
            draft.words.strip(),
        ):
            raise FormUsed()
        return first
    _refuse(session, order, side, now)
    _refuse_words(draft)
    dispute = Dispute(
        branch_id=order.branch_id,
        order_id=order.id,
        opened_by_id=side,
        other_id=order.provider_id if side == order.member_id else order.member_id,
        stage=HELD if order.status == ACCEPTED else BOOKED,
        wanted=draft.wanted,
        words=draft.words.strip(),
        opened_at=now,
        heard_by=workdays_after(today(now), rules.HEARD_DAYS).day,
        due_on=workdays_after(today(now), rules.DUE_DAYS).day,
        status=OPEN,
        form_key=draft.form_key,
    )
    session.add(dispute)
    exchange.put_in_dispute(session, order, now=now)
    telling.of_opening(session, dispute, now=now)
    return dispute


def withdraw(session: Session, dispute_id: int, *, actor: Actor, now: datetime) -> Dispute:
    """Who opened a case takes it back; the order goes on as before. A repeat is harmless.

    Raises DisputeNotFound, NotASide, CaseEnded, SecondWaiting.
    """
    dispute = lock_dispute(session, dispute_id)
    if actor.member_id != dispute.opened_by_id:
        raise rules.NotASide()
    if dispute.status == WITHDRAWN:
        return dispute
    refuse_ended(dispute)
    if find_waiting_ruling(session, dispute.id) is not None:
        raise rules.SecondWaiting()
    exchange.end_dispute(session, dispute.order)
    dispute.status, dispute.ended_at, dispute.ended_by_id = WITHDRAWN, now, actor.member_id
    session.flush()
    telling.of_withdrawal(session, dispute, now=now)
    return dispute


def lock_dispute(session: Session, dispute_id: int) -> Dispute:
    """A case as it is now, nobody else's to change until we commit: its order is locked. Raises DisputeNotFound."""
    exchange.lock_for_dispute(session, get_dispute(session, dispute_id).order_id)
    return get_dispute(session, dispute_id)


def refuse_ended(dispute: Dispute) -> None:
    """Refuse what is done with a case that has ended. Raises CaseEnded."""
    if dispute.status != OPEN:
        raise rules.CaseEnded(how=HOW[dispute.status])


def _side(order: Order, actor: Actor) -> int:
    """The member who acts, a side of the order. Raises NotASide, NotAllowed."""
    if actor.member_id is None or actor.member_id not in {order.member_id, order.provider_id}:
        raise rules.NotASide()
    actor.require("dispute.own", owner_id=actor.member_id)
    return actor.member_id


def _refuse(session: Session, order: Order, side: int, now: datetime) -> None:
    require_active(session.get_one(Member, side))
    if is_alive(find_of_order(session, order.id)):
        raise rules.CaseOpen()
    if opened_before(session, order.id, side):
        raise rules.OpenedBefore()
    standing = rules.Standing(
        status=state_of(order, now), undone=order.undone, agreed_at=order.agreed_at, fulfilled_at=order.fulfilled_at
    )
    rules.refuse_opening(standing, now)


def _refuse_words(draft: DisputeDraft) -> None:
    if draft.wanted not in {WHOLE, PART, NONE, TALK}:
        raise Invalid(fields={"wanted": "请选希望怎么办。"})
    if not draft.words.strip():
        raise rules.WordsMissing(fields={"words": rules.WordsMissing.text})
