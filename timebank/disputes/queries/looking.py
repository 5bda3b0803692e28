"""What a decision would do, before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.corrections import queries as corrections
from timebank.disputes.models import HELD, Dispute
from timebank.exchange import service as exchange
from timebank.exchange.models import GOODS, Order
from timebank.exchange.queries import paid_by_member
from timebank.exchange.rules import Share
from timebank.ledger import queries as ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What happens to somebody's coins: ``change`` in minutes. ``short``: that much is not there any more."""

    name: str
    change: int
    short: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A decision before it is made. ``minutes``: what the order comes to; ``restocked``: goods that go back."""

    minutes: int
    effects: tuple[Effect, ...]
    restocked: int = 0
    blocked: bool = False

    @property
    def needs_second(self) -> bool:
        """Whether a side would owe what it spent, so that a second person has to agree."""
        return any(effect.short for effect in self.effects)


def share_of(order: Order, minutes: int) -> Share | None:
    """What of an open order moves when it comes to ``minutes``; None when nothing does."""
    if not minutes:
        return None
    quantity = order.quantity
    if order.offer.kind == GOODS:
        quantity = minutes * order.quantity // order.amount_minutes
    return Share(minutes, quantity, whole=minutes == order.amount_minutes)


def look(session: Session, dispute: Dispute, minutes: int, *, now: datetime) -> Look:
    """What happens when the order of an open case comes to ``minutes``."""
    return (
        _of_held(session, dispute.order, minutes, now)
        if dispute.stage == HELD
        else _of_booked(session, dispute, minutes)
    )


def _of_held(session: Session, order: Order, minutes: int, now: datetime) -> Look:
    share = share_of(order, minutes)
    kept, fund = exchange.kept_and_fund(session, order, minutes, now=now) if share is not None else (0, 0)
    giver = order.provider.alias if order.provider is not None else ""
    paid, whole = (paid_by_member(session, order, one) if one else 0 for one in (minutes, order.amount_minutes))
    effects = [
        Effect(name=giver, change=kept) if giver and kept else None,
        Effect(name="爱心基金（超过上限的部分）", change=fund) if fund else None,
        Effect(name=f"{order.member.alias}（从冻结里退回）", change=whole - paid),
    ]
    back = order.quantity - (share.quantity if share is not None else 0) if order.offer.kind == GOODS else 0
    return Look(minutes=minutes, effects=tuple(one for one in effects if one and one.change), restocked=back)


def _of_booked(session: Session, dispute: Dispute, minutes: int) -> Look:
    entry_id = dispute.order.entry_now_id
    if entry_id is None or minutes == dispute.order.amount_now:
        return Look(minutes=minutes, effects=())
    found = corrections.look(session, ledger.get_entry(session, entry_id), minutes or None)
    effects = tuple(
        Effect(name=one.member.alias if one.member is not None else "爱心基金", change=one.change, short=one.short)
        for one in found.effects
    )
    return Look(minutes=minutes, effects=effects, blocked=found.blocked)
