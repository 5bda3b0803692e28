"""What every decision about a pair shares: who says it for which side, once, and what it leads to in the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.clearing import rules
from timebank.clearing.models import CLOSED, BranchPair, PairEvent
from timebank.clearing.queries import find_pair, get_pair
from timebank.clearing.queries.pairs import PairNotFound
from timebank.clearing.service.refusals import BadLine
from timebank.core.actor import Actor
from timebank.core.db import insert_once, lock_name
from timebank.core.errors import FormUsed
from timebank.ledger import service as ledger

CHANGE = "clearing.change"


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """A word of a branch's manager about a pair: for which side, how many minutes, why; the form's key once."""

    branch_id: int
    form_key: str
    minutes: int = 0
    words: str = ""


def lock_or_make(session: Session, one_id: int, other_id: int, now: datetime) -> BranchPair:
    """The pair of two branches, made where there is none yet, nobody else's to move until we commit."""
    low, high = sorted((one_id, other_id))
    lock_name(session, f"pair:{low}:{high}")
    fresh = {"low_id": low, "high_id": high, "status": CLOSED, "asked_for_id": one_id, "asked_minutes": 0}
    session.execute(insert_once(session, BranchPair).values(fresh | {"changed_at": now}))
    pair = find_pair(session, low, high, lock=True)
    if pair is None:
        raise PairNotFound()
    return pair


def lock_of(session: Session, pair_id: int, branch_id: int, actor: Actor) -> BranchPair:
    """The locked pair, for somebody who decides for one of its sides. Raises PairNotFound, NotAllowed."""
    pair = get_pair(session, pair_id, lock=True)
    if branch_id not in {pair.low_id, pair.high_id}:
        raise PairNotFound()
    actor.require(CHANGE, branch_id=branch_id)
    return pair


def note(session: Session, pair: BranchPair, what: str, word: Deciding, *, actor: Actor, now: datetime) -> bool:
    """Write down what was decided; False when this form was sent before. Raises FormUsed if it said something else."""
    row = {
        "pair_id": pair.id,
        "what": what,
        "branch_id": word.branch_id if actor.member_id is not None else None,
        "by_id": actor.member_id,
        "words": word.words.strip(),
        "minutes": word.minutes if what in {"asked", "opened", "joined", "line"} else None,
        "at": now,
        "key": f"{what}:{word.form_key}",
    }
    if session.scalar(insert_once(session, PairEvent).values(row).returning(PairEvent.id)) is not None:
        return True
    first = session.scalars(select(PairEvent).where(PairEvent.key == row["key"])).one()
    if any(getattr(first, name) != row[name] for name in ("pair_id", "branch_id", "by_id", "words", "minutes")):
        raise FormUsed()
    return False


def open_accounts(session: Session, pair: BranchPair) -> None:
    """Give each side its clearing account towards the other."""
    opened = [
        ledger.open_account(session, book_id=here.id, code=f"clearing:{there.code}", kind="clearing", unit="coin")
        for here, there in ((pair.low, pair.high), (pair.high, pair.low))
    ]
    pair.low_account_id, pair.high_account_id = opened


def line_of(pair: BranchPair, creditor_id: int, minutes: int, *, by_id: int | None, key: str) -> ledger.LineDraft:
    """How much a creditor lets the other owe, as the ledger keeps it."""
    return ledger.LineDraft(
        account_id=pair.account_of(creditor_id),
        minutes=minutes,
        reason="网点之间的额度",
        key=key,
        decided_by_id=by_id,
    )


def refuse_line(minutes: int) -> None:
    """Raises BadLine for what is no amount between branches."""
    if not 0 <= minutes <= rules.MAX_LINE:
        raise BadLine(fields={"amount": f"请填 0 到 {rules.MAX_LINE // 60} 币。"})
