"""Sealing what both sides say of a month."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from timebank.clearing.models import BranchPair, PairStatement
from timebank.clearing.queries import get_pair, list_statements, list_unsealed_before, look_at_month
from timebank.clearing.queries.months import MonthView
from timebank.clearing.rules import digest
from timebank.clearing.service.cases import Found, open_case
from timebank.clearing.service.heaps import compare_sides
from timebank.core.clock import month_range
from timebank.core.db import insert_once


def seal_statements(session: Session, branch_id: int, month: str, *, now: datetime) -> list[PairStatement]:
    """Seal the statement of a month with every branch one is or was connected with; sealed ones are looked at again.

    Where the two books differ, or not what was sealed, the pair is frozen and a case opened instead. A pair that did
    not move and owes nothing has no statement. While a case is open nothing is sealed, unless a manager of each side
    signs an exception (``sign_exception``); else it is made up for later. Earlier months come first.
    """
    if now < month_range(month)[1]:
        return []
    made = (seal_month(session, pair, month, now=now) for pair in _pairs_of(session, branch_id))
    return [one for one in made if one is not None]


def _pairs_of(session: Session, branch_id: int) -> list[BranchPair]:
    mine = or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id)
    chosen = select(BranchPair).where(mine, BranchPair.low_account_id.is_not(None))
    return list(session.scalars(chosen.order_by(BranchPair.low_id, BranchPair.high_id)))


def seal_month(session: Session, pair: BranchPair, month: str, *, now: datetime) -> PairStatement | None:
    """Seal a month of one pair, the months before it first; None where it is not to be sealed now."""
    pair = get_pair(session, pair.id, lock=True)
    for earlier in list_unsealed_before(session, pair, month):
        if _seal(session, pair, earlier, now) is None:
            return None
    return _seal(session, pair, month, now)


def _seal(session: Session, pair: BranchPair, month: str, now: datetime) -> PairStatement | None:
    view = look_at_month(session, pair, month)
    if view.is_changed or (view.sealed is None and not view.agrees):
        _open_cases(session, view, now)
        return None
    if view.sealed is not None or view.is_quiet or view.cases:
        return view.sealed
    return keep_statement(session, view, view.statement, now=now)


def _open_cases(session: Session, view: MonthView, now: datetime) -> None:
    """Item by item where that tells what it is; what is on its way waits; else the month as a whole is a case.

    Where both books have every item by now, only in different months, the books can be trusted: nothing is frozen.
    """
    pair, late = view.pair, view.sealed is None
    compared = compare_sides(session, pair, now=now) if late else None
    if compared is not None and (compared.in_books or compared.on_way):
        return
    kind = "stuck" if late else "difference"
    facts = f"{view.month} 的对账单：两边 {view.low.hash[:12]}… 与 {view.high.hash[:12]}…"
    key = f"{kind}:{pair.id}:{view.month}:{view.low.hash[:16]}"
    open_case(session, pair, Found(kind=kind, facts=facts, key=key), now=now)


def keep_statement(session: Session, view: MonthView, content: str, *, now: datetime) -> PairStatement | None:
    """Seal this text as the statement of a month; the first one where there is one already."""
    row = {
        "pair_id": view.pair.id,
        "month": view.month,
        "content": content,
        "hash": digest(content),
        "previous_hash": view.previous.hash if view.previous is not None else None,
        "sealed_at": now,
    }
    session.execute(insert_once(session, PairStatement).values(row))
    return next(iter(list_statements(session, view.pair.id, month=view.month)), None)
