"""Coins between branches that found no taker: kept on an account of their own until somebody decides.

They are paid to the account they were for, once it is open again, by one person; anywhere else only when two agree.
Sent back they are by undoing the payment, which ends the waiting, too. Whatever ends it settles the case, with its
words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from timebank.clearing.models import (
    BACK,
    MOVE_ASKED,
    MOVE_DECLINED,
    MOVE_DONE,
    MOVE_WITHDRAWN,
    PARKED_IN,
    PARKED_OUT,
    TO_DUE,
    TO_FUND,
    TO_MEMBER,
    WAY_NAMES,
    BranchPair,
    ParkedMove,
    ParkedPayment,
    Proposal,
)
from timebank.clearing.queries import (
    find_asked_move,
    find_move_by_key,
    find_parked_of,
    get_case,
    get_move,
    get_parked,
    owner_of,
)
from timebank.clearing.rules import INBOUND, OUTBOUND
from timebank.clearing.service import telling
from timebank.clearing.service.cases import Found, open_case
from timebank.clearing.service.deciding import CHANGE
from timebank.clearing.service.refusals import (
    BadTaker,
    DueStillClosed,
    MoveDecided,
    MoveWaiting,
    OneHandParked,
    OwnCoinsParked,
    ParkedEnded,
    ParkedPaidOut,
    WordsMissing,
)
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import ACTIVE, Member
from timebank.members.queries import find_member_by_number
from timebank.members.rules import BadName, tidy_name

SOURCE: Final = "parked"  # what entries that end the waiting name as their document
_CODES: Final = {INBOUND: PARKED_IN, OUTBOUND: PARKED_OUT}


@dataclass(frozen=True, kw_only=True)
class MoveDraft:
    """What is to be done with an amount: ``due``, ``fund``, or ``member`` by number and name; why; the form's key."""

    parked_id: int
    how: str
    reason: str
    form_key: str
    number: str = ""
    name: str = ""


def note_parked(
    session: Session, pair: BranchPair, proposal: Proposal, entry_id: int, *, due_id: int | None, now: datetime
) -> None:
    """Keep what of an entry found no taker, with a case; nothing where everybody was paid."""
    entry = ledger_queries.get_entry(session, entry_id)
    waits = [one for one in entry.transfers if one.credit in _CODES]
    if not waits or find_parked_of(session, proposal.id) is not None:
        return
    minutes, direction = sum(one.amount for one in waits), _CODES[waits[0].credit]
    found = Found(kind="unpaid", facts=f"{proposal.uid}：{minutes} 分钟", key=f"unpaid:{proposal.uid}")
    parked = ParkedPayment(
        branch_id=entry.book_id,
        direction=direction,
        pair_id=pair.id,
        proposal_id=proposal.id,
        case_id=open_case(session, pair, found, now=now).id,
        account_id=waits[0].credit_id,
        due_id=due_id,
        minutes=minutes,
        entry_id=entry_id,
        parked_at=now,
    )
    session.add(parked)
    session.flush()


def refuse_paid_out(session: Session, proposal_id: int) -> ParkedPayment | None:
    """What of a payment that is about to be undone still waits. Raises ParkedPaidOut where it was paid to somebody."""
    parked = find_parked_of(session, proposal_id)
    if parked is None:
        return None
    parked = get_parked(session, parked.id, lock=True)
    if parked.how not in {None, BACK}:
        raise ParkedPaidOut()
    return parked if parked.how is None else None


def note_sent_back(
    session: Session, parked: ParkedPayment, entry_id: int, *, by_id: int | None, words: str, now: datetime
) -> None:
    """The payment was undone: nothing of it waits any more."""
    asked = find_asked_move(session, parked.id)
    if asked is not None and by_id is not None:
        asked.status, asked.decided_by_id, asked.decided_at = MOVE_DECLINED, by_id, now
        asked.note = WAY_NAMES[BACK]
    _end(session, parked, _End(BACK, entry_id, by_id, words), now)


