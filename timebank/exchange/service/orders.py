"""Orders: asking. Locks are always taken in the order member, order, hold, account, offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from timebank.core import clock, codes
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.core.minutes import coins
from timebank.exchange import rules
from timebank.exchange.models import ACCEPTED, GOODS, REQUESTED, Offer, Order
from timebank.exchange.queries import (
    count_taken,
    find_order_by_key,
    get_offer,
    has_standing_order,
    is_shared_with,
)
from timebank.exchange.service import telling
from timebank.exchange.service.bookings import book, check_time
from timebank.exchange.service.paying import Price, set_aside
from timebank.exchange.service.people import refuse_inactive
from timebank.exchange.service.terms import expiry_of, hold_until, is_ready, most_at_once, refuse_closed
from timebank.ledger import queries as ledger_queries
from timebank.members.models import Member
from timebank.rulebook.queries import find_rule


class OtherBranch(Conflict):
    """The offer belongs to another branch."""

    code = "exchange.other_branch"
    text = "这一项只对“{branch}”的会员开放。请看看您所在网点的可兑项目。"


class OwnOffer(Conflict):
    """Nobody redeems their own service."""

    code = "exchange.own_offer"
    text = "这是您自己发布的服务，不能自己兑换。"


class OverLimit(Conflict):
    """More than one member may have."""

    code = "exchange.over_limit"
    text = "每人限兑 {limit} 份，您已经兑换了 {taken} 份。"


class SoldOut(Conflict):
    """Not enough left."""

    code = "exchange.sold_out"
    text = "“{title}”剩下的不够了：您要 {quantity} 份，还有 {stock} 份。"


class PriceChanged(Conflict):
    """The offer costs something else than what the member saw when asking."""

    code = "exchange.price_changed"
    text = "“{title}”刚刚改成了 {price}，和您看到的不一样，没有冻结爱心币。愿意的话，请再点一次“兑换”。"


class BadQuantity(Invalid):
    """Services go one at a time, goods a few at a time."""

    code = "exchange.bad_quantity"


class NotEnoughEarned(Conflict):
    """Before a first order more has to have been earned."""

    code = "exchange.not_enough_earned"
    text = (
        "本网点规定，累计存入满 {needed} 才可以第一次兑换。您到现在存入了 {earned}，还差 {missing}。"
        "再参加几次活动就可以兑换了。"
    )


@dataclass(frozen=True, kw_only=True)
class OrderDraft:
    """What a member asks for; the form's key makes a repeat harmless. ``seen_price_minutes``: None without a page;
    ``seen_rate``: by which rate it said what the member pays of their own.

    For a resource ``quantity`` are hours in a row from ``starts_at`` on.
    """

    offer_id: int
    form_key: str
    quantity: int = 1
    wish: str = ""
    seen_price_minutes: int | None = None
    seen_rate: str | None = None
    starts_at: datetime | None = None


def request_order(session: Session, draft: OrderDraft, *, actor: Actor, now: datetime) -> Order:
    """Set the actor's coins aside for an offer; goods leave the stock and are accepted at once.

    A repeat returns the first. Raises, in this order: NotActive, NotAllowed, FormUsed, OfferNotFound, OtherBranch,
    OwnOffer, OfferClosed, PriceChanged, BadQuantity, OverLimit, SoldOut, BadTime, ClosedThen, NotEnoughEarned, what
    clearing refuses where the offer is another branch's, CoinsShort, SlotTaken.
    """
    member = refuse_inactive(session, actor.member_id)
    actor.require("order.own", owner_id=member.id)
    first = find_order_by_key(session, draft.form_key)
    if first is not None:
        asked = (member.id, draft.offer_id, draft.quantity, draft.wish)
        other_time = draft.starts_at is not None and draft.starts_at != first.agreed_at
        if (first.member_id, first.offer_id, first.quantity, first.wish) != asked or other_time:
            raise FormUsed()
        return first
    offer = get_offer(session, draft.offer_id)
    _refuse_offer(session, offer, member, now)
    if draft.seen_price_minutes not in {None, offer.price_minutes}:
        raise PriceChanged(title=offer.title, price=coins(offer.price_minutes))
    _refuse_quantity(session, offer, member, draft.quantity)
    check_time(session, offer, draft.starts_at, draft.quantity, now)
    _refuse_too_early(session, member, now)
    amount = offer.price_minutes * draft.quantity
    expires_at = expiry_of(offer, draft.quantity, draft.starts_at, now)
    price = Price(
        minutes=amount, form_key=draft.form_key, until=hold_until(offer, expires_at, now), seen=draft.seen_rate
    )
    aside = set_aside(session, member, offer, price, now=now)
    _take_stock(session, offer, draft.quantity)
    ready, giver = is_ready(offer), offer.answers
    order = Order(
        branch_id=offer.branch_id,
        offer_id=offer.id,
        member_id=member.id,
        provider_id=giver.id if giver is not None else None,
        quantity=draft.quantity,
        amount_minutes=amount,
        wish=draft.wish,
        **aside,
        voucher=rules.voucher_code(codes.random_code(rules.VOUCHER_LENGTH)),
        status=ACCEPTED if ready else REQUESTED,
        form_key=draft.form_key,
        requested_at=now,
        accepted_at=now if ready else None,
        agreed_at=draft.starts_at,
        expires_at=expires_at,
        latest_at=price.until,
    )
    session.add(order)
    session.flush()
    if draft.starts_at is not None:
        book(session, order, draft.starts_at)
    telling.of_request(session, order, now=now)
    return order


def _refuse_offer(session: Session, offer: Offer, member: Member, now: datetime) -> None:
    if not is_shared_with(session, offer, member.branch_id):
        raise OtherBranch(branch=offer.branch.name)
    if offer.answers is not None and offer.answers.id == member.id:
        raise OwnOffer()
    refuse_closed(session, offer, now)


def _refuse_quantity(session: Session, offer: Offer, member: Member, quantity: int) -> None:
    most = most_at_once(offer)
    if not 0 < quantity <= most:
        raise BadQuantity(fields={"quantity": f"请填 1 到 {most} 之间的数。"})
    if offer.per_member_limit is not None:
        taken = count_taken(session, offer.id, member.id)
        if taken + quantity > offer.per_member_limit:
            raise OverLimit(limit=offer.per_member_limit, taken=taken)
    if offer.stock is not None and offer.stock < quantity:
        raise SoldOut(title=offer.title, quantity=quantity, stock=offer.stock)


def _refuse_too_early(session: Session, member: Member, now: datetime) -> None:
    """A first order asks for what the rules of the day want earned before; who has one that stands has passed."""
    needed = find_rule(session, member.branch_id, clock.today(now)).first_redemption_minutes
    if not needed or member.coin_account_id is None or has_standing_order(session, member.id, now=now):
        return
    earned = ledger_queries.issued_to(session, member.coin_account_id)
    if earned < needed:
        raise NotEnoughEarned(needed=coins(needed), earned=coins(earned), missing=coins(needed - earned))


def _take_stock(session: Session, offer: Offer, quantity: int) -> None:
    """The truth about the last ticket: taken only where enough is left."""
    if offer.kind != GOODS:
        return
    taken = session.execute(
        update(Offer).where(Offer.id == offer.id, Offer.stock >= quantity).values(stock=Offer.stock - quantity)
    ).rowcount  # type: ignore[attr-defined]
    if not taken:
        session.refresh(offer)
        raise SoldOut(title=offer.title, quantity=quantity, stock=offer.stock)
