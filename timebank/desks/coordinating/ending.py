"""What ends soon at a branch: offers, orders with what they hold, papers, coins, promises of agreements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from timebank.agreements.queries import list_unkept
from timebank.agreements.rules import OVERDUE, SOON
from timebank.core import clock
from timebank.exchange.models import GOODS, LISTED, OPEN, REQUESTED, Offer, Order
from timebank.members.models import ACTIVE, Member, Qualification
from timebank.members.rules.papers import PAPERS
from timebank.rulebook.queries import Due, list_due

OFFERS_WITHIN: Final = timedelta(days=14)
ORDERS_WITHIN: Final = timedelta(days=3)
PAPERS_WITHIN: Final = timedelta(days=30)
COINS_WITHIN: Final = timedelta(days=30)
MOST: Final = 100  # of each kind

OFFER, ORDER, PAPER, COINS, PROMISE = "offer", "order", "paper", "coins", "promise"
ENDING_NAMES: Final = {OFFER: "服务和物品", ORDER: "兑换单", PAPER: "证书", COINS: "爱心币", PROMISE: "共建承诺"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """One thing that ends: of which kind, until which day, whose it is, which row stands for it."""

    kind: str
    title: str
    until: date
    row_id: int
    member: Member | None = None
    note: str = ""
    minutes: int = 0  # that are held for it, or that expire
    late: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Endings:
    """What ends soon, the earliest first; how many members' coins expire within a month, and how many minutes."""

    rows: tuple[Ending, ...]
    coin_members: int
    coin_minutes: int


def list_endings(session: Session, branch_id: int, *, now: datetime) -> Endings:
    """Everything of a branch that ends soon or is overdue; a handful of statements, whatever there is."""
    today = clock.today(now)
    coins = list_due(session, branch_id, now=now + COINS_WITHIN)
    rows = [
        *_offers(session, branch_id, today),
        *_orders(session, branch_id, now),
        *_papers(session, branch_id, today),
        *_coins(session, coins, today),
        *_promises(session, branch_id, today),
    ]
    rows.sort(key=lambda one: (one.until, list(ENDING_NAMES).index(one.kind), one.row_id))
    return Endings(rows=tuple(rows), coin_members=len(coins), coin_minutes=sum(one.minutes for one in coins))


def _offers(session: Session, branch_id: int, today: date) -> list[Ending]:
    ending = (
        select(Offer)
        .options(joinedload(Offer.provider))
        .where(
            Offer.branch_id == branch_id,
            Offer.status == LISTED,
            Offer.valid_until >= today,
            Offer.valid_until <= today + OFFERS_WITHIN,
        )
        .order_by(Offer.valid_until, Offer.id)
        .limit(MOST)
    )
    return [
        Ending(kind=OFFER, title=one.title, until=one.valid_until or today, row_id=one.id, member=one.provider)
        for one in session.scalars(ending)
    ]


def _orders(session: Session, branch_id: int, now: datetime) -> list[Ending]:
    ending = (
        select(Order)
        .options(joinedload(Order.offer), joinedload(Order.member))
        .where(
            Order.branch_id == branch_id,
            Order.status.in_(OPEN),
            Order.expires_at > now,
            Order.expires_at <= now + ORDERS_WITHIN,
        )
        .order_by(Order.expires_at, Order.id)
        .limit(MOST)
    )
    return [
        Ending(
            kind=ORDER,
            title=one.offer.title,
            until=clock.today(one.expires_at),
            row_id=one.id,
            member=one.member,
            note=_state(one),
            minutes=one.amount_minutes,
        )
        for one in session.scalars(ending)
    ]


def _state(order: Order) -> str:
    if order.status == REQUESTED:
        return "还没有人答复"
    return "还没有来领" if order.offer.kind == GOODS else "约好了还没有核销"


def _papers(session: Session, branch_id: int, today: date) -> list[Ending]:
    ending = (
        select(Qualification, Member)
        .join(Member, Member.id == Qualification.member_id)
        .where(
            Member.branch_id == branch_id,
            Member.status == ACTIVE,
            Qualification.withdrawn_at.is_(None),
            Qualification.valid_until >= today,
            Qualification.valid_until <= today + PAPERS_WITHIN,
        )
        .order_by(Qualification.valid_until, Qualification.id)
        .limit(MOST)
    )
    return [
        Ending(
            kind=PAPER,
            title=PAPERS.get(paper.kind, paper.kind),
            until=paper.valid_until or today,
            row_id=paper.member_id,
            member=member,
        )
        for paper, member in session.execute(ending)
    ]


def _coins(session: Session, due: list[Due], today: date) -> list[Ending]:
    """The members who lose most, if they use nothing until then."""
    first = sorted(due, key=lambda one: -one.minutes)[:MOST]
    owners = session.scalars(select(Member).where(Member.coin_account_id.in_([one.account_id for one in first])))
    by_account = {one.coin_account_id: one for one in owners}
    return [
        Ending(
            kind=COINS,
            title="爱心币快过期",
            until=today + COINS_WITHIN,
            row_id=by_account[one.account_id].id,
            member=by_account[one.account_id],
            note=f"存满 {one.version.expiry_months} 个月",
            minutes=one.minutes,
        )
        for one in first
        if one.account_id in by_account
    ]


def _promises(session: Session, branch_id: int, today: date) -> list[Ending]:
    return [
        Ending(
            kind=PROMISE,
            title=article.terms.words,
            until=article.terms.due_on,
            row_id=agreement.id,
            note=f"{agreement.organisation.name} · 还差 {article.standing.left} {article.terms.unit}",
            late=article.standing.state == OVERDUE,
        )
        for agreement, article in list_unkept(session, branch_id, today=today)
        if article.standing.state in (SOON, OVERDUE)
    ]
