"""The two good ends and the sad one: fulfilling by voucher, rating, running out of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from timebank.clearing.models import REFUSED, Proposal
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid, NotAllowed, NotFound
from timebank.core.minutes import coins
from timebank.exchange import rules
from timebank.exchange.models import CANCELLED, EXPIRED, FULFILLED, GOODS, OPEN, Order, Rating
from timebank.exchange.queries import IN_DISPUTE, SOURCE, may_confirm, state_of
from timebank.exchange.service import telling
from timebank.exchange.service.answering import give_back_stock, lock_order
from timebank.exchange.service.bookings import free_slots
from timebank.exchange.service.paying import give_back, lock_purses, pay
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import Member
from timebank.rulebook.queries import find_rule
from timebank.rulebook.rules import TO_FUND, Version, kept_of
from timebank.rulebook.service import lock_members

_UNBACKED = "两个网点之间的额度用满了，或者等过了时间，没有办成"


class VoucherNotFound(NotFound):
    """No such voucher, or not this actor's business."""

    code = "exchange.voucher_not_found"
    text = "没有找到这张兑换券，或者不归您核销。只有提供服务的人和本网点工作人员可以核销。"


class OwnOrder(Conflict):
    """Nobody confirms what they receive themselves."""

    code = "exchange.own_order"
    text = "这是您自己的兑换单，要由提供服务的人或别的工作人员来核销。"


class AlreadyRated(Conflict):
    """One rating per side."""

    code = "exchange.already_rated"
    text = "您已经评价过这一单了，每单只评一次。"


class BadPart(Invalid):
    """Nothing, more than was ordered, or less without a word why."""

    code = "exchange.bad_part"


