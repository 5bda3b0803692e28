"""What setting a fulfilled order's entry right would do, and what is booked instead."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from timebank.clearing.rules import CONVERTING
from timebank.core.minutes import coins
from timebank.exchange.models import Order
from timebank.exchange.rules import NotLess
from timebank.ledger.queries import EntryView
from timebank.ledger.service import EntryDraft, TransferDraft
from timebank.rulebook.rules import TO_FUND

SOURCE = "order"  # what entries and holds name as their document
FUND = "fund"  # the code of the account that takes what a provider may not hold


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderChange:
    """What an order costs before and after; ``instead`` takes the place of the reversed entry, None when undone."""

    order_id: int
    before: int
    after: int
    instead: EntryDraft | None


def find_booked_order(session: Session, entry: EntryView) -> Order | None:
    """The order that an entry stands for now; None for other entries, and for those that were set right before."""
    if entry.source_type != SOURCE or entry.kind == "reverse" or entry.source_id is None:
        return None
    order = session.scalars(
        select(Order)
        .where(Order.id == entry.source_id)
        .options(selectinload(Order.corrections))
        .execution_options(populate_existing=True)
    ).one_or_none()
    return order if order is not None and order.entry_now_id == entry.id else None


def plan_correction(order: Order, entry: EntryView, minutes: int, *, key: str) -> OrderChange:
    """What it does when the order costs ``minutes`` (0: nothing, it is undone). Raises NotLess."""
    if not 0 <= minutes < order.amount_now:
        now = coins(order.amount_now)
        raise NotLess(now=now, fields={"minutes": f"要比现在的 {now} 少。"})
    return OrderChange(
        order_id=order.id,
        before=order.amount_now,
        after=minutes,
        instead=_instead(entry, minutes, key) if minutes else None,
    )


def _instead(entry: EntryView, minutes: int, key: str) -> EntryDraft:
    """Less is paid to the same accounts, the fund last: a provider keeps what they had room for, and never more.

    What a branch converted on the way is no taker's; between branches it is converted again by the same rate.
    """
    left, transfers = minutes, []
    takers = [one for one in entry.transfers if one.credit not in CONVERTING]
    for paid in sorted(takers, key=lambda one: one.credit == FUND):
        amount = min(paid.amount, left)
        left -= amount
        if amount:
            transfers.append(
                TransferDraft(debit_id=paid.debit_id, credit_id=paid.credit_id, amount=amount, unit=paid.unit)
            )
    kept = sum(paid.amount for paid in takers if paid.credit != FUND)
    facts = {name: fact for name, fact in entry.facts.items() if name != TO_FUND}
    return EntryDraft(
        book_id=entry.book_id,
        kind=entry.kind,
        key=key,
        transfers=tuple(transfers),
        source_type=SOURCE,
        source_id=entry.source_id,
        occurred_at=entry.occurred_at,
        actor_id=None,
        for_member_id=entry.for_member_id,
        rule=entry.rule,
        facts=facts | ({TO_FUND: minutes - kept} if minutes > kept else {}),
    )
