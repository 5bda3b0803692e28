"""Looking whether both sides say the same, every night, and making up for statements that had to wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.clearing.models import BranchPair, ClearingMessage, ClearingReceipt
from timebank.clearing.queries import get_pair, list_opened
from timebank.clearing.rules import Envelope
from timebank.clearing.service.cases import Found, open_case
from timebank.clearing.service.heaps import compare_sides
from timebank.clearing.service.sealing import seal_month
from timebank.core.clock import month_of, previous_month
from timebank.ledger import queries as ledger

_LOOKED_BACK = 6  # months whose statements are made up for at night


def reconcile(session: Session, pair: BranchPair, *, now: datetime) -> int:
    """Compare what both sides say: last numbers, hashes, counts, sums, what is open, balances.

    What does not agree is sorted into heaps, item by item; returns how many there are and how many faults of the chain.
    """
    pair = get_pair(session, pair.id, lock=True)  # nothing moves between the looks at the two books
    found = list(_broken_chains(session, pair))  # first: what the books say of a damaged message is not to be had
    compared = compare_sides(session, pair, now=now)
    if not compared.in_books and not compared.on_way:
        found += _balances(session, pair)
    for one in found:
        open_case(session, pair, one, now=now)
    return compared.items + len(found)


def make_up(session: Session, pair: BranchPair, *, now: datetime) -> None:
    """Seal the statements of a pair that had to wait for a case, of months that both branches have closed."""
    for month in _closed_by_both(session, pair, now):
        seal_month(session, pair, month, now=now)


def reconcile_all(session: Session, *, now: datetime) -> int:
    """Compare every pair that was ever open and make up for its statements, all in one unit of work.

    Returns how many differences there are.
    """
    differences = 0
    for pair in list_opened(session):
        differences += reconcile(session, pair, now=now)
        make_up(session, pair, now=now)
    return differences


def _closed_by_both(session: Session, pair: BranchPair, now: datetime) -> list[str]:
    """Of the last months, those that no posting can come into any more."""
    months, month = [], month_of(now)
    for _ in range(_LOOKED_BACK):
        month = previous_month(month)
        months.append(month)
    low, high = (set(ledger.closed_months(session, one)) for one in (pair.low_id, pair.high_id))
    return sorted(set(months) & low & high)


def _balances(session: Session, pair: BranchPair) -> Iterator[Found]:
    """Balances that are no mirror images although both books have the same items."""
    low, high = (ledger.balance(session, pair.account_of(one)) for one in (pair.low_id, pair.high_id))
    if low + high:
        facts = f"余额：{pair.low.name} {low}，{pair.high.name} {high}，不相抵"
        yield Found(kind="difference", facts=facts, key=f"difference:{pair.id}:balance:{low}:{high}")


def _broken_chains(session: Session, pair: BranchPair) -> Iterator[Found]:
    for sender, receiver in ((pair.low, pair.high), (pair.high, pair.low)):
        yield from _broken_chain(session, pair, sender, receiver)


def _broken_chain(session: Session, pair: BranchPair, sender: Branch, receiver: Branch) -> Iterator[Found]:
    """What was sent and what was received, number by number."""
    way = f"{sender.code}→{receiver.code}"
    between = (ClearingMessage.from_id == sender.id, ClearingMessage.to_id == receiver.id)
    sent = session.scalars(
        select(ClearingMessage).where(*between, ClearingMessage.number.is_not(None)).order_by(ClearingMessage.number)
    ).all()
    got = {
        row.number or 0: row.hash
        for row in session.execute(
            select(ClearingReceipt.number, ClearingReceipt.hash).where(
                ClearingReceipt.from_id == sender.id,
                ClearingReceipt.to_id == receiver.id,
                ClearingReceipt.number.is_not(None),
            )
        )
    }
    head: str | None = None
    for place, message in enumerate(sent, start=1):
        whole = Envelope(message.content, message.hash).is_whole
        key = f"out_of_chain:{pair.id}:{way}:{place}"
        if not whole or message.number != place or message.previous_hash != head:
            yield Found(kind="out_of_chain", facts=f"{way} 第 {place} 号发出的消息接不上", key=key)
        elif got.get(place) not in {None, message.hash}:
            yield Found(kind="out_of_chain", facts=f"{way} 第 {place} 号发出的与收到的不一样", key=key)
        head = message.hash
    if beyond := sorted(number for number in got if number > len(sent)):
        facts = f"{way} 收到过第 {beyond[-1]} 号，发出的只到 {len(sent)} 号"
        yield Found(kind="out_of_chain", facts=facts, key=f"out_of_chain:{pair.id}:{way}:beyond:{beyond[-1]}")