class BadScore(Invalid):
    """Not one to five."""

    code = "exchange.bad_score"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What was done of an order: pieces of goods, or minutes of a service with the reason for less."""

    quantity: int | None = None
    minutes: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """The order that a voucher fulfilled; ``repeated`` when it had been before."""

    order: Order
    repeated: bool


def fulfil(session: Session, voucher: str, *, part: Part | None = None, actor: Actor, now: datetime) -> Fulfilment:
    """Confirm by the member's voucher that it was done: the coins move to who did it, or where no member did (goods,
    rooms, services of an organisation or the branch) into ``redeemed``.

    With ``part`` only that much moves; the rest is free again, and goods that were not handed out are back in stock.
    What a provider may not hold under the rules of the day goes to the fund, in the same entry.

    A repeat is calm. Raises NotAVoucher, MistypedVoucher, VoucherNotFound, OwnOrder, InDispute, NotAcceptedYet,
    OrderEnded, AlreadyFulfilled (in another part), BadPart.
    """
    code = rules.read_voucher(voucher)
    order = session.scalars(
        select(Order)
        .where(Order.voucher == code)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if order is None:
        raise VoucherNotFound()
    if actor.member_id == order.member_id:
        raise OwnOrder()
    if not may_confirm(order, actor):
        raise VoucherNotFound()
    share = share_of(order, part)
    if order.status == FULFILLED:
        if part is not None and share.minutes != order.booked_minutes:
            raise rules.AlreadyFulfilled()
        return Fulfilment(order, repeated=True)
    rules.decide("fulfil", state_of(order, now))
    reason = part.reason.strip() if part is not None and not share.whole else ""
    fund_minutes = book(session, order, share, reason=reason, actor=actor, now=now)
    telling.of_fulfilment(session, order, fund_minutes=fund_minutes, now=now)
    return Fulfilment(order, repeated=False)


def share_of(order: Order, part: Part | None) -> rules.Share:
    """What of an order is taken. Raises BadPart."""
    if part is None:
        return rules.Share(order.amount_minutes, order.quantity, whole=True)
    if order.offer.kind == GOODS:
        share = rules.share_of_goods(order.amount_minutes, order.quantity, part.quantity or 0)
        if share is None:
            raise BadPart(fields={"quantity": f"请填 1 到 {order.quantity} 之间的数。一份也没有领的，请取消这一单。"})
        return share
    share = rules.share_of_service(order.amount_minutes, part.minutes or 0)
    if share is None:
        most = coins(order.amount_minutes)
        raise BadPart(fields={"minutes": f"请填比 0 多、不超过 {most} 的数。一点也没有做的，请取消这一单。"})
    if not share.whole and not part.reason.strip():
        raise BadPart(fields={"reason": "请写一句为什么只算一部分，对方会看到。"})
    return share


def book(session: Session, order: Order, share: rules.Share, *, reason: str, actor: Actor, now: datetime) -> int:
    """Move what was done of an open order and end it; the order is locked. Returns what of it went to the fund."""
    entry = _entry(session, order, share, actor, now)
    entry_id = pay(session, order, entry, now=now)
    order.status, order.fulfilled_at, order.fulfilled_by_id = FULFILLED, now, actor.member_id
    order.ended_at, order.ended_by_id, order.entry_id = now, actor.member_id, entry_id
    if not share.whole:
        order.fulfilled_minutes, order.part_reason = share.minutes, reason
        order.fulfilled_quantity = share.quantity if share.quantity < order.quantity else None
    session.flush()
    if share.quantity < order.quantity:
        give_back_stock(session, order.offer_id, order.quantity - share.quantity)
    return int(entry.facts.get(TO_FUND, 0))


def kept_and_fund(session: Session, order: Order, minutes: int, *, now: datetime) -> tuple[int, int]:
    """What of some minutes the provider would keep today, and what would go to the fund: nothing where nobody earns."""
    if order.serves_id is None:
        return minutes, 0
    provider = session.get_one(Member, order.serves_id)
    balance = ledger_queries.get_account(session, provider.coin_account_id).balance
    kept = kept_of(minutes, balance=balance, rule=find_rule(session, order.branch_id, clock.today(now)))
    return kept, minutes - kept


def _entry(session: Session, order: Order, share: rules.Share, actor: Actor, now: datetime) -> ledger.EntryDraft:
    rule = find_rule(session, order.branch_id, clock.today(now))
    takers = _takers(session, order, share.minutes, rule)
    fund = takers[-1][1] if len(takers) > 1 else 0
    return ledger.EntryDraft(
        book_id=order.branch_id,
        kind="redeem",
        key=f"{SOURCE}:{order.id}:fulfil",
        transfers=tuple(
            ledger.TransferDraft(
                debit_id=order.member.coin_account_id or 0, credit_id=taker, amount=amount, unit="coin"
            )
            for taker, amount in takers
            if amount
        ),
        source_type=SOURCE,
        source_id=order.id,
        occurred_at=now,
        actor_id=actor.member_id,
        for_member_id=order.member_id,
        rule=rule.name,
        facts={
            "title": order.offer.title,
            "offer_kind": order.offer.kind,
            "quantity": share.quantity,
            "provider_id": order.serves_id,
            **({TO_FUND: fund} if fund else {}),
        },
    )


def _takers(session: Session, order: Order, minutes: int, rule: Version) -> list[tuple[int, int]]:
    """(account, amount) of whoever gets the coins; last the fund, where a provider may not hold more."""
    if order.serves_id is None:
        return [(ledger_queries.find_house_account(session, order.branch_id, "redeemed"), minutes)]
    provider = session.get_one(Member, order.serves_id)
    if rule.holding_cap_minutes is None:
        return [(provider.coin_account_id or 0, minutes)]
    lock_members(session, [provider.id])  # nobody else decides by this balance meanwhile
    account = ledger_queries.get_account(session, provider.coin_account_id)
    kept = kept_of(minutes, balance=account.balance, rule=rule)
    if kept == minutes:
        return [(account.id, kept)]
    fund = ledger_queries.find_house_account(session, order.branch_id, "fund")
    return [(account.id, kept), (fund, minutes - kept)]


def rate(session: Session, order_id: int, *, score: int, words: str = "", actor: Actor, now: datetime) -> Rating:
    """Rate the other side of a fulfilled order, once per side; the same words again are harmless.

    Raises OrderNotFound, NotAllowed, InDispute, NotFulfilledYet, OrderEnded, OrderUndone, BadScore, AlreadyRated.
    """
    order = lock_order(session, order_id, actor)
    if actor.member_id is None or actor.member_id not in {order.member_id, order.provider_id, order.served_by_id}:
        raise NotAllowed()
    rules.decide("rate", state_of(order, now))
    if order.undone:
        raise rules.OrderUndone()
    if not 1 <= score <= 5:
        raise BadScore(fields={"score": "请选 1 到 5 分。"})
    row = {"order_id": order.id, "by_id": actor.member_id, "score": score, "words": words, "at": now}
    session.execute(insert_once(session, Rating).values(row))
    rating = session.scalars(select(Rating).where(Rating.order_id == order.id, Rating.by_id == actor.member_id)).one()
    if (rating.score, rating.words) != (score, words):
        raise AlreadyRated()
    return rating


def expire_orders(session: Session, *, now: datetime, at_most: int = 500) -> list[int]:
    """End the open orders whose time has run out: coins free again, goods back in stock; returns the orders ended.

    Coins are set aside for the longest life an order may have, since an acceptance prolongs it: so the orders, not the
    holds, say what ends now; one that is in dispute waits for its decision. Accounts are touched in the order of their
    ids, then offers, as every other verb does.
    """
    overdue = session.scalars(
        select(Order)
        .where(Order.status.in_(OPEN), Order.expires_at <= now, ~IN_DISPUTE)
        .order_by(Order.id)
        .limit(at_most)
        .with_for_update(of=Order, key_share=True, skip_locked=True)
        .options(selectinload(Order.member), selectinload(Order.offer))
        .execution_options(populate_existing=True)
    ).all()
    for order in overdue:
        telling.of_expiry(session, order, now=now)
        order.status, order.ended_at, order.end_reason = EXPIRED, now, "过了期限"
    return _let_go(session, overdue, now)


def cancel_unbacked(session: Session, *, now: datetime, at_most: int = 500) -> list[int]:
    """End the open orders for which the other branch, asked again after an interruption, reserved nothing on its line.

    Their coins are free already, so nothing stands behind them: both sides are told now, not on the day they meet.
    Returns the orders ended.
    """
    refused = select(Proposal.id).where(Proposal.status == REFUSED)
    unbacked = session.scalars(
        select(Order)
        .where(Order.status.in_(OPEN), Order.proposal_id.in_(refused), ~IN_DISPUTE)
        .order_by(Order.id)
        .limit(at_most)
        .with_for_update(of=Order, key_share=True, skip_locked=True)
        .options(selectinload(Order.member), selectinload(Order.offer))
        .execution_options(populate_existing=True)
    ).all()
    for order in unbacked:
        order.status, order.ended_at, order.end_reason = CANCELLED, now, _UNBACKED
        telling.of_cancellation(session, order, by_member=False, now=now)
    return _let_go(session, unbacked, now)


def _let_go(session: Session, ended: Sequence[Order], now: datetime) -> list[int]:
    """Give back what orders that have just ended had set aside; returns them."""
    session.flush()
    lock_purses(session, ended)
    back: Counter[int] = Counter()
    for order in ended:
        give_back(session, order, actor_id=None, now=now)
        if order.offer.kind == GOODS:
            back[order.offer_id] += order.quantity
    for offer_id, quantity in sorted(back.items()):
        give_back_stock(session, offer_id, quantity)
    free_slots(session, [order.id for order in ended])
    return [order.id for order in ended]
