"""Changing the key that a branch signs with in a pair: by its manager, and by the year."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from timebank.clearing import rules
from timebank.clearing.models import FROZEN, OPEN, PAIR_STATUS_NAMES, BranchPair
from timebank.clearing.queries import get_pair
from timebank.clearing.queries.keys import list_old_keys
from timebank.clearing.service import telling
from timebank.clearing.service.deciding import Deciding, lock_of, note
from timebank.clearing.service.refusals import BadOverlap, PairNotReady
from timebank.clearing.service.signing import end_keys, forget_nonces, make_key
from timebank.core.actor import SYSTEM, Actor


def renew_key(session: Session, pair_id: int, word: Deciding, *, days: int, actor: Actor, now: datetime) -> BranchPair:
    """Sign with a new key from now on; what the older ones signed is believed for ``days`` more, at most.

    The same form again is harmless. Raises PairNotFound, NotAllowed, BadOverlap, PairNotReady, FormUsed.
    """
    pair = lock_of(session, pair_id, word.branch_id, actor)
    refuse_overlap(days)
    said = Deciding(branch_id=word.branch_id, form_key=word.form_key, words=_in_words(days, word.words))
    if note(session, pair, "keyed", said, actor=actor, now=now):
        if pair.status not in {OPEN, FROZEN}:
            raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
        _renew(session, pair, word.branch_id, until=now + timedelta(days=days), by_id=actor.member_id, now=now)
        telling.of_pair(session, pair, "clearing.keyed", to_id=pair.other_of(word.branch_id), words=said.words, now=now)
    return pair


def _in_words(days: int, words: str) -> str:
    overlap = f"旧密钥再用 {days} 天" if days else "旧密钥马上作废"
    return f"{overlap}。{words.strip()}"[:200] if words.strip() else overlap


def renew_old_keys(session: Session, *, now: datetime) -> int:
    """Change every key that has been used for a year, with the usual overlap; returns how many. Used nonces go, too."""
    forget_nonces(session, now=now)
    return renew_keys(session, used_since=now - rules.KEY_AGE, days=rules.OVERLAP.days, why="用满一年", now=now)


def renew_keys(session: Session, *, used_since: datetime, days: int, why: str, now: datetime) -> int:
    """Change every key in use since then or longer, in the system's name; returns how many. Raises BadOverlap."""
    refuse_overlap(days)
    old = list_old_keys(session, before=used_since)
    for key in old:
        pair = get_pair(session, key.pair_id, lock=True)
        word = Deciding(branch_id=key.branch_id, form_key=f"key:{key.id}", words=_in_words(days, why))
        if note(session, pair, "keyed", word, actor=SYSTEM, now=now):
            _renew(session, pair, key.branch_id, until=now + timedelta(days=days), by_id=None, now=now)
    return len(old)


def refuse_overlap(days: int) -> None:
    """Raises BadOverlap for less than no days, or too many."""
    if not 0 <= days <= rules.LONGEST_OVERLAP.days:
        raise BadOverlap()


def _renew(
    session: Session, pair: BranchPair, branch_id: int, *, until: datetime, by_id: int | None, now: datetime
) -> None:
    end_keys(session, pair, {branch_id}, until=until)
    make_key(session, pair, branch_id, by_id=by_id, now=now)
