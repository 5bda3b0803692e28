"""The orders' table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session, aliased

from timebank.archives.queries.tables.booked import STREAM, EntryNumbers, name_of
from timebank.branches.models import Branch
from timebank.core.clock import month_range
from timebank.core.masking import mask_name
from timebank.exchange.models import (
    ACCEPTED,
    FULFILLED,
    MEMBER_SIDE,
    ORDER_STATUS_NAMES,
    REQUESTED,
    UNDONE_IN_BOOKS,
    Offer,
    Order,
    OrderCorrection,
    OrderProposal,
)
from timebank.members.models import Member


def order_rows(session: Session, branch: Branch, month: str, numbers: EntryNumbers) -> Iterator[tuple[Any, ...]]:
    """The orders that were open at any time of the month, with the state they had at its end, by their number.

    A correction booked in the month stands on a line of its own: by how much, and which month's entry it corrects.
    """
    start, end = month_range(month)
    provider, home = aliased(Member), aliased(Branch)
    chosen = (
        select(
            Order.id, Order.entry_id, Member.number, Member.name, home.id.label("home_id"),
            home.code.label("home_code"), Offer.title, provider.number.label("provider_number"),
            provider.name.label("provider_name"), Order.quantity, Order.amount_minutes, Order.requested_at,
            Order.accepted_at, Order.fulfilled_at, Order.ended_at, Order.status, Order.fulfilled_minutes,
            Order.fulfilled_quantity, _last_side(end),
        )
        .join(Member, Member.id == Order.member_id)
        .join(home, home.id == Member.branch_id)
        .join(Offer, Offer.id == Order.offer_id)
        .outerjoin(provider, provider.id == Order.provider_id)
        .where(Order.branch_id == branch.id, Order.requested_at < end)
        .where(or_(Order.fulfilled_at.is_(None), Order.fulfilled_at >= start))
        .where(or_(Order.ended_at.is_(None), Order.ended_at >= start))
        .order_by(Order.id)
        .execution_options(**STREAM)
    )  # fmt: skip
    corrections = _order_corrections(session, branch, numbers)
    rows: Iterator[Any] = merge(session.execute(chosen), corrections, key=lambda row: row.id)
    for row in rows:
        if isinstance(row, CorrectionLine):
            yield row.cells
            continue
        ended_at, status = _state_at(end, row)
        quantity, minutes = row.quantity, row.amount_minutes
        if status == FULFILLED:  # what was taken may be a part of what was ordered
            quantity, minutes = row.fulfilled_quantity or quantity, row.fulfilled_minutes or minutes
        who = _who(row.number, row.name, abroad=row.home_code if row.home_id != branch.id else "")
        yield (
            row.id, numbers.number(row.entry_id), *who, row.title,
            row.provider_number or "", mask_name(row.provider_name or ""), quantity, minutes,
            row.requested_at, ended_at, ORDER_STATUS_NAMES[status], "",
        )  # fmt: skip


def _who(number: str, name: str, *, abroad: str) -> tuple[str, str]:
    """How a member stands in the orders: number and masked name; of another branch's members only which branch."""
    return (abroad, "外网点会员") if abroad else (number, mask_name(name))


def _last_side(end: datetime) -> Any:
    """Who proposed the last time before an instant: what the member wished for was not agreed on yet."""
    return (
        select(OrderProposal.side)
        .where(OrderProposal.order_id == Order.id, OrderProposal.at < end)
        .order_by(OrderProposal.id.desc())
        .limit(1)
        .correlate(Order)
        .scalar_subquery()
        .label("last_side")
    )


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """An order's correction as a line of the orders' table."""

    id: int
    cells: tuple[Any, ...]


def _order_corrections(session: Session, branch: Branch, numbers: EntryNumbers) -> list[CorrectionLine]:
    low, high = numbers.range
    chosen = (
        select(Order, OrderCorrection)
        .join(OrderCorrection, OrderCorrection.order_id == Order.id)
        .where(Order.branch_id == branch.id, OrderCorrection.entry_id.between(low, high))
        .order_by(Order.id, OrderCorrection.id)
    )
    lines = []
    for order, correction in session.execute(chosen):
        number = numbers.number(correction.entry_id)
        if number is None:
            continue
        undone, provider, member = correction.replacement_id is None, order.provider, order.member
        abroad = member.branch.code if member.branch_id != branch.id else ""
        lines.append(
            CorrectionLine(
                order.id,
                (
                    order.id, number, *_who(member.number, member.name, abroad=abroad), order.offer.title,
                    provider.number if provider else "", mask_name(provider.name if provider else ""),
                    -order.booked_quantity if undone else 0, correction.amount_minutes, order.requested_at,
                    correction.at,
                    UNDONE_IN_BOOKS if undone else "更正数量", name_of(session, correction.corrects_id),
                ),
            )
        )  # fmt: skip
    return lines


def _state_at(end: datetime, row: Row[*tuple[Any, ...]]) -> tuple[datetime | None, str]:
    """When an order ended before ``end``, and its state then."""
    ended_at = row.fulfilled_at or row.ended_at
    if ended_at is not None and ended_at < end:
        return ended_at, row.status
    agreed = row.accepted_at is not None and row.accepted_at < end and row.last_side != MEMBER_SIDE
    return None, ACCEPTED if agreed else REQUESTED
