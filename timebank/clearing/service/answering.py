"""What the other branch answers to a message, and does about it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing import rules
from timebank.clearing.models import IN_FLIGHT, OPEN, BranchPair, Proposal
from timebank.clearing.queries import find_pair, find_proposal_by_uid
from timebank.clearing.service import messages
from timebank.clearing.service.drafting import closed_taker, payee_entry
from timebank.clearing.service.messages import Letter
from timebank.clearing.service.parking import note_parked
from timebank.ledger import service as ledger

SOURCE = "proposal"  # what holds on a line name as their document


def deliver(session: Session, letter: Letter, *, now: datetime) -> str:
    """What the other branch answers to a message; the same message again gets the same answer and does nothing."""
    answer = messages.judge(session, letter, now=now)
    if answer is not None:
        return answer
    pair = find_pair(session, letter.from_id, letter.to_id)
    proposal = find_proposal_by_uid(session, letter.envelope.fields["uid"], lock=True)
    if pair is None:
        return messages.UNKNOWN
    if lie := messages.find_lie(session, letter, proposal):
        return messages.broken(session, pair, letter, lie, now)
    answer = _answer(session, letter, pair, proposal, now)
    messages.keep_receipt(session, letter, answer, now=now)
    return answer


def _answer(session: Session, letter: Letter, pair: BranchPair, proposal: Proposal | None, now: datetime) -> str:
    step = letter.envelope.fields["step"]
    if step == messages.PROPOSED:
        return _answer_proposed(session, letter, pair, proposal, now)
    if step == messages.CANCELLED:
        return _answer_cancelled(session, proposal, now)
    if step == messages.COMMITTED:
        return _answer_committed(session, pair, proposal, now)
    return messages.broken(session, pair, letter, "没有这样的一步", now)


def _answer_proposed(
    session: Session, letter: Letter, pair: BranchPair, proposal: Proposal | None, now: datetime
) -> str:
    """The creditor's look: open, in time, not taken back meanwhile, and space on its line, which is reserved.

    While the pair is paused it says so, and is asked again: what the payer set aside waits, at most for its own time.
    """
    fields = letter.envelope.fields
    if pair.status != OPEN:
        return messages.FROZEN
    if proposal is None or proposal.status not in IN_FLIGHT:
        return messages.DEAD
    expires_at = datetime.fromisoformat(fields["expires"])
    if expires_at <= now:
        return messages.LATE
    space = ledger.HoldDraft(
        account_id=pair.account_of(letter.to_id),
        amount=fields["minutes"],
        key=f"{SOURCE}:{fields['uid']}",
        expires_at=rules.line_space_until(expires_at),
        source_type=SOURCE,
        source_id=None,
        actor_id=None,
    )
    try:
        proposal.line_hold_id = ledger.hold(session, space, now=now)
    except ledger.NotEnough:
        return messages.LINE_FULL
    session.flush()
    return messages.AGREED


def _answer_cancelled(session: Session, proposal: Proposal | None, now: datetime) -> str:
    if proposal is not None and proposal.line_hold_id is not None and proposal.payee_entry_id is None:
        ledger.void_hold(session, proposal.line_hold_id, actor_id=None, now=now)
    return messages.DEAD


def _answer_committed(session: Session, pair: BranchPair, proposal: Proposal | None, now: datetime) -> str:
    """The creditor books what the debtor has paid. Where a taker can no longer be paid it waits for an officer."""
    if proposal is None or proposal.line_hold_id is None or proposal.plan is None:
        return messages.UNKNOWN
    draft, due_id = payee_entry(session, pair, proposal), closed_taker(session, proposal)
    posted = ledger.post_hold(session, proposal.line_hold_id, draft, now=now)
    proposal.status, proposal.payee_entry_id = rules.decide("settle", proposal.status), posted.entry_id
    proposal.settled_at = proposal.ended_at = now
    session.flush()
    note_parked(session, pair, proposal, posted.entry_id, due_id=due_id, now=now)
    return messages.DONE
