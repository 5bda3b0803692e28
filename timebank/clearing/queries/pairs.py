"""Reads about pairs: who is connected with whom, how full the lines are, what was decided, what does not agree."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from timebank.branches.models import Branch
from timebank.clearing.models import (
    ASKED,
    IN_FLIGHT,
    NETTING_ASKED,
    RATE_ASKED,
    SETTLED,
    BranchPair,
    CeilingDecision,
    ClearingCase,
    Netting,
    NettingLeg,
    PairEvent,
    PairRate,
    Proposal,
)
from timebank.clearing.rules import Gauge
from timebank.core.clock import month_of, month_range
from timebank.core.errors import NotFound
from timebank.ledger import queries as ledger


class PairNotFound(NotFound):
    """No such pair, or not this actor's business."""

    code = "clearing.pair_not_found"
    text = "没有找到这两个网点之间的互通。"


class CaseNotFound(NotFound):
    """No such case."""

    code = "clearing.case_not_found"
    text = "没有找到这件差异。"


@dataclass(frozen=True, kw_only=True)
class PairView:
    """A pair as one of its branches sees it.

    ``owing`` what that branch owes, on the line the peer gives it · ``owed`` what the peer owes, on its own line.
    """

    pair: BranchPair
    peer: Branch
    owing: Gauge
    owed: Gauge
    open_cases: int


def find_pair(session: Session, one_id: int, other_id: int, *, lock: bool = False) -> BranchPair | None:
    """The pair of two branches in any order; ``lock``: nobody changes it until we commit."""
    low, high = sorted((one_id, other_id))
    chosen = select(BranchPair).where(BranchPair.low_id == low, BranchPair.high_id == high)
    if lock:
        chosen = chosen.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(chosen).one_or_none()


def get_pair(session: Session, pair_id: int, *, lock: bool = False) -> BranchPair:
    """The pair. Raises PairNotFound."""
    pair = session.get(
        BranchPair, pair_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock
    )
    if pair is None:
        raise PairNotFound()
    return pair


def gauge_of(session: Session, pair: BranchPair, *, creditor_id: int) -> Gauge:
    """How much of the line that ``creditor_id`` gives the other is used."""
    account_id = pair.account_of(creditor_id)
    if not account_id:
        return Gauge(0, 0, 0)
    account = ledger.get_account(session, account_id)
    return Gauge(owed=-account.balance, held=account.held, line=account.line)


def list_pairs(session: Session, branch_id: int) -> list[PairView]:
    """A branch's pairs by the peer's code, whatever their state."""
    chosen = (
        select(BranchPair)
        .where(or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id))
        .options(joinedload(BranchPair.low), joinedload(BranchPair.high))
    )
    pairs = sorted(session.scalars(chosen), key=lambda pair: pair.peer_of(branch_id).code)
    cases = _count_cases(session, [pair.id for pair in pairs])
    return [
        PairView(
            pair=pair,
            peer=pair.peer_of(branch_id),
            owing=gauge_of(session, pair, creditor_id=pair.other_of(branch_id)),
            owed=gauge_of(session, pair, creditor_id=branch_id),
            open_cases=cases.get(pair.id, 0),
        )
        for pair in pairs
    ]


def list_opened(session: Session) -> Sequence[BranchPair]:
    """Every pair that was ever open, in the order in which all take pairs."""
    chosen = select(BranchPair).where(BranchPair.low_account_id.is_not(None))
    named = (joinedload(BranchPair.low), joinedload(BranchPair.high))
    return session.scalars(chosen.options(*named).order_by(BranchPair.low_id, BranchPair.high_id)).all()


def _count_cases(session: Session, pair_ids: Collection[int]) -> dict[int, int]:
    rows = session.execute(
        select(ClearingCase.pair_id, func.count().label("open_cases"))
        .where(ClearingCase.pair_id.in_(pair_ids), ClearingCase.settled_at.is_(None))
        .group_by(ClearingCase.pair_id)
    )
    return {row.pair_id: row.open_cases for row in rows}


def list_events(session: Session, pair_id: int) -> Sequence[PairEvent]:
    """What was decided about a pair, the newest first."""
    chosen = select(PairEvent).where(PairEvent.pair_id == pair_id).order_by(PairEvent.id.desc())
    return session.scalars(chosen).all()


def list_cases(session: Session, pair_id: int) -> Sequence[ClearingCase]:
    """A pair's cases, open ones first, the newest before."""
    chosen = select(ClearingCase).where(ClearingCase.pair_id == pair_id)
    return session.scalars(chosen.order_by(ClearingCase.settled_at.is_not(None), ClearingCase.id.desc())).all()