def ask_move(session: Session, draft: MoveDraft, *, actor: Actor, now: datetime) -> ParkedMove:
    """Say what is to be done: to the account it was for it goes at once, elsewhere once a second person agrees.

    The same form again is harmless. Raises ParkedNotFound, NotAllowed, FormUsed, ParkedEnded, WordsMissing,
    MoveWaiting, DueStillClosed, BadTaker, OwnCoinsParked.
    """
    parked = _lock(session, draft.parked_id, actor)
    first = find_move_by_key(session, draft.form_key)
    if first is not None:
        return _same(session, first, draft, actor)
    if parked.ended_at is not None:
        raise ParkedEnded()
    if not draft.reason.strip():
        raise WordsMissing()
    if find_asked_move(session, parked.id) is not None:
        raise MoveWaiting()
    member = _find_taker(session, parked, draft) if draft.how == TO_MEMBER else None
    move = ParkedMove(
        parked_id=parked.id,
        how=draft.how,
        member_id=member.id if member is not None else None,
        reason=draft.reason.strip(),
        status=MOVE_ASKED,
        asked_by_id=_person(actor),
        asked_at=now,
        form_key=draft.form_key,
    )
    account_id = _account_for(session, parked, move)
    _refuse_own(session, account_id, actor)
    session.add(move)
    session.flush()
    if draft.how == TO_DUE:
        _pay(session, parked, move, account_id, actor, now)
    else:
        telling.of_parked(session, parked, "clearing.parked_asked", besides=actor.member_id, now=now)
    return move


def agree_move(session: Session, move_id: int, *, actor: Actor, now: datetime) -> ParkedMove:
    """The second person's yes, which pays it. A repeat is harmless.

    Raises ParkedNotFound, NotAllowed, MoveDecided, OneHandParked, BadTaker, OwnCoinsParked.
    """
    parked, move = _lock_move(session, move_id, actor)
    if (move.status, move.decided_by_id) == (MOVE_DONE, actor.member_id):
        return move
    _refuse_decided(move)
    if move.asked_by_id == actor.member_id:
        raise OneHandParked()
    account_id = _account_for(session, parked, move)
    _refuse_own(session, account_id, actor)
    _pay(session, parked, move, account_id, actor, now)
    return move


def decline_move(session: Session, move_id: int, *, words: str, actor: Actor, now: datetime) -> ParkedMove:
    """The second person's no, with a reason. A repeat is harmless.

    Raises ParkedNotFound, NotAllowed, MoveDecided, OneHandParked, WordsMissing.
    """
    _, move = _lock_move(session, move_id, actor)
    if (move.status, move.note, move.decided_by_id) == (MOVE_DECLINED, words.strip(), actor.member_id):
        return move
    _refuse_decided(move)
    if move.asked_by_id == actor.member_id:
        raise OneHandParked()
    if not words.strip():
        raise WordsMissing()
    _decide(session, move, MOVE_DECLINED, words.strip(), actor, now)
    return move


def withdraw_move(session: Session, move_id: int, *, actor: Actor, now: datetime) -> ParkedMove:
    """Who asked takes it back. A repeat is harmless. Raises ParkedNotFound, NotAllowed, MoveDecided."""
    _, move = _lock_move(session, move_id, actor)
    if move.asked_by_id != actor.member_id:
        raise NotAllowed(permission=CHANGE)
    if move.status == MOVE_WITHDRAWN:
        return move
    _refuse_decided(move)
    _decide(session, move, MOVE_WITHDRAWN, "", actor, now)
    return move


def _lock(session: Session, parked_id: int, actor: Actor) -> ParkedPayment:
    parked = get_parked(session, parked_id, lock=True)
    actor.require(CHANGE, branch_id=parked.branch_id)
    return parked


def _lock_move(session: Session, move_id: int, actor: Actor) -> tuple[ParkedPayment, ParkedMove]:
    parked = _lock(session, get_move(session, move_id).parked_id, actor)
    return parked, get_move(session, move_id, lock=True)


def _person(actor: Actor) -> int:
    if actor.member_id is None:
        raise NotAllowed(permission=CHANGE)
    return actor.member_id


