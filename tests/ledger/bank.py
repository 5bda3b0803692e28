"""A small bank for the ledger's tests, filled through the verbs only."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from timebank.core.actor import SYSTEM
from timebank.core.keys import Keys
from timebank.ledger import queries, service
from timebank.ledger.models import Seal
from timebank.ledger.rules import EntryDraft, TransferDraft
from timebank.ledger.service import HoldDraft, LineDraft, Posted, Reversal
from timebank.ledger.verification import verify

NOW = datetime(2026, 9, 15, 2, tzinfo=UTC)
LATER = datetime(2026, 10, 3, 2, tzinfo=UTC)
KEYS = Keys(b"only-for-tests-0123456789-0123456789")
_numbers = itertools.count(1)


def transfer(debit_id: int, credit_id: int, amount: Any = 60, unit: str = "coin") -> TransferDraft:
    return TransferDraft(debit_id=debit_id, credit_id=credit_id, amount=amount, unit=unit)


def entry(book_id: int, *transfers: TransferDraft, **others: Any) -> EntryDraft:
    given: dict[str, Any] = {
        "kind": "earn",
        "key": f"key:{next(_numbers)}",
        "source_type": "test",
        "source_id": 1,
        "occurred_at": NOW,
        "actor_id": None,
    }
    return EntryDraft(book_id=book_id, transfers=transfers, **given | others)


@dataclass(kw_only=True)
class Bank:
    """One book with three members, who have a coin and a point account each."""

    session: Session
    book_id: int
    coins: dict[str, int] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)

    def house(self, kind: str, unit: str = "coin") -> int:
        return queries.find_house_account(self.session, self.book_id, kind, unit)

    @property
    def issuance(self) -> int:
        return self.house("issuance")

    def earn(self, name: str, amount: int = 60, *, now: datetime = NOW, **others: Any) -> Posted:
        moved = transfer(self.issuance, self.coins[name], amount)
        return service.post(self.session, entry(self.book_id, moved, **others), now=now)

    def pay(self, payer: str, payee: str, amount: int = 60, *, now: datetime = NOW, **others: Any) -> Posted:
        moved = transfer(self.coins[payer], self.coins[payee], amount)
        return service.post(self.session, entry(self.book_id, moved, **{"kind": "redeem"} | others), now=now)

    def hold(self, name: str, amount: int = 60, *, now: datetime = NOW, **others: Any) -> int:
        given: dict[str, Any] = {
            "account_id": self.coins[name],
            "amount": amount,
            "key": f"hold:{next(_numbers)}",
            "expires_at": now + timedelta(days=7),
            "source_type": "order",
            "source_id": 1,
            "actor_id": None,
        }
        return service.hold(self.session, HoldDraft(**given | others), now=now)

    def take(self, hold_id: int, payer: str, payee: str, amount: int = 60, **others: Any) -> Posted:
        moved = transfer(self.coins[payer], self.coins[payee], amount)
        return service.post_hold(
            self.session, hold_id, entry(self.book_id, moved, **{"kind": "redeem"} | others), now=NOW
        )

    def undo(self, entry_id: int, *, now: datetime = NOW, **others: Any) -> Posted:
        given: dict[str, Any] = {"key": f"undo:{next(_numbers)}", "reason": "录错了", "actor_id": None}
        return service.reverse(self.session, entry_id, Reversal(**given | others), now=now).reversal

    def close(self, month: str = "2026-09", *, now: datetime = LATER) -> Seal:
        return service.close_period(self.session, self.book_id, month, actor=SYSTEM, keys=KEYS, now=now)

    def stands(self, name: str) -> tuple[int, int, int]:
        """Balance, held, available."""
        account = queries.get_account(self.session, self.coins[name])
        return account.balance, account.held, account.available

    def give_account(self, name: str) -> int:
        return service.open_account(
            self.session, book_id=self.book_id, code=f"giveaway:{name}", kind="giveaway", unit="coin"
        )

    def give(self, name: str, amount: int = 60, *, now: datetime = NOW, **others: Any) -> Posted:
        moved = transfer(self.issuance, self.give_account(name), amount)
        return service.post(self.session, entry(self.book_id, moved, **others), now=now)

    def void(self, hold_id: int, *, now: datetime = NOW) -> None:
        service.void_hold(self.session, hold_id, actor_id=None, now=now)

    def shut_account(self, name: str) -> int:
        account = service.open_account(
            self.session, book_id=self.book_id, code=f"member:{name}", kind="member", unit="coin"
        )
        service.close_account(self.session, account)
        return account

    def clearing(self, peer: str, *, line: int = 100) -> int:
        """The clearing account with another branch, which may owe ``line`` minutes on it."""
        account = service.open_account(
            self.session, book_id=self.book_id, code=f"clearing:{peer}", kind="clearing", unit="coin"
        )
        draft = LineDraft(account_id=account, minutes=line, reason="商定", key=f"line:{account}", decided_by_id=1)
        service.decide_line(self.session, draft, now=NOW)
        return account

    def findings(self) -> set[str]:
        """Names of the checks that found something."""
        return {check.name for check in verify(self.session, self.book_id) if check.findings}


def open_bank(session: Session, code: str = "BL") -> Bank:
    bank = Bank(session=session, book_id=service.open_book(session, code=code))
    for name in ("ann", "bo", "chen"):
        for accounts, unit in ((bank.coins, "coin"), (bank.points, "point")):
            accounts[name] = service.open_account(
                session, book_id=bank.book_id, code=f"member:{name}", kind="member", unit=unit
            )
    return bank