def list_open_cases(session: Session, pair_id: int) -> Sequence[ClearingCase]:
    """What of a pair is not settled."""
    return [case for case in list_cases(session, pair_id) if case.settled_at is None]


def get_case(session: Session, case_id: int, *, lock: bool = False) -> ClearingCase:
    """The case. Raises CaseNotFound."""
    case = session.get(
        ClearingCase, case_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock
    )
    if case is None:
        raise CaseNotFound()
    return case


def ceiling_of(session: Session, branch_id: int, peer_id: int | None) -> int | None:
    """What a branch's members may spend outside in a month, at one branch or in all; None: as much as they like."""
    return session.scalar(
        select(CeilingDecision.minutes)
        .where(
            CeilingDecision.branch_id == branch_id,
            CeilingDecision.peer_id.is_(None) if peer_id is None else CeilingDecision.peer_id == peer_id,
        )
        .order_by(CeilingDecision.id.desc())
        .limit(1)
    )


def spent_outside(session: Session, branch_id: int, peer_id: int | None, *, now: datetime) -> int:
    """Minutes that a branch's members spent or set aside for outside in this month; what came back does not count."""
    back = aliased(Proposal)
    start, end = month_range(month_of(now))
    counted: list[ColumnElement[bool]] = [
        Proposal.payer_id == branch_id,
        Proposal.reverses_id.is_(None),
        ~exists().where(back.reverses_id == Proposal.id),
        Proposal.reserved_at >= start,
        Proposal.reserved_at < end,
        Proposal.status.in_((*IN_FLIGHT, SETTLED)),
    ]
    if peer_id is not None:
        counted.append(Proposal.payee_id == peer_id)
    amount = func.coalesce(Proposal.settled_minutes, Proposal.amount_minutes)
    return int(session.scalar(select(func.coalesce(func.sum(amount), 0)).where(*counted)) or 0)


def list_waiting_cases(session: Session, branch_id: int) -> Sequence[ClearingCase]:
    """Cases on which a branch has not said its word, the oldest first."""
    chosen = select(ClearingCase).join(BranchPair, BranchPair.id == ClearingCase.pair_id)
    return session.scalars(chosen.where(_without_word(branch_id)).order_by(ClearingCase.id)).all()


def list_waiting_rates(session: Session, branch_id: int) -> Sequence[PairRate]:
    """Rates that others asked a branch for, the oldest first."""
    chosen = (
        select(PairRate)
        .join(BranchPair, BranchPair.id == PairRate.pair_id)
        .where(PairRate.status == RATE_ASKED, PairRate.asked_for_id != branch_id)
        .where(or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id))
    )
    return session.scalars(chosen.order_by(PairRate.id)).all()


def _without_word(branch_id: int) -> ColumnElement[bool]:
    return or_(
        (BranchPair.low_id == branch_id) & ClearingCase.low_by_id.is_(None),
        (BranchPair.high_id == branch_id) & ClearingCase.high_by_id.is_(None),
    )


def count_waiting(session: Session, branch_id: int) -> int:
    """What waits for a branch's managers: others that asked, cases without its word, rates, nettings without a yes."""
    asked = select(func.count()).where(
        or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id),
        BranchPair.status == ASKED,
        BranchPair.asked_for_id != branch_id,
    )
    cases = (
        select(func.count())
        .join_from(ClearingCase, BranchPair, BranchPair.id == ClearingCase.pair_id)
        .where(_without_word(branch_id))
    )
    rates = (
        select(func.count())
        .join_from(PairRate, BranchPair, BranchPair.id == PairRate.pair_id)
        .where(PairRate.status == RATE_ASKED, PairRate.asked_for_id != branch_id)
        .where(or_(BranchPair.low_id == branch_id, BranchPair.high_id == branch_id))
    )
    nettings = (
        select(func.count())
        .join_from(NettingLeg, Netting, Netting.id == NettingLeg.netting_id)
        .where(NettingLeg.branch_id == branch_id, NettingLeg.agreed_at.is_(None), Netting.status == NETTING_ASKED)
    )
    return sum(session.scalar(counted) or 0 for counted in (asked, cases, rates, nettings))


def balances(session: Session) -> dict[tuple[int, int], int]:
    """(debtor, creditor) → minutes owed, over all pairs that were ever open."""
    owed: dict[tuple[int, int], int] = {}
    pairs = session.scalars(select(BranchPair).where(BranchPair.low_account_id.is_not(None))).all()
    standing = ledger.balances_of(session, [pair.low_account_id or 0 for pair in pairs])
    for pair in pairs:
        owes = standing.get(pair.low_account_id or 0, 0)
        if owes > 0:
            owed[pair.low_id, pair.high_id] = owes
        elif owes < 0:
            owed[pair.high_id, pair.low_id] = -owes
    return owed
