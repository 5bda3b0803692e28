"""Netting along a circle: asked for by one branch, agreed to by all, then one entry in each book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing import rules
from timebank.clearing.models import NETTING_ASKED, NETTING_DECLINED, NETTING_SETTLED, OPEN, Netting, NettingLeg
from timebank.clearing.queries import (
    NettingNotFound,
    find_netting_by_key,
    find_pair,
    get_netting,
    list_uneven,
    nettable,
)
from timebank.clearing.service import telling
from timebank.clearing.service.deciding import CHANGE
from timebank.clearing.service.refusals import (
    NettingEnded,
    NotACircle,
    OneHandPair,
    PairFrozen,
    UnevenCircle,
    WordsMissing,
)
from timebank.core.actor import Actor
from timebank.core.clock import today
from timebank.core.errors import FormUsed, NotAllowed
from timebank.core.minutes import coins
from timebank.ledger import service as ledger

SOURCE = "netting"  # what its entries name as their document


@dataclass(frozen=True, kw_only=True)
class NettingDraft:
    """A circle of branches, each owing the next, and what is to be taken off every debt in it."""

    branches: tuple[int, ...]
    minutes: int
    form_key: str


def ask_netting(session: Session, draft: NettingDraft, *, branch_id: int, actor: Actor, now: datetime) -> Netting:
    """Ask the branches of a circle to net; one's own yes is given by asking. The same form again is harmless.

    Raises NotAllowed, FormUsed, NotACircle, UnevenCircle.
    """
    actor.require(CHANGE, branch_id=branch_id)
    first = find_netting_by_key(session, draft.form_key)
    if first is not None:
        if (first.minutes, tuple(leg.branch_id for leg in first.legs)) != (draft.minutes, draft.branches):
            raise FormUsed()
        return first
    if branch_id not in draft.branches or actor.member_id is None:
        raise NotAllowed(permission=CHANGE)
    _refuse_no_circle(session, draft.branches, draft.minutes, now)
    netting = Netting(minutes=draft.minutes, asked_by_id=actor.member_id, asked_at=now, form_key=draft.form_key)
    netting.legs = [NettingLeg(place=place, branch_id=one) for place, one in enumerate(draft.branches)]
    session.add(netting)
    session.flush()
    mine = next(leg for leg in netting.legs if leg.branch_id == branch_id)
    mine.agreed_by_id, mine.agreed_at = actor.member_id, now
    session.flush()
    telling.of_netting(session, netting, "clearing.netting_asked", besides=branch_id, now=now)
    return netting


def agree_netting(session: Session, netting_id: int, *, branch_id: int, actor: Actor, now: datetime) -> Netting:
    """One branch's yes; the last one books it in every book of the circle, in one go. A repeat is harmless.

    Raises NettingNotFound, NotAllowed, NettingEnded, OneHandPair where one person would speak for two branches,
    NotACircle where debts have shrunk meanwhile, PairFrozen.
    """
    netting, leg = _lock_leg(session, netting_id, branch_id, actor)
    if leg.agreed_by_id is not None and netting.status != NETTING_DECLINED:
        return netting
    if netting.status != NETTING_ASKED:
        raise NettingEnded()
    if actor.member_id is None or actor.member_id in {one.agreed_by_id for one in netting.legs}:
        raise OneHandPair()
    leg.agreed_by_id, leg.agreed_at = actor.member_id, now
    session.flush()
    if all(one.agreed_by_id is not None for one in netting.legs):
        _settle(session, netting, actor, now)
    return netting


def decline_netting(
    session: Session, netting_id: int, *, branch_id: int, words: str, actor: Actor, now: datetime
) -> Netting:
    """One branch's no ends it, with a reason. Raises NettingNotFound, NotAllowed, NettingEnded, WordsMissing."""
    netting, _ = _lock_leg(session, netting_id, branch_id, actor)
    if not words.strip():
        raise WordsMissing()
    if netting.status == NETTING_DECLINED and netting.note == words.strip():
        return netting
    if netting.status != NETTING_ASKED:
        raise NettingEnded()
    netting.status, netting.note, netting.ended_at = NETTING_DECLINED, words.strip(), now
    session.flush()
    telling.of_netting(session, netting, "clearing.netting_declined", besides=branch_id, now=now)
    return netting


def _lock_leg(session: Session, netting_id: int, branch_id: int, actor: Actor) -> tuple[Netting, NettingLeg]:
    netting = get_netting(session, netting_id, lock=True)
    leg = next((one for one in netting.legs if one.branch_id == branch_id), None)
    if leg is None:
        raise NettingNotFound()
    actor.require(CHANGE, branch_id=branch_id)
    session.refresh(leg)
    return netting, leg


def _refuse_no_circle(session: Session, branches: tuple[int, ...], minutes: int, now: datetime) -> None:
    owed = nettable(session, now=now)
    steps = list(zip(branches, (*branches[1:], branches[0]), strict=True))
    most = min(owed.get(step, 0) for step in steps)
    if any(frozenset(step) in list_uneven(session, day=today(now)) for step in steps):
        raise UnevenCircle()
    whole = 2 < len(branches) <= rules.LONGEST_CIRCLE and len(set(branches)) == len(branches)
    if not whole or not 0 < minutes <= most:
        raise NotACircle(most=coins(most), minutes=coins(minutes))


def _settle(session: Session, netting: Netting, actor: Actor, now: datetime) -> None:
    """In each book what it owes the next and what the one before owes it come down alike."""
    branches = tuple(leg.branch_id for leg in netting.legs)
    for low, high in sorted(tuple(sorted(step)) for step in zip(branches, (*branches[1:], branches[0]), strict=True)):
        find_pair(session, low, high, lock=True)  # in id order, so that no two nettings wait for each other
    _refuse_no_circle(session, branches, netting.minutes, now)
    places = []
    for at, branch_id in enumerate(branches):
        creditor, debtor = (find_pair(session, branch_id, branches[(at + step) % len(branches)]) for step in (1, -1))
        if creditor is None or debtor is None or {creditor.status, debtor.status} != {OPEN}:
            raise PairFrozen(payer="圈里的网点", payee="下一个网点")
        places.append((creditor.account_of(branch_id), debtor.account_of(branch_id)))
    at_once = ledger.common_instant(session, branches, now=now)
    drafts = [
        ledger.EntryDraft(
            book_id=branch_id,
            kind="inter_branch",
            key=f"{SOURCE}:{netting.id}",
            transfers=(ledger.TransferDraft(debit_id=owes, credit_id=owed, amount=netting.minutes, unit="coin"),),
            source_type=SOURCE,
            source_id=netting.id,
            occurred_at=at_once,
            actor_id=actor.member_id,
            facts={"netting": netting.id},
        )
        for branch_id, (owes, owed) in zip(branches, places, strict=True)
    ]
    posted = ledger.post_many(session, drafts, now=at_once)
    for leg, booked in zip(netting.legs, posted, strict=True):
        leg.entry_id = booked.entry_id
    netting.status, netting.ended_at = NETTING_SETTLED, now
    session.flush()
    telling.of_netting(session, netting, "clearing.netting_settled", besides=None, now=now)
