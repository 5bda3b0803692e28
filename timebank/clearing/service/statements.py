"""Looking whether both sides say the same, every night, and sealing what they say of a month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.clearing.models import BranchPair, ClearingMessage, ClearingReceipt, PairStatement
from timebank.clearing.queries import draw_statement, get_pair, list_open_cases, list_statements
from timebank.clearing.rules import Envelope
from timebank.clearing.service.cases import Found, open_case
from timebank.clearing.service.heaps import compare_sides
from timebank.core.clock import month_of, month_range, previous_month
from timebank.core.db import insert_once
from timebank.ledger import queries as ledger

_LOOKED_BACK = 6  # months whose statements are made up for at night


def seal_statements(session: Session, branch_id: int, month: str, *, now: datetime) -> list[PairStatement]:
    """Seal the statement of a month with every branch one is or was connected with; sealed ones are looked at again.

    Where the two books differ, or not what was sealed, the pair is frozen and a case opened instead. A pair that did
    not move and owes nothing has no statement. While a case is open nothing is sealed; it is made up for later.
    """
    if now < month_range(month)[1]:
        return []
    made = (_seal(session, pair, month, now) for pair in _pairs_of(session, branch_id))
    return [one for one in made if one is not None]


def _pairs_of(session: Session, branch_id: int) -> list[BranchPair]:
    mine = or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id)
    chosen = select(BranchPair).where(mine, BranchPair.low_account_id.is_not(None)).order_by(BranchPair.id)
    return list(session.scalars(chosen))


def _seal(session: Session, pair: BranchPair, month: str, now: datetime) -> PairStatement | None:
    ours, theirs = (draw_statement(session, pair, month, branch_id=one) for one in (pair.low_id, pair.high_id))
    sealed = next(iter(list_statements(session, pair.id, month=month)), None)
    if ours != theirs or (sealed is not None and sealed.content != ours.content):
        facts = f"{month} 的对账单：两边 {ours.hash[:12]}… 与 {theirs.hash[:12]}…"
        found = Found(kind="difference", facts=facts, key=f"difference:{pair.id}:{month}:{ours.hash[:16]}")
        open_case(session, pair, found, now=now)
        return None
    if sealed is not None or ours.is_empty or list_open_cases(session, pair.id):
        return sealed
    earlier = [one for one in list_statements(session, pair.id) if one.month < month]
    row = {
        "pair_id": pair.id,
        "month": month,
        "content": ours.content,
        "hash": ours.hash,
        "previous_hash": earlier[0].hash if earlier else None,
        "sealed_at": now,
    }
    session.execute(insert_once(session, PairStatement).values(row))
    return next(iter(list_statements(session, pair.id, month=month)), None)


def reconcile(session: Session, pair: BranchPair, *, now: datetime) -> int:
    """Compare what both sides say: last numbers, hashes, counts, sums, what is open, balances.

    What does not agree is sorted into heaps, item by item; returns how many there are and how many faults of the chain.
    """
    pair = get_pair(session, pair.id, lock=True)  # nothing moves between the looks at the two books
    compared = compare_sides(session, pair, now=now)
    found = list(_broken_chains(session, pair))
    if not compared.in_books and not compared.on_way:
        found += _balances(session, pair)
    for one in found:
        open_case(session, pair, one, now=now)
    return compared.items + len(found)


def reconcile_all(session: Session, *, now: datetime) -> int:
    """Compare every pair that was ever open; returns how many differences there are.

    Statements that had to wait for a case are made up for, of months that both branches have closed.
    """
    pairs = session.scalars(
        select(BranchPair).where(BranchPair.low_account_id.is_not(None)).order_by(BranchPair.low_id, BranchPair.high_id)
    )  # in the order in which all take pairs
    differences = 0
    for pair in pairs.all():
        differences += reconcile(session, pair, now=now)
        for month in _closed_by_both(session, pair, now):
            _seal(session, pair, month, now)
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
