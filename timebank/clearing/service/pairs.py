"""Connecting two branches, how much each lets the other owe, pausing and parting."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.clearing.models import (
    ASKED,
    CLOSED,
    DECLINED,
    FROZEN,
    OPEN,
    PAIR_STATUS_NAMES,
    BranchPair,
)
from timebank.clearing.queries import gauge_of, list_events, list_in_flight, list_open_cases
from timebank.clearing.service import telling
from timebank.clearing.service.deciding import (
    CHANGE,
    Deciding,
    line_of,
    lock_of,
    lock_or_make,
    note,
    open_accounts,
    refuse_line,
)
from timebank.clearing.service.refusals import (
    CasesOpen,
    NotYours,
    OneHandPair,
    PairNotReady,
    SameBranch,
    StillOwed,
    WordsMissing,
)
from timebank.clearing.service.signing import end_keys, have_key, have_keys
from timebank.core.actor import Actor
from timebank.core.minutes import coins
from timebank.ledger import service as ledger


def ask_pair(session: Session, peer_id: int, word: Deciding, *, actor: Actor, now: datetime) -> BranchPair:
    """Ask another branch to redeem at each other, offering it a line. The same form again is harmless.

    Raises NotAllowed, BranchNotFound, SameBranch, BadLine, PairNotReady when the two are connected or one has asked.
    """
    actor.require(CHANGE, branch_id=word.branch_id)
    refuse_line(word.minutes)
    peer = get_branch(session, peer_id)
    if peer.id == word.branch_id:
        raise SameBranch()
    pair = lock_or_make(session, word.branch_id, peer.id, now)
    if not note(session, pair, "asked", word, actor=actor, now=now):
        return pair
    if pair.status not in {CLOSED, DECLINED}:
        raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
    pair.status, pair.asked_for_id, pair.asked_minutes, pair.changed_at = ASKED, word.branch_id, word.minutes, now
    have_key(session, pair, word.branch_id, now=now)
    telling.of_pair(session, pair, "clearing.asked", to_id=peer.id, words=word.words, now=now)
    return pair


def agree_pair(session: Session, pair_id: int, word: Deciding, *, actor: Actor, now: datetime) -> BranchPair:
    """Say yes for the branch that was asked, offering a line in return; both clearing accounts are there from then on.

    Raises PairNotFound, NotAllowed, BadLine, PairNotReady, OneHandPair.
    """
    pair = lock_of(session, pair_id, word.branch_id, actor)
    refuse_line(word.minutes)
    if not note(session, pair, "opened", word, actor=actor, now=now):
        return pair
    _refuse_unless_asked(session, pair, word, actor)
    open_accounts(session, pair)
    pair.status, pair.changed_at = OPEN, now
    have_keys(session, pair, now=now)
    asked = next(event for event in list_events(session, pair.id) if event.what == "asked")
    ledger.decide_line(
        session, line_of(pair, pair.asked_for_id, pair.asked_minutes, by_id=asked.by_id, key=asked.key), now=now
    )
    key = f"{word.form_key}:line"
    ledger.decide_line(session, line_of(pair, word.branch_id, word.minutes, by_id=actor.member_id, key=key), now=now)
    telling.of_pair(session, pair, "clearing.opened", to_id=pair.asked_for_id, words=word.words, now=now)
    return pair


def decline_pair(session: Session, pair_id: int, word: Deciding, *, actor: Actor, now: datetime) -> BranchPair:
    """Say no for the branch that was asked, with a reason. Raises what ``agree_pair`` does, and WordsMissing."""
    pair = lock_of(session, pair_id, word.branch_id, actor)
    _refuse_silence(word)
    if not note(session, pair, "declined", word, actor=actor, now=now):
        return pair
    _refuse_unless_asked(session, pair, word, actor)
    pair.status, pair.changed_at = DECLINED, now
    session.flush()
    telling.of_pair(session, pair, "clearing.declined", to_id=pair.asked_for_id, words=word.words, now=now)
    return pair


def set_line(session: Session, pair_id: int, word: Deciding, *, actor: Actor, now: datetime) -> BranchPair:
    """Decide how much the other branch may owe one's own. Raises PairNotFound, NotAllowed, BadLine, PairNotReady."""
    pair = lock_of(session, pair_id, word.branch_id, actor)
    refuse_line(word.minutes)
    if not note(session, pair, "line", word, actor=actor, now=now):
        return pair
    if pair.status not in {OPEN, FROZEN}:
        raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
    key = f"{word.form_key}:line"
    ledger.decide_line(session, line_of(pair, word.branch_id, word.minutes, by_id=actor.member_id, key=key), now=now)
    telling.of_line(session, pair, creditor_id=word.branch_id, minutes=word.minutes, now=now)
    return pair


