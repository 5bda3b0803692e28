"""Three branches, their managers, and somebody with coins at each."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.exchange.scene import give
from tests.memory import remembered
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.clearing import queries, service
from timebank.clearing.models import RATE_AGREED, BranchPair, PairRate, Proposal
from timebank.clearing.service import Deciding, ProposalDraft, Settlement, messages
from timebank.clearing.service.messages import Letter
from timebank.core.actor import Actor
from timebank.core.clock import today
from timebank.ledger import queries as books
from timebank.ledger import service as ledger
from timebank.ledger.models import Account
from timebank.ledger.verification import verify
from timebank.members.models import Member

_keys = itertools.count(1)
CODES = ("AA", "BB", "CC")


def key() -> str:
    """A form's key."""
    return f"clearing-{next(_keys)}"


@dataclass
class Between:
    """Branches AA, BB and CC; AA and BB redeem at each other on lines of 300 minutes."""

    session: Session
    line: int = 300
    branches: list[Branch] = field(init=False)
    managers: list[Member] = field(init=False)
    members: list[Member] = field(init=False)
    pair: BranchPair = field(init=False)

    def __post_init__(self) -> None:
        ids = remembered(self.session, ("between", self.line), self._made)
        self.branches = [self.session.get_one(Branch, one) for one in ids[0]]
        self.managers = [self.session.get_one(Member, one) for one in ids[1]]
        self.members = [self.session.get_one(Member, one) for one in ids[2]]
        self.pair = self.session.get_one(BranchPair, ids[3])

    def _made(self) -> Any:
        self.branches = [make_branch(self.session, code, f"{code} 站") for code in CODES]
        self.managers = [make_member(self.session, branch, roles=("manager",)) for branch in self.branches]
        self.members = [make_member(self.session, branch) for branch in self.branches]
        for member in self.members:
            give(self.session, member, 600)
        pair = self.connect(0, 1)
        people = [[one.id for one in some] for some in (self.branches, self.managers, self.members)]
        return (*people, pair.id)

    def convert(self, low: int, high: int) -> None:
        """From today on so many minutes of AA are worth so many of BB."""
        rate = PairRate(
            pair_id=self.pair.id,
            low_units=low,
            high_units=high,
            valid_from=today(NOW) - timedelta(days=1),
            asked_for_id=self.pair.low_id,
            asked_by_id=self.managers[0].id,
            asked_at=NOW - timedelta(days=9),
            form_key=key(),
        )
        self.session.add(rate)
        self.session.flush()
        rate.status, rate.answered_by_id = RATE_AGREED, self.managers[1].id
        rate.answered_at = NOW - timedelta(days=8)
        self.session.flush()

    def boss(self, at: int) -> Actor:
        """The manager of a branch."""
        return actor_of(self.session, self.managers[at])

    def word(self, at: int, **more: Any) -> Deciding:
        """What a manager says."""
        return Deciding(**{"branch_id": self.branches[at].id, "form_key": key(), "words": "商定"} | more)

    def connect(self, one: int, other: int) -> BranchPair:
        """Let two branches redeem at each other."""
        asked = self.word(one, minutes=self.line)
        pair = service.ask_pair(self.session, self.branches[other].id, asked, actor=self.boss(one), now=NOW)
        word = self.word(other, minutes=self.line)
        return service.agree_pair(self.session, pair.id, word, actor=self.boss(other), now=NOW)

    def draft(
        self, minutes: int = 60, *, payer: int = 0, payee: int = 1, now: datetime = NOW, **more: Any
    ) -> ProposalDraft:
        """A member of one branch is going to pay somebody of the other."""
        given: dict[str, Any] = {
            "uid": f"AA-{key()}",
            "payer_id": self.branches[payer].id,
            "payee_id": self.branches[payee].id,
            "account_id": self.members[payer].coin_account_id,
            "minutes": minutes,
            "expires_at": now + timedelta(days=7),
            "source_type": "order",
            "actor_id": self.members[payer].id,
        }
        return ProposalDraft(**given | more)

    def propose(self, minutes: int = 60, *, now: datetime = NOW, **more: Any) -> Proposal:
        """Both sides have set aside what they need."""
        return service.propose(self.session, self.draft(minutes, now=now, **more), now=now)

    def settlement(self, minutes: int = 60, *, payee: int = 1, source_id: int = 1, **more: Any) -> Settlement:
        """What was delivered, and to whom."""
        given: dict[str, Any] = {
            "takers": ((self.members[payee].coin_account_id, minutes),),
            "key": f"order:{source_id}:fulfil",
            "source_id": source_id,
            "occurred_at": NOW,
            "actor_id": None,
            "payer_member_id": None,
            "payee_member_id": None,
        }
        return Settlement(**given | more)

    def pay(
        self, minutes: int = 60, *, payer: int = 0, payee: int = 1, source_id: int = 1, now: datetime = NOW
    ) -> Proposal:
        """From the first step to the last."""
        proposal = self.propose(minutes, payer=payer, payee=payee, now=now)
        done = self.settlement(minutes, payee=payee, source_id=source_id)
        return service.settle(self.session, proposal.id, done, now=now)

    def half_pay(self, minutes: int = 60, *, now: datetime = NOW, **more: Any) -> Letter:
        """The payer's book has paid; the message is written and not sent."""
        proposal = self.propose(minutes, now=now)
        return service.commit(self.session, proposal, self.settlement(minutes, **more), now=now)

    def book_alone(self, at: int, minutes: int, *, key: str, now: datetime = NOW, **facts: Any) -> None:
        """An entry in the book of AA (0) or BB (1) alone; above zero its member pays, below zero it gets them back."""
        member, account = self.members[at].coin_account_id or 0, self.pair.account_of(self.branches[at].id)
        debit, credit = (member, account) if minutes > 0 else (account, member)
        draft = ledger.EntryDraft(
            book_id=self.branches[at].id,
            kind="inter_branch",
            key=key,
            transfers=(ledger.TransferDraft(debit_id=debit, credit_id=credit, amount=abs(minutes), unit="coin"),),
            source_type="order",
            source_id=99,
            occurred_at=now,
            actor_id=None,
            facts=facts,
        )
        ledger.post(self.session, draft, now=now)

    def again(self, letter: Letter, *, now: datetime) -> Letter:
        """The same content sent later: signed anew."""
        return messages.sign_letter(self.session, letter.from_id, letter.to_id, letter.envelope, now=now)

    def close(self, at: int) -> int:
        """A member's coins go to the fund, and the account is closed; returns it."""
        account_id = self.members[at].coin_account_id or 0
        account = books.get_account(self.session, account_id)
        if account.balance:
            fund = books.find_house_account(self.session, account.book_id, "fund")
            gone = ledger.TransferDraft(debit_id=account_id, credit_id=fund, amount=account.balance, unit="coin")
            given: dict[str, Any] = {"source_type": "test", "source_id": None, "occurred_at": NOW, "actor_id": None}
            draft = ledger.EntryDraft(
                book_id=account.book_id, kind="gift", key=f"empty-{key()}", transfers=(gone,), **given
            )
            ledger.post(self.session, draft, now=NOW)
        ledger.close_account(self.session, account_id)
        return account_id

    def open_again(self, account_id: int) -> None:
        """The closed account takes postings once more."""
        self.session.execute(sa.update(Account).where(Account.id == account_id).values(closed=False))
        self.session.expire_all()

    def coins(self, at: int) -> tuple[int, int]:
        """What a member has, and what of it is set aside."""
        account = books.get_account(self.session, self.members[at].coin_account_id)
        return account.balance, account.held

    def owed(self, *, creditor: int = 1) -> tuple[int, int, int]:
        """Owed, reserved and free on the line that a branch gives the other."""
        gauge = queries.gauge_of(self.session, self.pair, creditor_id=self.branches[creditor].id)
        return gauge.owed, gauge.held, gauge.free

    def findings(self) -> set[str]:
        """Checks of all books that found something."""
        return {check.name for branch in self.branches for check in verify(self.session, branch.id) if check.findings}
