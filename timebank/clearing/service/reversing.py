"""Undoing a payment between branches: a payment back, in both books at once, that names the one it undoes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing.models import BACK, SETTLED, WAY_NAMES, Proposal
from timebank.clearing.queries import between_of, find_proposal_by_uid, rate_of, settled_of
from timebank.clearing.rules import OUTBOUND, Amounts, ProposalMoved
from timebank.clearing.service import messages
from timebank.clearing.service.drafting import Ways
from timebank.clearing.service.locking import lock_pair, lock_proposal, names_of
from timebank.clearing.service.parking import note_parked, note_sent_back, refuse_paid_out
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

    Where the payer's account was closed meanwhile, what comes back waits. A repeat returns the first, another one is
    refused. Raises ProposalNotFound, ParkedPaidOut, ProposalMoved for what was never
    settled, and what ``ledger.reverse_across`` raises: BelowFloor where the taker spent it meanwhile, NotEnough where
    the line of the other direction is full.
    """
    _, first = lock_proposal(session, proposal_id)
    if first.status != SETTLED:
        raise ProposalMoved(status=first.status)
    pair = lock_pair(session, first.payer_id, first.payee_id)
    waits = refuse_paid_out(session, first.id)
    at = ledger.common_instant(session, {first.payer_id, first.payee_id}, now=now)
    sides = (first.payer_entry_id or 0, first.payee_entry_id or 0)
    less = None if instead is None else rate_of(first).cost(sum(one.amount for one in instead.transfers))
    replacements = _anew(session, first, instead, less) if instead is not None and less is not None else ()
    closed = _closed_payer(session, first)
    aside = {closed: ledger_queries.find_house_account(session, first.payer_id, OUTBOUND)} if closed else {}
    payer, payee = ledger.reverse_across(session, sides, reversal, replacements=replacements, aside=aside, now=at)
    back = find_proposal_by_uid(session, f"{first.uid}:back")
    if back is None:
        back = _record(session, first, "back", (payee.reversal, payer.reversal), settled_of(first).turned, at)
        note_parked(session, pair, back, payer.reversal.entry_id, due_id=closed, now=at)
        if waits is not None:
            words, entry_id = f"{WAY_NAMES[BACK]}：{reversal.reason}", payee.reversal.entry_id
            note_sent_back(session, waits, entry_id, by_id=reversal.actor_id, words=words, now=at)
    anew = find_proposal_by_uid(session, f"{first.uid}:anew")
    if anew is None and payer.replacement is not None and payee.replacement is not None and less is not None:
        anew = _record(session, first, "anew", (payer.replacement, payee.replacement), less, at)
        due_id = waits.due_id if waits is not None else None
        note_parked(session, pair, anew, payee.replacement.entry_id, due_id=due_id, now=at)
    return Undone(booked=payee, back=back, anew=anew)


def _closed_payer(session: Session, first: Proposal) -> int | None:
    """The account that had paid, where it takes nothing any more."""
    account_id = ledger_queries.get_entry(session, first.payer_entry_id or 0).transfers[0].debit_id
    return account_id if ledger_queries.get_account(session, account_id).closed else None


def _anew(
    session: Session, first: Proposal, instead: ledger.EntryDraft, less: Amounts
) -> tuple[ledger.EntryDraft, ledger.EntryDraft]:
    """Both sides of what is paid anew, by the rate of the first: the same member pays less to the same takers."""
    pair = lock_pair(session, first.payer_id, first.payee_id)
    ways, entry = Ways(session, first, pair), ledger_queries.get_entry(session, first.payer_entry_id or 0)
    both = {} if less.rate.even else {"paid": less.paid, "taken": less.taken}
    facts = {**instead.facts, "proposal": entry.facts.get("proposal", ""), **both}
    takers = [(one.credit_id, one.amount) for one in instead.transfers]
    payer = replace(
        instead,
        book_id=entry.book_id,
        transfers=ways.from_payer(less, entry.transfers[0].debit_id),
        for_member_id=entry.for_member_id,
        facts=facts,
    )
    return payer, replace(instead, transfers=ways.to_takers(less, takers), facts=facts)


def _record(
    session: Session,
    first: Proposal,
    what: str,
    sides: tuple[ledger.Posted, ledger.Posted],
    amounts: Amounts,
    at: datetime,
) -> Proposal:
    """A payment whose entries are there already, as a proposal with its messages: back to the payer, or anew."""
    back = what == "back"
    made = Proposal(
        uid=f"{first.uid}:{what}",
        payer_id=first.payee_id if back else first.payer_id,
        payee_id=first.payer_id if back else first.payee_id,
        amount_minutes=amounts.paid,
        settled_minutes=amounts.paid,
        payer_units=amounts.rate.payer,
        payee_units=amounts.rate.payee,
        payee_minutes=None if amounts.rate.even else amounts.taken,
        payee_settled_minutes=None if amounts.rate.even else amounts.taken,
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
    minutes = between_of(amounts, payer_id=made.payer_id, payee_id=made.payee_id)
    for step, answer in ((messages.PROPOSED, messages.AGREED), (messages.COMMITTED, messages.DONE)):
        letter = messages.send(session, made, step, minutes=minutes, now=at)
        if messages.judge(session, letter, now=at) is not None:  # the chain, or a key, is not as it should be
            raise PairFrozen(**names_of(session, made.payer_id, made.payee_id))
        messages.keep_receipt(session, letter, answer, now=at)
    return made