def freeze_pair(session: Session, pair_id: int, word: Deciding, *, actor: Actor, now: datetime) -> BranchPair:
    """Pause everything between the two, with a reason. Raises PairNotFound, NotAllowed, WordsMissing, PairNotReady."""
    pair = lock_of(session, pair_id, word.branch_id, actor)
    _refuse_silence(word)
    if note(session, pair, "frozen", word, actor=actor, now=now):
        if pair.status != OPEN:
            raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
        freeze(session, pair, now=now)
        to_id = pair.other_of(word.branch_id)
        telling.of_pair(session, pair, "clearing.frozen", to_id=to_id, words=word.words, now=now)
    return pair


def freeze(session: Session, pair: BranchPair, *, now: datetime) -> None:
    """Let nothing move between the two."""
    if pair.status == OPEN:
        pair.status, pair.changed_at = FROZEN, now
        session.flush()


def resume_pair(session: Session, pair_id: int, word: Deciding, *, actor: Actor, now: datetime) -> BranchPair:
    """Let things move again. Raises PairNotFound, NotAllowed, NotYours where the other branch paused it, CasesOpen."""
    pair = lock_of(session, pair_id, word.branch_id, actor)
    if note(session, pair, "resumed", word, actor=actor, now=now):
        if pair.status != FROZEN:
            raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
        paused_by = next((event.branch_id for event in list_events(session, pair.id) if event.what == "frozen"), None)
        if paused_by not in {None, word.branch_id}:
            raise NotYours()
        if cases := list_open_cases(session, pair.id):
            raise CasesOpen(count=len(cases))
        pair.status, pair.changed_at = OPEN, now
        session.flush()
        to_id = pair.other_of(word.branch_id)
        telling.of_pair(session, pair, "clearing.resumed", to_id=to_id, words=word.words, now=now)
    return pair


def close_pair(session: Session, pair_id: int, word: Deciding, *, actor: Actor, now: datetime) -> BranchPair:
    """Part, once nothing is owed or under way; both lines become zero.

    Raises PairNotFound, NotAllowed, WordsMissing, PairNotReady, StillOwed.
    """
    pair = lock_of(session, pair_id, word.branch_id, actor)
    _refuse_silence(word)
    if not note(session, pair, "closed", word, actor=actor, now=now):
        return pair
    if pair.status not in {OPEN, FROZEN}:
        raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
    gauge, under_way = gauge_of(session, pair, creditor_id=pair.low_id), list_in_flight(session, pair)
    if gauge.owed or under_way:
        raise StillOwed(owed=coins(abs(gauge.owed)), open=len(under_way))
    for side in (pair.low_id, pair.high_id):
        key = f"{word.form_key}:close:{side}"
        ledger.decide_line(session, line_of(pair, side, 0, by_id=actor.member_id, key=key), now=now)
    pair.status, pair.changed_at = CLOSED, now
    end_keys(session, pair, {pair.low_id, pair.high_id}, until=now)
    to_id = pair.other_of(word.branch_id)
    telling.of_pair(session, pair, "clearing.closed", to_id=to_id, words=word.words, now=now)
    return pair


def _refuse_silence(word: Deciding) -> None:
    if not word.words.strip():
        raise WordsMissing()


def _refuse_unless_asked(session: Session, pair: BranchPair, word: Deciding, actor: Actor) -> None:
    if pair.status != ASKED or pair.asked_for_id == word.branch_id:
        raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
    asked = next(event for event in list_events(session, pair.id) if event.what == "asked")
    if asked.by_id == actor.member_id:
        raise OneHandPair()
