"""Reads about what minutes of one branch are worth at another, and what a payment comes to on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.clearing.models import RATE_AGREED, RATE_ASKED, BranchPair, PairRate, Proposal
from timebank.clearing.queries.pairs import find_pair
from timebank.clearing.rules import Amounts, Rate
from timebank.core.clock import today
from timebank.core.errors import NotFound


class RateNotFound(NotFound):
    """No such rate, or not this pair's."""

    code = "clearing.rate_not_found"
    text = "没有找到这次折算。"


def rate_between(session: Session, payer_id: int, payee_id: int, *, now: datetime) -> Rate:
    """What minutes of the payer's branch are worth at the payee's today; a minute where nothing else was agreed."""
    pair = find_pair(session, payer_id, payee_id)
    return Rate() if pair is None else rate_of_pair(session, pair, payer_id=payer_id, day=today(now))


def rate_of_pair(session: Session, pair: BranchPair, *, payer_id: int, day: date) -> Rate:
    """The same of a pair, on a day."""
    row = session.execute(
        select(PairRate.low_units, PairRate.high_units)
        .where(PairRate.pair_id == pair.id, PairRate.status == RATE_AGREED, PairRate.valid_from <= day)
        .order_by(PairRate.valid_from.desc(), PairRate.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return Rate()
    return Rate(*row) if payer_id == pair.low_id else Rate(row.high_units, row.low_units)


def cost_abroad(session: Session, *, payer_id: int, payee_id: int, minutes: int, now: datetime) -> Amounts:
    """What a price of ``payee_id`` comes to for a member of ``payer_id`` who asks now."""
    return rate_between(session, payer_id, payee_id, now=now).cost(minutes)


def get_rate(session: Session, rate_id: int, *, lock: bool = False) -> PairRate:
    """The decision about a rate. Raises RateNotFound."""
    found = session.get(
        PairRate, rate_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock
    )
    if found is None:
        raise RateNotFound()
    return found


def find_rate_by_key(session: Session, form_key: str) -> PairRate | None:
    """The rate that a form asked for."""
    return session.scalars(select(PairRate).where(PairRate.form_key == form_key)).one_or_none()


def find_asked_rate(session: Session, pair_id: int) -> PairRate | None:
    """The rate of a pair that waits for the other branch."""
    chosen = select(PairRate).where(PairRate.pair_id == pair_id, PairRate.status == RATE_ASKED)
    return session.scalars(chosen).one_or_none()


def list_rates(session: Session, pair_id: int) -> Sequence[PairRate]:
    """Every rate that was ever asked for, the newest first."""
    return session.scalars(select(PairRate).where(PairRate.pair_id == pair_id).order_by(PairRate.id.desc())).all()


def list_uneven(session: Session, *, day: date) -> set[frozenset[int]]:
    """The pairs of branches between which a minute is not a minute on a day."""
    agreed = select(PairRate.pair_id).where(PairRate.status == RATE_AGREED, PairRate.low_units != PairRate.high_units)
    pairs = session.scalars(select(BranchPair).where(BranchPair.id.in_(agreed))).all()
    uneven = (one for one in pairs if not rate_of_pair(session, one, payer_id=one.low_id, day=day).even)
    return {frozenset((one.low_id, one.high_id)) for one in uneven}


def rate_of(proposal: Proposal) -> Rate:
    """What held when a payment was asked for; it holds for all that becomes of it."""
    return Rate(proposal.payer_units, proposal.payee_units)


def asked_of(proposal: Proposal) -> Amounts:
    """What was set aside, on both sides."""
    return Amounts(proposal.amount_minutes, proposal.payee_minutes or proposal.amount_minutes, rate_of(proposal))


def settled_of(proposal: Proposal) -> Amounts:
    """What was paid, on both sides; until then, what was set aside."""
    if proposal.settled_minutes is None:
        return asked_of(proposal)
    taken = proposal.payee_settled_minutes or proposal.settled_minutes
    return Amounts(proposal.settled_minutes, taken, rate_of(proposal))


def between_of(amounts: Amounts, *, payer_id: int, payee_id: int) -> int:
    """What a payment puts on the clearing accounts: one number in both books, in the low branch's minutes."""
    return amounts.paid if payer_id < payee_id else amounts.taken
