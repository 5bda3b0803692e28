"""What is paid to whom, as it is kept with a proposal and as it is booked on each side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from timebank.clearing.models import BranchPair, Proposal
from timebank.clearing.queries import settled_of
from timebank.clearing.rules import CONVERTING, INBOUND, Amounts
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """What was delivered: how much of it, who gets it (account id, minutes) at the creditor's, and its document.

    ``facts`` stand on both entries and name nobody.
    """

    takers: tuple[tuple[int, int], ...]
    key: str
    source_id: int
    occurred_at: datetime
    actor_id: int | None
    payer_member_id: int | None
    payee_member_id: int | None
    rule: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def minutes(self) -> int:
        """How much is paid."""
        return sum(amount for _, amount in self.takers)


def plan_of(settlement: Settlement) -> dict[str, Any]:
    """The creditor's own note of whom to pay, as it is kept with the proposal."""
    return {
        "actor": settlement.actor_id,
        "facts": settlement.facts,
        "for": settlement.payee_member_id,
        "key": settlement.key,
        "occurred_at": settlement.occurred_at.isoformat(),
        "rule": settlement.rule,
        "source_id": settlement.source_id,
        "takers": [list(taker) for taker in settlement.takers],
    }


def entry_of(proposal: Proposal, book_id: int) -> dict[str, Any]:
    """What both entries share; where a minute is not a minute, both say what it came to on the two sides."""
    plan, amounts = proposal.plan or {}, settled_of(proposal)
    both = {} if amounts.rate.even else {"paid": amounts.paid, "taken": amounts.taken}
    return {
        "book_id": book_id,
        "kind": "inter_branch",
        "key": plan["key"],
        "source_type": proposal.source_type,
        "source_id": plan["source_id"],
        "occurred_at": datetime.fromisoformat(plan["occurred_at"]),
        "actor_id": plan["actor"],
        "rule": plan["rule"],
        "facts": {**plan["facts"], "proposal": proposal.uid, **both},
    }


@dataclass(frozen=True, slots=True)
class Ways:
    """The transfers of a payment in both books.

    The two clearing accounts mirror each other in one kind of minutes, those of the branch with the smaller id; the
    other one converts. In its book its own minutes and those on the clearing account meet on ``conversion``, at what
    they are worth in whole minutes, and what is left over goes to ``rounding``.
    """

    session: Session
    proposal: Proposal
    pair: BranchPair

    def from_payer(self, amounts: Amounts, account_id: int) -> tuple[ledger.TransferDraft, ...]:
        """In the payer's book: the payer pays in one piece."""
        clearing = self.pair.account_of(self.proposal.payer_id)
        if amounts.rate.even or not self._converts(self.proposal.payer_id):
            return (_transfer(account_id, clearing, amounts.paid),)
        conversion, rounding = self._house(self.proposal.payer_id)
        return (
            _transfer(account_id, conversion, amounts.paid),
            *_some(conversion, rounding, amounts.left_at_payer()),
            _transfer(conversion, clearing, amounts.taken),
        )

    def to_takers(self, amounts: Amounts, takers: Sequence[Sequence[int]]) -> tuple[ledger.TransferDraft, ...]:
        """In the creditor's book: each taker gets what they were promised."""
        clearing = self.pair.account_of(self.proposal.payee_id)
        if amounts.rate.even or not self._converts(self.proposal.payee_id):
            return tuple(_transfer(clearing, account, minutes) for account, minutes in takers)
        conversion, rounding = self._house(self.proposal.payee_id)
        return (
            _transfer(clearing, conversion, amounts.paid),
            *(_transfer(conversion, account, minutes) for account, minutes in takers),
            *_some(conversion, rounding, amounts.left_at_payee()),
        )

    def _converts(self, branch_id: int) -> bool:
        return branch_id == self.pair.high_id

    def _house(self, branch_id: int) -> tuple[int, int]:
        conversion, rounding = (ledger_queries.find_house_account(self.session, branch_id, code) for code in CONVERTING)
        return conversion, rounding


def _transfer(debit_id: int, credit_id: int, minutes: int) -> ledger.TransferDraft:
    return ledger.TransferDraft(debit_id=debit_id, credit_id=credit_id, amount=minutes, unit="coin")


def _some(debit_id: int, credit_id: int, minutes: int) -> tuple[ledger.TransferDraft, ...]:
    return (_transfer(debit_id, credit_id, minutes),) if minutes else ()


def closed_taker(session: Session, proposal: Proposal) -> int | None:
    """The first account of those to be paid that takes nothing any more."""
    takers = [account for account, amount in (proposal.plan or {})["takers"] if amount]
    return next((one for one in takers if ledger_queries.get_account(session, one).closed), None)


def payee_entry(session: Session, pair: BranchPair, proposal: Proposal) -> ledger.EntryDraft:
    """The creditor's entry; where a taker's account is closed it waits on an account of its own."""
    plan = proposal.plan or {}
    takers = [(account, amount) for account, amount in plan["takers"] if amount]
    if closed_taker(session, proposal) is not None:
        takers = [(ledger_queries.find_house_account(session, proposal.payee_id, INBOUND), sum(a for _, a in takers))]
    return ledger.EntryDraft(
        transfers=Ways(session, proposal, pair).to_takers(settled_of(proposal), takers),
        for_member_id=plan["for"],
        **entry_of(proposal, proposal.payee_id),
    )
