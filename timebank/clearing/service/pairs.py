"""Connecting two branches, how much each lets the other owe, pausing and parting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.models import Area, Branch
from timebank.branches.queries import get_branch, list_branches
from timebank.clearing import rules
from timebank.clearing.models import (
    ASKED,
    CLOSED,
    DECLINED,
    FROZEN,
    OPEN,
    PAIR_STATUS_NAMES,
    BranchPair,
    PairEvent,
)
from timebank.clearing.queries import find_pair, gauge_of, get_pair, list_events, list_in_flight, list_open_cases
from timebank.clearing.queries.pairs import PairNotFound
from timebank.clearing.service import telling
from timebank.clearing.service.refusals import (
    BadLine,
    CasesOpen,
    NotYours,
    OneHandPair,
    PairNotReady,
    SameBranch,
    StillOwed,
    WordsMissing,
)
from timebank.clearing.service.signing import end_keys, have_key
from timebank.core.actor import SYSTEM, Actor
from timebank.core.db import insert_once, lock_name
from timebank.core.errors import FormUsed
from timebank.core.minutes import coins
from timebank.ledger import service as ledger

CHANGE = "clearing.change"


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """A word of a branch's manager about a pair: for which side, how many minutes, why; the form's key once."""

    branch_id: int
    form_key: str
    minutes: int = 0
    words: str = ""


def ask_pair(session: Session, peer_id: int, word: Deciding, *, actor: Actor, now: datetime) -> BranchPair:
    """Ask another branch to redeem at each other, offering it a line. The same form again is harmless.

    Raises NotAllowed, BranchNotFound, SameBranch, BadLine, PairNotReady when the two are connected or one has asked.
    """
    actor.require(CHANGE, branch_id=word.branch_id)
    refuse_line(word.minutes)
    peer = get_branch(session, peer_id)
    if peer.id == word.branch_id:
        raise SameBranch()
    pair = _lock_or_make(session, word.branch_id, peer.id, now)
    if not note(session, pair, "asked", word, actor=actor, now=now):
        return pair
    if pair.status not in {CLOSED, DECLINED}:
        raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
    pair.status, pair.asked_for_id, pair.asked_minutes, pair.changed_at = ASKED, word.branch_id, word.minutes, now
    session.flush()
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
    _open_accounts(session, pair)
    pair.status, pair.changed_at = OPEN, now
    _have_keys(session, pair, now)
    asked = next(event for event in list_events(session, pair.id) if event.what == "asked")
    ledger.decide_line(
        session, _line(pair, pair.asked_for_id, pair.asked_minutes, by_id=asked.by_id, key=asked.key), now=now
    )
    key = f"{word.form_key}:line"
    ledger.decide_line(session, _line(pair, word.branch_id, word.minutes, by_id=actor.member_id, key=key), now=now)
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
    ledger.decide_line(session, _line(pair, word.branch_id, word.minutes, by_id=actor.member_id, key=key), now=now)
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
        ledger.decide_line(session, _line(pair, side, 0, by_id=actor.member_id, key=key), now=now)
    pair.status, pair.changed_at = CLOSED, now
    end_keys(session, pair, {pair.low_id, pair.high_id}, until=now)
    to_id = pair.other_of(word.branch_id)
    telling.of_pair(session, pair, "clearing.closed", to_id=to_id, words=word.words, now=now)
    return pair


def join_branches(session: Session, *, now: datetime) -> int:
    """Connect every open branch that has no pair yet with the one above it, each with a small line; returns how many.

    The one above is the branch at the nearest area on the way up; a branch at the top has none.
    """
    branches = {branch.id: branch for branch in list_branches(session)}
    at_area: dict[int, int] = {}
    for branch_id in sorted(branches):
        at_area.setdefault(branches[branch_id].area_id, branch_id)
    joined = 0
    for branch in branches.values():
        head_id = _head_of(session, branch, at_area)
        if head_id is not None and find_pair(session, branch.id, head_id) is None:
            _join(session, branch.id, head_id, now)
            joined += 1
    return joined


def _head_of(session: Session, branch: Branch, at_area: dict[int, int]) -> int | None:
    area: Area | None = session.get_one(Area, branch.area_id)
    if at_area.get(branch.area_id) != branch.id:  # the first branch of an area stands above the others in it
        return at_area.get(branch.area_id)
    while area is not None and area.parent_id is not None:
        if area.parent_id in at_area:
            return at_area[area.parent_id]
        area = area.parent
    return None


def _join(session: Session, branch_id: int, head_id: int, now: datetime) -> None:
    pair = _lock_or_make(session, branch_id, head_id, now)
    word = Deciding(branch_id=branch_id, form_key=f"{branch_id}-{head_id}", minutes=rules.DEFAULT_LINE)
    if pair.status == CLOSED and note(session, pair, "joined", word, actor=SYSTEM, now=now):
        _open_accounts(session, pair)
        pair.status = OPEN
        _have_keys(session, pair, now)
        for side in (pair.low_id, pair.high_id):
            ledger.decide_line(
                session, _line(pair, side, word.minutes, by_id=None, key=f"join:{pair.id}:{side}"), now=now
            )


def _lock_or_make(session: Session, one_id: int, other_id: int, now: datetime) -> BranchPair:
    low, high = sorted((one_id, other_id))
    lock_name(session, f"pair:{low}:{high}")
    fresh = {"low_id": low, "high_id": high, "status": CLOSED, "asked_for_id": one_id, "asked_minutes": 0}
    session.execute(insert_once(session, BranchPair).values(fresh | {"changed_at": now}))
    pair = find_pair(session, low, high, lock=True)
    if pair is None:
        raise PairNotFound()
    return pair


def lock_of(session: Session, pair_id: int, branch_id: int, actor: Actor) -> BranchPair:
    """A branch's pair, nobody else's to decide about until we commit. Raises PairNotFound, NotAllowed."""
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


def _have_keys(session: Session, pair: BranchPair, now: datetime) -> None:
    """From now on each side believes what the other signs."""
    for side in (pair.low_id, pair.high_id):
        have_key(session, pair, side, now=now)


def _open_accounts(session: Session, pair: BranchPair) -> None:
    opened = [
        ledger.open_account(session, book_id=here.id, code=f"clearing:{there.code}", kind="clearing", unit="coin")
        for here, there in ((pair.low, pair.high), (pair.high, pair.low))
    ]
    pair.low_account_id, pair.high_account_id = opened


def _line(pair: BranchPair, creditor_id: int, minutes: int, *, by_id: int | None, key: str) -> ledger.LineDraft:
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


def _refuse_silence(word: Deciding) -> None:
    if not word.words.strip():
        raise WordsMissing()


def _refuse_unless_asked(session: Session, pair: BranchPair, word: Deciding, actor: Actor) -> None:
    if pair.status != ASKED or pair.asked_for_id == word.branch_id:
        raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
    asked = next(event for event in list_events(session, pair.id) if event.what == "asked")
    if asked.by_id == actor.member_id:
        raise OneHandPair()
