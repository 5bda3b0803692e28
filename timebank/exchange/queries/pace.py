"""What was really redeemed in some months, by category, beside what is on offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from timebank.exchange.models import FULFILLED, Offer, Order
from timebank.exchange.queries.corrected import AMOUNT, IS_UNDONE
from timebank.exchange.queries.offers import open_offers


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryPace:
    """A category of offers: how many are open, and the orders of each month that stand, and their minutes now."""

    kind: str
    category: str
    offers: int
    orders: tuple[int, ...]
    minutes: tuple[int, ...]


def category_paces(
    session: Session, branch_id: int, months: Sequence[tuple[datetime, datetime]], *, today: date
) -> list[CategoryPace]:
    """Every category that is on offer today or was redeemed in ``months`` (half-open ranges); two statements."""
    open_now = open_offers(today).where(Offer.branch_id == branch_id).subquery()
    offered = {
        (kind, category): count
        for kind, category, count in session.execute(
            select(open_now.c.kind, open_now.c.category, func.count()).group_by(open_now.c.kind, open_now.c.category)
        )
    }
    sums = [
        func.coalesce(func.sum(case(((Order.fulfilled_at >= start) & (Order.fulfilled_at < end), counted), else_=0)), 0)
        for counted in (1, AMOUNT)
        for start, end in months
    ]
    rows = session.execute(
        select(Offer.kind, Offer.category, *sums)
        .join(Offer, Offer.id == Order.offer_id)
        .where(Order.branch_id == branch_id, Order.status == FULFILLED, ~IS_UNDONE)
        .where(Order.fulfilled_at >= min(start for start, _ in months))
        .group_by(Offer.kind, Offer.category)
    )
    nothing = (0,) * (2 * len(months))
    done = {(kind, category): tuple(int(one) for one in counted) for kind, category, *counted in rows}
    return [
        CategoryPace(
            kind=kind,
            category=category,
            offers=offered.get((kind, category), 0),
            orders=done.get((kind, category), nothing)[: len(months)],
            minutes=done.get((kind, category), nothing)[len(months) :],
        )
        for kind, category in sorted({*offered, *done}, reverse=True)
    ]
