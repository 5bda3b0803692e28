"""What is paid to whom, as it is kept with a proposal and as it is booked on each side."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from timebank.clearing.models import BranchPair, Proposal
from timebank.clearing.service.cases import Found, open_case
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
    """What both entries share."""
    plan = proposal.plan or {}
    return {
        "book_id": book_id,
        "kind": "inter_branch",
        "key": plan["key"],
        "source_type": proposal.source_type,
        "source_id": plan["source_id"],
        "occurred_at": datetime.fromisoformat(plan["occurred_at"]),
        "actor_id": plan["actor"],
        "rule": plan["rule"],
        "facts": {**plan["facts"], "proposal": proposal.uid},
    }


def payee_entry(session: Session, pair: BranchPair, proposal: Proposal, now: datetime) -> ledger.EntryDraft:
    """The creditor's entry; where a taker's account is closed it waits in suspense, with a case."""
    plan, account_id = proposal.plan or {}, pair.account_of(proposal.payee_id)
    takers = [(account, amount) for account, amount in plan["takers"] if amount]
    if any(ledger_queries.get_account(session, account).closed for account, _ in takers):
        takers = [
            (ledger_queries.find_house_account(session, proposal.payee_id, "suspense"), sum(a for _, a in takers))
        ]
        found = Found(kind="unpaid", facts=f"{proposal.uid}：{takers[0][1]} 分钟", key=f"unpaid:{proposal.uid}")
        open_case(session, pair, found, now=now)
    return ledger.EntryDraft(
        transfers=tuple(
            ledger.TransferDraft(debit_id=account_id, credit_id=account, amount=amount, unit="coin")
            for account, amount in takers
        ),
        for_member_id=plan["for"],
        **entry_of(proposal, proposal.payee_id),
    )
