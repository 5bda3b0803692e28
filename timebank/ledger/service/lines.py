"""Lines: how much another branch may owe on a clearing account, as its creditor decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.db import insert_once
from timebank.ledger.models import CLEARING, Account, LineDecision
from timebank.ledger.rules import MAX_AMOUNT, BadAmount
from timebank.ledger.service.accounts import AccountNotFound, lock_accounts
from timebank.ledger.service.entries import KeyReused


@dataclass(frozen=True, kw_only=True, slots=True)
class LineDraft:
    """A line about to be decided: ``minutes`` (0 lets nothing more be owed), why, and by whom (None: a default)."""

    account_id: int
    minutes: int
    reason: str
    key: str
    decided_by_id: int | None


def decide_line(session: Session, draft: LineDraft, *, now: datetime) -> None:
    """Let the other branch owe so much on a clearing account from now on; a repeat under the same key is harmless.

    A line below what is owed already takes nothing back: nothing more can be owed until it has come down.
    Raises BadAmount, AccountNotFound, KeyReused.
    """
    if type(draft.minutes) is not int or not 0 <= draft.minutes <= MAX_AMOUNT:
        raise BadAmount(amount=draft.minutes)
    account = session.get(Account, draft.account_id)
    if account is None or account.kind != CLEARING:
        raise AccountNotFound()
    lock_accounts(session.connection(), [account.id])
    row = {
        "account_id": draft.account_id,
        "minutes": draft.minutes,
        "reason": draft.reason,
        "decided_by_id": draft.decided_by_id,
        "decided_at": now,
        "key": draft.key,
    }
    if session.scalar(insert_once(session, LineDecision).values(row).returning(LineDecision.id)) is None:
        first = session.scalars(select(LineDecision).where(LineDecision.key == draft.key)).one()
        if (first.account_id, first.minutes) != (draft.account_id, draft.minutes):
            raise KeyReused()
