"""Undoing a payment between branches: a payment back, in both books at once, that names the one it undoes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing.models import SETTLED, Proposal
from timebank.clearing.queries import find_proposal_by_uid
from timebank.clearing.rules import ProposalMoved
from timebank.clearing.service import messages
from timebank.clearing.service.locking import lock_proposal, names_of
from timebank.clearing.service.refusals import PairFrozen
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Undone:
    """What undoing a payment came to in the creditor's book, where its document stands, and what was paid instead."""

    booked: ledger.Reversed
    back: Proposal
    anew: Proposal | None


def reverse_settled(
    session: Session,
    proposal_id: int,
    reversal: ledger.Reversal,
    *,
    instead: ledger.EntryDraft | None = None,
    now: datetime,
) -> Undone:
    """Pay back what was settled; with ``instead``, the creditor's side of what takes its place, less is paid anew.

    A repeat returns the first, another one is refused. Raises ProposalNotFound, ProposalMoved for what was never
    settled, and what ``ledger.reverse_across`` raises: BelowFloor where the taker spent it meanwhile, NotEnough where
    the line of the other direction is full.
    """
    _, first = lock_proposal(session, proposal_id)
    if first.status != SETTLED:
        raise ProposalMoved(status=first.status)
    at = ledger.common_instant(session, {first.payer_id, first.payee_id}, now=now)
    sides = (first.payer_entry_id or 0, first.payee_entry_id or 0)
    replacements = (_payer_side(session, sides[0], instead), instead) if instead is not None else ()
    payer, payee = ledger.reverse_across(session, sides, reversal, replacements=replacements, now=at)
    back = find_proposal_by_uid(session, f"{first.uid}:back")
    if back is None:
        back = _record(session, first, "back", (payee.reversal, payer.reversal), first.settled_minutes or 0, at)
    anew = find_proposal_by_uid(session, f"{first.uid}:anew")
    if anew is None and payer.replacement is not None and payee.replacement is not None and instead is not None:
        minutes = sum(one.amount for one in instead.transfers)
        anew = _record(session, first, "anew", (payer.replacement, payee.replacement), minutes, at)
    return Undone(booked=payee, back=back, anew=anew)


def _payer_side(session: Session, entry_id: int, instead: ledger.EntryDraft) -> ledger.EntryDraft:
    """The mirror image of what is paid anew: the same member, as much less."""
    entry = ledger_queries.get_entry(session, entry_id)
    paid, minutes = entry.transfers[0], sum(one.amount for one in instead.transfers)
    return replace(
        instead,
        book_id=entry.book_id,
        transfers=(
            ledger.TransferDraft(debit_id=paid.debit_id, credit_id=paid.credit_id, amount=minutes, unit=paid.unit),
        ),
        for_member_id=entry.for_member_id,
        facts={**instead.facts, "proposal": entry.facts.get("proposal", "")},
    )


def _record(
    session: Session,
    first: Proposal,
    what: str,
    sides: tuple[ledger.Posted, ledger.Posted],
    minutes: int,
    at: datetime,
) -> Proposal:
    """A payment whose entries are there already, as a proposal with its messages: back to the payer, or anew."""
    back = what == "back"
    made = Proposal(
        uid=f"{first.uid}:{what}",
        payer_id=first.payee_id if back else first.payer_id,
        payee_id=first.payer_id if back else first.payee_id,
        amount_minutes=minutes,
        settled_minutes=minutes,
        status=SETTLED,
        source_type=first.source_type,
        source_id=first.source_id,
        reverses_id=first.id if back else None,
        payer_entry_id=sides[0].entry_id,
        payee_entry_id=sides[1].entry_id,
        reserved_at=at,
        expires_at=at,
        accepted_at=at,
        committed_at=at,
        settled_at=at,
        ended_at=at,
    )
    session.add(made)
    session.flush()
    for step, answer in ((messages.PROPOSED, messages.AGREED), (messages.COMMITTED, messages.DONE)):
        letter = messages.send(session, made, step, minutes=minutes, now=at)
        if messages.judge(session, letter, now=at) is not None:  # the chain, or a key, is not as it should be
            raise PairFrozen(**names_of(session, made.payer_id, made.payee_id))
        messages.keep_receipt(session, letter, answer, now=at)
    return made
