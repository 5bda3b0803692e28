"""Differences: found, the pair frozen, settled when both sides have said so. Nothing is rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.clearing.models import CASE_NAMES, BranchPair, ClearingCase, PairEvent
from timebank.clearing.queries import find_parked_in, get_case, list_case_items
from timebank.clearing.rules.heaps import BY_WORDS
from timebank.clearing.service import telling
from timebank.clearing.service.deciding import lock_of
from timebank.clearing.service.pairs import freeze
from timebank.clearing.service.refusals import CaseSettled, OneHandPair, StillParked, WordsMissing
from timebank.core.actor import Actor
from timebank.core.db import insert_once

FREEZING = frozenset({"difference", "tampered", "out_of_chain"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Something that does not agree, and what makes it the same finding again."""

    kind: str
    facts: str
    key: str


def open_case(session: Session, pair: BranchPair, found: Found, *, now: datetime) -> ClearingCase:
    """Keep a finding, once, and freeze the pair where the books cannot be trusted until it is settled."""
    row = {"pair_id": pair.id, "kind": found.kind, "facts": found.facts[:400], "opened_at": now, "key": found.key}
    fresh = session.scalar(
        insert_once(session, ClearingCase).values(row | {"low_words": "", "high_words": ""}).returning(ClearingCase.id)
    )
    case = session.scalars(select(ClearingCase).where(ClearingCase.key == found.key)).one()
    if fresh is not None:
        if found.kind in FREEZING:
            freeze(session, pair, now=now)
            words, key = CASE_NAMES[found.kind], f"frozen:case:{case.id}"
            event = {"pair_id": pair.id, "what": "frozen", "words": words, "at": now, "key": key}
            session.execute(insert_once(session, PairEvent).values(event))
        telling.of_case(session, pair, case, what=CASE_NAMES[found.kind], now=now)
    return case


def settle_case(
    session: Session, case_id: int, *, branch_id: int, words: str, actor: Actor, now: datetime
) -> ClearingCase:
    """One side's word that a case is cleared up, by what was booked or found; settled when both have said so, and with
    it what of it still does not agree.

    The same words of the same side again are harmless. Raises CaseNotFound, PairNotFound, NotAllowed, WordsMissing,
    StillParked, CaseSettled, OneHandPair where one person would speak for both sides.
    """
    pair = lock_of(session, get_case(session, case_id).pair_id, branch_id, actor)  # a night may be adding to the case
    case = get_case(session, case_id, lock=True)
    if not words.strip():
        raise WordsMissing()
    parked = find_parked_in(session, case.id)
    if parked is not None and parked.ended_at is None:
        raise StillParked()
    mine, theirs = ("low", "high") if branch_id == pair.low_id else ("high", "low")
    if getattr(case, f"{mine}_by_id") is not None:
        if (getattr(case, f"{mine}_by_id"), getattr(case, f"{mine}_words")) != (actor.member_id, words.strip()):
            raise CaseSettled()
        return case
    if getattr(case, f"{theirs}_by_id") == actor.member_id:
        raise OneHandPair()
    setattr(case, f"{mine}_by_id", actor.member_id)
    setattr(case, f"{mine}_words", words.strip())
    if getattr(case, f"{theirs}_by_id") is not None:
        case.settled_at = now
        for item in list_case_items(session, case.id):
            item.settled_at, item.settled_how, item.note = now, BY_WORDS, "两个网点都说明过了。"
    session.flush()
    return case