def _refuse_decided(move: ParkedMove) -> None:
    if move.status != MOVE_ASKED:
        raise MoveDecided()


def _refuse_own(session: Session, account_id: int, actor: Actor) -> None:
    owner = owner_of(session, account_id)
    if owner is not None and owner.id == actor.member_id:
        raise OwnCoinsParked()


def _same(session: Session, first: ParkedMove, draft: MoveDraft, actor: Actor) -> ParkedMove:
    member = find_member_by_number(session, draft.number) if draft.how == TO_MEMBER else None
    sent = (draft.parked_id, draft.how, member.id if member else None, draft.reason.strip(), actor.member_id)
    if (first.parked_id, first.how, first.member_id, first.reason, first.asked_by_id) != sent:
        raise FormUsed()
    return first


def _find_taker(session: Session, parked: ParkedPayment, draft: MoveDraft) -> Member:
    """An active member of the branch, by number and name as they stand on the card. Raises BadTaker."""
    found = find_member_by_number(session, draft.number)
    try:
        name = tidy_name(draft.name)
    except BadName as wrong:
        raise BadTaker() from wrong
    if found is None or found.branch_id != parked.branch_id or found.status != ACTIVE or found.name != name:
        raise BadTaker()
    return found


def _account_for(session: Session, parked: ParkedPayment, move: ParkedMove) -> int:
    """Where it would go. Raises DueStillClosed, BadTaker."""
    if move.how == TO_FUND:
        return ledger_queries.find_house_account(session, parked.branch_id, "fund")
    if move.how == TO_DUE:
        if parked.due_id is None or ledger_queries.get_account(session, parked.due_id).closed:
            raise DueStillClosed()
        return parked.due_id
    member = session.get(Member, move.member_id)
    if member is None or member.status != ACTIVE or member.coin_account_id is None:
        raise BadTaker()
    if ledger_queries.get_account(session, member.coin_account_id).closed:
        raise BadTaker()
    return member.coin_account_id


def _pay(
    session: Session, parked: ParkedPayment, move: ParkedMove, account_id: int, actor: Actor, now: datetime
) -> None:
    paid = ledger.TransferDraft(debit_id=parked.account_id, credit_id=account_id, amount=parked.minutes, unit="coin")
    owner = owner_of(session, account_id)
    entry = ledger.EntryDraft(
        book_id=parked.branch_id,
        kind="adjust",
        key=f"{SOURCE}:{parked.id}",
        transfers=(paid,),
        source_type=SOURCE,
        source_id=parked.id,
        occurred_at=now,
        actor_id=move.asked_by_id,
        for_member_id=owner.id if owner is not None else None,
        facts={"title": "待处理款补发", "waited": parked.entry_id, "decided_by_id": actor.member_id},
    )
    posted = ledger.post(session, entry, now=now)
    _decide(session, move, MOVE_DONE, "", actor, now)
    words = f"{WAY_NAMES[move.how]}：{move.reason}"[:200]
    _end(session, parked, _End(move.how, posted.entry_id, actor.member_id, words), now)
    if owner is not None:
        telling.of_unparked(session, owner, parked, now=now)


def _decide(session: Session, move: ParkedMove, status: str, note: str, actor: Actor, now: datetime) -> None:
    move.status, move.note = status, note
    move.decided_by_id, move.decided_at = actor.member_id, now
    session.flush()


@dataclass(frozen=True, slots=True)
class _End:
    how: str
    entry_id: int
    by_id: int | None
    words: str


def _end(session: Session, parked: ParkedPayment, end: _End, now: datetime) -> None:
    """The case is settled by it: the branch where it waited says what became of it."""
    parked.how, parked.ended_at, parked.ended_entry_id = end.how, now, end.entry_id
    case: Any = get_case(session, parked.case_id, lock=True)
    if case.settled_at is None:
        mine = "low" if parked.branch_id == parked.pair.low_id else "high"
        setattr(case, f"{mine}_by_id", getattr(case, f"{mine}_by_id") or end.by_id)
        setattr(case, f"{mine}_words", end.words[:200])
        case.settled_at = now
    session.flush()
