"""Members who have coins and never redeemed any, or whose last orders all came to nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, Subquery, and_, func, or_, select
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.exchange.models import CANCELLED, DECLINED, EXPIRED, FULFILLED, OPEN, Order
from timebank.exchange.queries.corrected import IS_UNDONE
from timebank.ledger import queries as ledger
from timebank.members.models import ACTIVE, Member
from timebank.members.rules import age_on
from timebank.rulebook.queries import find_rule

AT_LEAST: Final = 120  # minutes: with less there is little to choose from
LAST: Final = 3  # so many orders that came to nothing, and none that came true since
ELDER: Final = 70
_DEAD: Final = (DECLINED, EXPIRED, CANCELLED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unredeemed:
    """A member, what they could spend, how often they asked, and how their last orders ended."""

    member: Member
    available: int
    asked: int
    declined: int
    expired: int
    cancelled: int
    last_asked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unredeemers:
    """Who has most first, and how many there are in all."""

    rows: tuple[Unredeemed, ...]
    total: int


def least_to_redeem(session: Session, branch_id: int, *, today: date) -> int:
    """From how many minutes on a member counts: what the rules ask before the first time, at least two coins."""
    return max(find_rule(session, branch_id, today).first_redemption_minutes, AT_LEAST)


def list_unredeemed(session: Session, branch_id: int, *, now: datetime, most: int = 50) -> Unredeemers:
    """Members with coins who never redeemed, or whose last orders all came to nothing; nothing of theirs is open.

    Three statements.
    """
    rows = session.execute(_chosen(session, branch_id, now).limit(most)).all()
    ends = _last_ends(session, [row.Member.id for row in rows])
    return Unredeemers(
        rows=tuple(
            Unredeemed(
                member=row.Member,
                available=int(row.available),
                asked=row.asked or 0,
                last_asked_at=row.last_asked_at,
                **{status: ends[row.Member.id].count(status) for status in _DEAD},
            )
            for row in rows
        ),
        total=rows[0].total if rows else 0,
    )


def _chosen(session: Session, branch_id: int, now: datetime) -> Select[Any]:
    least = least_to_redeem(session, branch_id, today=clock.today(now))
    purse, orders = ledger.purses_with(branch_id, least), _orders(branch_id, now)
    in_vain_since = (
        select(func.count())
        .where(Order.member_id == Member.id, Order.status.in_(_DEAD), Order.requested_at > orders.c.redeemed_at)
        .correlate(Member, orders)
        .scalar_subquery()
    )
    return (
        select(Member, purse.c.available, orders.c.asked, orders.c.last_asked_at, func.count().over().label("total"))
        .join(purse, purse.c.account_id == Member.coin_account_id)
        .outerjoin(orders, orders.c.member_id == Member.id)
        .where(
            Member.branch_id == branch_id,
            Member.status == ACTIVE,
            func.coalesce(orders.c.alive, 0) == 0,
            or_(orders.c.redeemed_at.is_(None), in_vain_since >= LAST),
        )
        .order_by(purse.c.available.desc(), Member.id)
    )


def _orders(branch_id: int, now: datetime) -> Subquery:
    """By member of a branch: how many orders, how many of them are open, and when the last was asked that came true."""
    redeemed = and_(Order.status == FULFILLED, ~IS_UNDONE)
    return (
        select(
            Order.member_id,
            func.count().label("asked"),
            func.count().filter(Order.status.in_(OPEN), Order.expires_at > now).label("alive"),
            func.max(Order.requested_at).filter(redeemed).label("redeemed_at"),
            func.max(Order.requested_at).label("last_asked_at"),
        )
        .join(Member, Member.id == Order.member_id)
        .where(Member.branch_id == branch_id)
        .group_by(Order.member_id)
        .subquery("asked")
    )


def _last_ends(session: Session, member_ids: list[int]) -> dict[int, list[str]]:
    """How the last few orders of these members ended."""
    newest = func.row_number().over(partition_by=Order.member_id, order_by=(Order.requested_at.desc(), Order.id.desc()))
    each = (
        select(Order.member_id, Order.status, newest.label("newest"))
        .where(Order.member_id.in_(member_ids), Order.status.in_(_DEAD))
        .subquery()
    )
    found: dict[int, list[str]] = defaultdict(list)
    for member_id, status in session.execute(select(each.c.member_id, each.c.status).where(each.c.newest <= LAST)):
        found[member_id].append(status)
    return found


def hint(one: Unredeemed, *, today: date) -> str:
    """What could help this member, in one sentence."""
    if not one.asked:
        if one.member.born_on is not None and age_on(one.member.born_on, today) >= ELDER:
            return "从来没有兑换过，年纪大了。上门或者打电话问问要什么，由工作人员代办。"
        if not one.member.phone_sealed:
            return "从来没有兑换过，没有登记电话。下次来参加活动时当面介绍。"
        return "从来没有兑换过。打个电话，说说能换什么、怎么换。"
    if one.expired >= max(one.declined, one.cancelled):
        return "请求没有人答复，过期了。帮着另找一位，或者替提供的人答复。"
    if one.declined >= one.cancelled:
        return "对方不方便，没有接。帮着约别的时间，或者另找一位。"
    return "自己取消了。问问为什么，是不是时间、地点不合适。"
