"""A payment between branches, step by step: reserved, accepted, committed, settled; or given back.

``propose`` and ``settle`` take all their steps in one transaction, as both branches live in one database. The steps
stand alone, too: ``resume_proposals`` takes up what was interrupted between any two of them.

Order of locks: the pair, the proposal, both books' months, then accounts by id. So between two branches one thing
happens after the other, as their clearing accounts demand anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing import rules
from timebank.clearing.models import (
    ACCEPTED,
    CANCELLED,
    COMMITTED,
    RESERVED,
    SETTLED,
    BranchPair,
    Proposal,
)
from timebank.clearing.queries import (
    asked_of,
    between_of,
    ceiling_of,
    find_proposal_by_uid,
    gauge_of,
    rate_of,
    settled_of,
    spent_outside,
)
from timebank.clearing.rules import Amounts, Rate
from timebank.clearing.service import messages, telling
from timebank.clearing.service.answering import deliver
from timebank.clearing.service.drafting import Settlement, Ways, entry_of, plan_of
from timebank.clearing.service.locking import lock_proposal, names_of, open_pair, refuse_still
from timebank.clearing.service.messages import Letter
from timebank.clearing.service.refusals import CeilingReached, LineFull, PairFrozen
from timebank.core.db import lock_name
from timebank.core.minutes import coins
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposalDraft:
    """Whose coins pay whom: ``uid`` made once by the payer's branch; ``expires_at`` until when it may be agreed to.

    ``minutes`` are the payer's own; ``taken`` what comes of them there by ``rate``, None where a minute is a minute.
    """

    uid: str
    payer_id: int
    payee_id: int
    account_id: int
    minutes: int
    expires_at: datetime
    source_type: str
    actor_id: int | None
    taken: int | None = None
    rate: Rate = field(default_factory=Rate)

    @property
    def amounts(self) -> Amounts:
        """In both branches' minutes, as they were announced to the payer."""
        return Amounts(self.minutes, self.taken or self.minutes, self.rate)


def propose(session: Session, draft: ProposalDraft, *, now: datetime) -> Proposal:
    """Set the payer's coins aside and space on the creditor's line, or neither. A repeat returns the first.

    Raises NotConnected, PairFrozen, CeilingReached, LineFull, and NotEnough of the ledger.
    """
    pair = open_pair(session, draft.payer_id, draft.payee_id)
    first = find_proposal_by_uid(session, draft.uid, lock=True)
    if first is not None:
        return first
    _refuse_ceiling(session, draft, now)
    _refuse_full(session, pair, draft)
    ledger.lock_accounts(session.connection(), {draft.account_id, pair.account_of(draft.payee_id)})
    proposal = reserve(session, draft, now=now)
    letter = messages.send(session, proposal, messages.PROPOSED, minutes=_between(draft), now=now)
    conclude(session, proposal, messages.PROPOSED, deliver(session, letter, now=now), now=now)
    if proposal.status != ACCEPTED:
        _refuse_full(session, pair, draft)
        raise PairFrozen(**names_of(session, draft.payer_id, draft.payee_id))
    _warn(session, pair, creditor_id=draft.payee_id, now=now)
    return proposal


def reserve(session: Session, draft: ProposalDraft, *, now: datetime) -> Proposal:
    """The payer's first step: coins set aside, nothing said to anybody yet."""
    hold = ledger.HoldDraft(
        account_id=draft.account_id,
        amount=draft.minutes,
        key=f"{draft.source_type}:{draft.uid}",
        expires_at=draft.expires_at,
        source_type=draft.source_type,
        source_id=None,
        actor_id=draft.actor_id,
    )
    proposal = Proposal(
        uid=draft.uid,
        payer_id=draft.payer_id,
        payee_id=draft.payee_id,
        amount_minutes=draft.minutes,
        payer_units=draft.rate.payer,
        payee_units=draft.rate.payee,
        payee_minutes=None if draft.rate.even else draft.taken,
        status=RESERVED,
        source_type=draft.source_type,
        payer_hold_id=ledger.hold(session, hold, now=now),
        reserved_at=now,
        expires_at=draft.expires_at,
    )
    session.add(proposal)
    session.flush()
    return proposal


def conclude(session: Session, proposal: Proposal, step: str, answer: str, *, now: datetime) -> None:
    """The sender takes note of an answer; what was refused frees what was set aside."""
    if step == messages.PROPOSED and answer == messages.AGREED:
        proposal.status = rules.decide("accept", proposal.status)
        proposal.accepted_at = proposal.accepted_at or now
    elif step == messages.PROPOSED and answer in messages.FINAL and proposal.status == RESERVED:
        proposal.status, proposal.ended_at = rules.decide("refuse", proposal.status), now
        if proposal.payer_hold_id is not None:
            ledger.void_hold(session, proposal.payer_hold_id, actor_id=None, now=now)
    session.flush()


def settle(session: Session, proposal_id: int, settlement: Settlement, *, now: datetime) -> Proposal:
    """Pay what was proposed, whole or in part: both books in one go, or neither. A repeat returns the first.

    Raises ProposalMoved, PairFrozen, and what the ledger refuses.
    """
    pair, proposal = lock_proposal(session, proposal_id)
    if proposal.status == SETTLED:
        return proposal
    refuse_still(session, pair, proposal.payer_id, proposal.payee_id)
    at = ledger.common_instant(session, {proposal.payer_id, proposal.payee_id}, now=now)
    _lock_all(session, pair, proposal, settlement)
    letter = commit(session, proposal, settlement, now=at)
    if deliver(session, letter, now=at) != messages.DONE:
        raise PairFrozen(**names_of(session, proposal.payer_id, proposal.payee_id))
    return proposal


