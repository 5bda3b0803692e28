"""A month that is sealed although something is open: a manager of each side signs the same text, two people.

The statement then has it inside, with both books' versions where they differ; it is the same for both sides. A month
before it comes first. What is settled later stands in the next statement.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from sqlalchemy.orm import Session

from timebank.clearing.models import BranchPair, PairException, PairSignature, PairStatement
from timebank.clearing.queries import find_exception, list_signatures, list_unsealed_before, look_at_month
from timebank.clearing.queries.months import MonthView
from timebank.clearing.rules import canonical, digest, exception_text
from timebank.clearing.service import telling
from timebank.clearing.service.deciding import lock_of
from timebank.clearing.service.refusals import (
    AlreadySealed,
    EarlierMonthFirst,
    ExceptionMoved,
    MonthRunning,
    NothingToExcept,
    OneHandPair,
    SideSigned,
    WordsMissing,
)
from timebank.clearing.service.sealing import keep_statement
from timebank.core.actor import Actor
from timebank.core.clock import month_name, month_range
from timebank.core.db import insert_once
from timebank.core.keys import Keys
from timebank.members.queries import get_member


@dataclass(frozen=True, kw_only=True, slots=True)
class Signing:
    """For which side, which month, why, and the hash of what the signer has read."""

    branch_id: int
    month: str
    words: str
    seen: str


def sign_exception(
    session: Session, pair_id: int, signing: Signing, *, actor: Actor, keys: Keys, now: datetime
) -> PairStatement | None:
    """One side signs that a month is sealed as it is; the statement once both have, None while the other has not.

    The same signature again is harmless. Raises PairNotFound, NotAllowed, WordsMissing, MonthRunning, AlreadySealed,
    EarlierMonthFirst, NothingToExcept, ExceptionMoved where things are not any more as the signer saw them,
    SideSigned, OneHandPair where one person would sign for both.
    """
    pair, month = lock_of(session, pair_id, signing.branch_id, actor), signing.month
    if not signing.words.strip():
        raise WordsMissing()
    view = look_at_month(session, pair, month)
    if _find_own(session, pair, signing, actor) is not None:
        return view.sealed
    _refuse(session, view, signing, now)
    exception = _keep(session, view, now)
    standing = list_signatures(session, exception.id)
    if any(one.branch_id == signing.branch_id for one in standing):
        raise SideSigned()
    if any(one.by_id == actor.member_id for one in standing):
        raise OneHandPair()
    _sign(session, exception, signing, actor=actor, keys=keys, now=now)
    signatures = list_signatures(session, exception.id)
    if len(signatures) < 2:
        telling.of_exception(
            session, pair, month, "clearing.exception", to_id=pair.other_of(signing.branch_id), now=now
        )
        return None
    for side in (pair.low_id, pair.high_id):
        telling.of_exception(session, pair, month, "clearing.excepted", to_id=side, now=now)
    return keep_statement(session, view, _sealed_text(pair, exception, signatures), now=now)


def _find_own(session: Session, pair: BranchPair, signing: Signing, actor: Actor) -> PairSignature | None:
    """The same signature, given before."""
    exception = find_exception(session, pair.id, signing.month, signing.seen)
    given = list_signatures(session, exception.id) if exception is not None else []
    same = (signing.branch_id, actor.member_id, signing.words.strip())
    return next((one for one in given if (one.branch_id, one.by_id, one.words) == same), None)


def _refuse(session: Session, view: MonthView, signing: Signing, now: datetime) -> None:
    if now < month_range(view.month)[1]:
        raise MonthRunning(month=month_name(view.month))
    if view.sealed is not None:
        raise AlreadySealed(month=month_name(view.month))
    if earlier := list_unsealed_before(session, view.pair, view.month):
        raise EarlierMonthFirst(month=month_name(earlier[0]))
    if view.is_quiet or (view.agrees and not view.cases):
        raise NothingToExcept()
    if view.exception_hash != signing.seen:
        raise ExceptionMoved()


def _keep(session: Session, view: MonthView, now: datetime) -> PairException:
    row = {"pair_id": view.pair.id, "month": view.month, "content": view.exception, "hash": view.exception_hash}
    session.execute(insert_once(session, PairException).values(row | {"drawn_at": now}))
    exception = find_exception(session, view.pair.id, view.month, view.exception_hash)
    if exception is None:
        raise ExceptionMoved()
    return exception


def _sign(
    session: Session, exception: PairException, signing: Signing, *, actor: Actor, keys: Keys, now: datetime
) -> None:
    """Sign with the key that seals months: Ed25519 over what it is and the SHA-256 of the canonical text."""
    member = get_member(session, actor.member_id or 0)
    code = exception.pair.low.code if signing.branch_id == exception.pair.low_id else exception.pair.high.code
    text = canonical(
        {
            "at": now.isoformat(),
            "branch": code,
            "by": member.number,
            "exception": exception.hash,
            "month": exception.month,
            "words": signing.words.strip(),
        }
    )
    key = keys.signing_key()
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    session.add(
        PairSignature(
            exception_id=exception.id,
            branch_id=signing.branch_id,
            by_id=member.id,
            words=signing.words.strip(),
            content=text,
            hash=digest(text),
            signature=key.sign(exception_text(digest(text))).hex(),
            public_key=public.hex(),
            signed_at=now,
        )
    )
    session.flush()


def _sealed_text(pair: BranchPair, exception: PairException, signatures: Sequence[PairSignature]) -> str:
    """What was signed, and by whom, as it stands in the statement."""
    given = [
        {"signed": one.content, "hash": one.hash, "signature": one.signature, "public_key": one.public_key}
        for one in signatures
    ]
    return canonical(json.loads(exception.content) | {"exception": {"hash": exception.hash, "signatures": given}})
