"""Undoing a payment between branches: a payment back, in both books at once, that names the one it undoes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.clearing.models import SETTLED, Proposal
from timebank.clearing.queries import get_proposal
from timebank.clearing.rules import ProposalMoved
from timebank.clearing.service import messages
from timebank.ledger import service as ledger


def reverse_settled(session: Session, proposal_id: int, reversal: ledger.Reversal, *, now: datetime) -> Proposal:
    """Pay back what was settled; returns the payment back. A repeat returns the first, another one is refused.

    Raises ProposalNotFound, ProposalMoved for what was never settled, and what ``ledger.reverse_across`` raises:
    BelowFloor where the taker spent it meanwhile, NotEnough where the line of the other direction is full.
    """
    first = get_proposal(session, proposal_id, lock=True)
    if first.status != SETTLED:
        raise ProposalMoved(status=first.status)
    back = session.scalars(select(Proposal).where(Proposal.reverses_id == first.id)).one_or_none()
    messages.lock_chain(session, from_id=first.payee_id, to_id=first.payer_id)
    at = ledger.common_instant(session, {first.payer_id, first.payee_id}, now=now)
    entries = sorted((first.payer_entry_id or 0, first.payee_entry_id or 0))
    posted = dict(zip(entries, ledger.reverse_across(session, entries, reversal, now=at), strict=True))
    if back is not None:
        return back
    back = Proposal(
        uid=f"{first.uid}:back",
        payer_id=first.payee_id,
        payee_id=first.payer_id,
        amount_minutes=first.settled_minutes,
        settled_minutes=first.settled_minutes,
        status=SETTLED,
        source_type=first.source_type,
        source_id=first.source_id,
        reverses_id=first.id,
        payer_entry_id=posted[first.payee_entry_id or 0].entry_id,
        payee_entry_id=posted[first.payer_entry_id or 0].entry_id,
        reserved_at=at,
        expires_at=at,
        accepted_at=at,
        committed_at=at,
        settled_at=at,
        ended_at=at,
    )
    session.add(back)
    session.flush()
    for step, answer in ((messages.PROPOSED, messages.AGREED), (messages.COMMITTED, messages.DONE)):
        letter = messages.send(session, back, step, minutes=back.amount_minutes, now=at)
        messages.keep_receipt(session, letter, answer, now=at)
    return back