def commit(session: Session, proposal: Proposal, settlement: Settlement, *, now: datetime) -> Letter:
    """The payer's last step: its book pays, its outbox says so. After this nobody cancels. Raises ProposalMoved."""
    if proposal.status != COMMITTED:
        after = rules.decide("commit", proposal.status)
        pair = open_pair(session, proposal.payer_id, proposal.payee_id)
        amounts = rate_of(proposal).part(asked_of(proposal), settlement.minutes)
        proposal.plan, proposal.source_id = plan_of(settlement), settlement.source_id
        proposal.settled_minutes = amounts.paid
        proposal.payee_settled_minutes = None if amounts.rate.even else amounts.taken
        draft = ledger.EntryDraft(
            transfers=Ways(session, proposal, pair).from_payer(amounts, _payer_account(session, proposal)),
            for_member_id=settlement.payer_member_id,
            **entry_of(proposal, proposal.payer_id),
        )
        posted = ledger.post_hold(session, proposal.payer_hold_id or 0, draft, now=now)
        proposal.status, proposal.payer_entry_id, proposal.committed_at = after, posted.entry_id, now
        session.flush()
    return messages.send(session, proposal, messages.COMMITTED, minutes=_owed_by(proposal), now=now)


def cancel(
    session: Session, proposal_id: int, *, how: str = CANCELLED, actor_id: int | None, now: datetime
) -> Proposal:
    """Give back what both sides had set aside; nobody cancels what was committed. A repeat is harmless.

    What a proposal was made for says when: an order's time, or the decision of a dispute. What the other branch did not
    accept was given back then, and stays as it is. Raises ProposalMoved.
    """
    pair, proposal = lock_proposal(session, proposal_id)
    after = rules.decide("cancel" if how == CANCELLED else "expire", proposal.status)
    if after == proposal.status:
        return proposal
    proposal.status, proposal.ended_at = after, now
    places = {_payer_account(session, proposal), pair.account_of(proposal.payee_id)}
    ledger.lock_accounts(session.connection(), places)
    ledger.void_hold(session, proposal.payer_hold_id or 0, actor_id=actor_id, now=now)
    letter = messages.send(session, proposal, messages.CANCELLED, minutes=_owed_by(proposal), now=now)
    deliver(session, letter, now=now)
    session.flush()
    return proposal


def resume_proposal(session: Session, proposal_id: int, *, now: datetime) -> str:
    """Send the last message of a proposal again, whose answer never came; returns the answer."""
    _, proposal = lock_proposal(session, proposal_id)
    if proposal.status not in {RESERVED, COMMITTED}:
        return proposal.status
    step = messages.PROPOSED if proposal.status == RESERVED else messages.COMMITTED
    letter = messages.send(session, proposal, step, minutes=_owed_by(proposal), now=now)
    answer = deliver(session, letter, now=now)
    conclude(session, proposal, step, answer, now=now)
    return answer


def _refuse_ceiling(session: Session, draft: ProposalDraft, now: datetime) -> None:
    names = names_of(session, draft.payer_id, draft.payee_id)
    for peer_id, where in ((draft.payee_id, names["payee"]), (None, "别的网点")):
        ceiling = ceiling_of(session, draft.payer_id, peer_id)
        if ceiling is None:
            continue
        lock_name(session, f"ceiling:{draft.payer_id}")  # nobody else decides by this sum meanwhile
        used = spent_outside(session, draft.payer_id, peer_id, now=now)
        if used + draft.minutes > ceiling:
            raise CeilingReached(payer=names["payer"], where=where, ceiling=coins(ceiling), used=coins(used))


def _refuse_full(session: Session, pair: BranchPair, draft: ProposalDraft) -> None:
    gauge = gauge_of(session, pair, creditor_id=draft.payee_id)
    needed = _between(draft)
    if needed > gauge.free:
        names = names_of(session, draft.payer_id, draft.payee_id)
        raise LineFull(line=coins(gauge.line), used=coins(gauge.used), needed=coins(needed), **names)


def _between(draft: ProposalDraft) -> int:
    return between_of(draft.amounts, payer_id=draft.payer_id, payee_id=draft.payee_id)


def _owed_by(proposal: Proposal) -> int:
    """What a payment, or what is set aside for it, puts on the clearing accounts."""
    return between_of(settled_of(proposal), payer_id=proposal.payer_id, payee_id=proposal.payee_id)


def _warn(session: Session, pair: BranchPair, *, creditor_id: int, now: datetime) -> None:
    gauge = gauge_of(session, pair, creditor_id=creditor_id)
    if gauge.level:
        telling.of_gauge(session, pair, creditor_id=creditor_id, level=gauge.level, owed=gauge.used, now=now)


def _payer_account(session: Session, proposal: Proposal) -> int:
    return ledger_queries.get_hold(session, proposal.payer_hold_id or 0).account_id


def _lock_all(session: Session, pair: BranchPair, proposal: Proposal, settlement: Settlement) -> None:
    """Every account of both books that is about to move, in id order, before any of them moves."""
    places = {pair.low_account_id or 0, pair.high_account_id or 0, _payer_account(session, proposal)}
    ledger.lock_accounts(session.connection(), places | {account for account, _ in settlement.takers})
