"""A member's coins while an order lives: set aside, paid, given back; across branches by way of clearing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing import queries as clearing_queries
from timebank.clearing import service as clearing
from timebank.core.errors import Conflict
from timebank.core.minutes import coins
from timebank.exchange.models import EXPIRED, Offer, Order
from timebank.exchange.queries import SOURCE
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import Member


class CoinsShort(Conflict):
    """Less is available than the order takes."""

    code = "exchange.coins_short"
    text = "可用的爱心币不够：需要 {needed}，现在可用 {available}。可以先参加活动存入，再来兑换。"


class RateChanged(Conflict):
    """Another branch's minutes cost something else than what the member saw when asking."""

    code = "exchange.rate_changed"
    text = "和“{branch}”之间的折算刚刚变了，现在要用 {paid}，没有冻结爱心币。愿意的话，请再点一次“兑换”。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What an order is going to take at most, and until when its coins are set aside.

    ``minutes`` are those of the offer's branch; ``seen`` by which rate the page said
    what the member pays of their own, ``4:5``; None without a page.
    """

    minutes: int
    form_key: str
    until: datetime
    seen: str | None = None


def set_aside(session: Session, member: Member, offer: Offer, price: Price, *, now: datetime) -> dict[str, int | None]:
    """Set coins aside, for another branch's offer also space on its line: the order's ``hold_id`` and ``proposal_id``.

    Raises CoinsShort, RateChanged where the page said another one, and what clearing refuses: NotConnected, PairFrozen,
    CeilingReached, LineFull.
    """
    account, needed = ledger_queries.get_account(session, member.coin_account_id), price.minutes
    try:
        if offer.branch_id == member.branch_id:
            return {"hold_id": _hold(session, account.id, member.id, price, now), "proposal_id": None}
        amounts = clearing_queries.cost_abroad(
            session, payer_id=member.branch_id, payee_id=offer.branch_id, minutes=price.minutes, now=now
        )
        needed = amounts.paid
        if price.seen not in {None, str(amounts.rate)}:
            raise RateChanged(branch=offer.branch.name, paid=coins(needed))
        draft = clearing.ProposalDraft(
            uid=f"{member.branch.code}:{price.form_key}"[:60],
            payer_id=member.branch_id,
            payee_id=offer.branch_id,
            account_id=account.id,
            minutes=needed,
            expires_at=price.until,
            source_type=SOURCE,
            actor_id=member.id,
            taken=amounts.taken,
            rate=amounts.rate,
        )
        proposal = clearing.propose(session, draft, now=now)
        return {"hold_id": proposal.payer_hold_id, "proposal_id": proposal.id}
    except ledger.NotEnough as short:
        raise CoinsShort(needed=coins(needed), available=coins(account.available)) from short


def _hold(session: Session, account_id: int, member_id: int, price: Price, now: datetime) -> int:
    draft = ledger.HoldDraft(
        account_id=account_id,
        amount=price.minutes,
        key=f"{SOURCE}:{price.form_key}",
        expires_at=price.until,
        source_type=SOURCE,
        source_id=None,
        actor_id=member_id,
    )
    return ledger.hold(session, draft, now=now)


def give_back(session: Session, order: Order, *, actor_id: int | None, now: datetime) -> None:
    """Free what was set aside for an order that came to nothing; once is enough, twice is harmless."""
    if order.proposal_id is None:
        ledger.void_hold(session, order.hold_id, actor_id=actor_id, now=now)
    elif order.status == EXPIRED:
        clearing.cancel(session, order.proposal_id, how=EXPIRED, actor_id=None, now=now)
    else:
        clearing.cancel(session, order.proposal_id, actor_id=actor_id, now=now)


def lock_purses(session: Session, orders: Sequence[Order]) -> None:
    """Every pair and account that giving back many orders is going to touch, in id order, as every other verb does."""
    proposals = [order.proposal_id for order in orders if order.proposal_id is not None]
    clearing.lock_pairs(session, proposals)
    places = {order.member.coin_account_id or 0 for order in orders}
    ledger.lock_accounts(session.connection(), places | clearing_queries.lines_of(session, proposals))


def pay(session: Session, order: Order, entry: ledger.EntryDraft, *, now: datetime) -> int:
    """Move coins that were set aside as ``entry`` says, whose payer is the member; what it leaves is free again.

    Returns the entry in the book of the order's branch. Raises what the ledger and clearing refuse.
    """
    if order.proposal_id is None:
        return ledger.post_hold(session, order.hold_id, entry, now=now).entry_id
    settlement = clearing.Settlement(
        takers=tuple((one.credit_id, one.amount) for one in entry.transfers),
        key=entry.key,
        source_id=order.id,
        occurred_at=entry.occurred_at,
        actor_id=entry.actor_id,
        payer_member_id=order.member_id,
        payee_member_id=order.serves_id,
        rule=entry.rule,
        facts=dict(entry.facts),
    )
    settled = clearing.settle(session, order.proposal_id, settlement, now=now)
    return settled.payee_entry_id or 0
