"""What a minute of one branch is worth at another: asked for by one branch, agreed to by the other, from a day on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from timebank.clearing.models import (
    FROZEN,
    OPEN,
    PAIR_STATUS_NAMES,
    RATE_AGREED,
    RATE_ASKED,
    RATE_DECLINED,
    RATE_WITHDRAWN,
    BranchPair,
    PairRate,
)
from timebank.clearing.queries import (
    RateNotFound,
    find_asked_rate,
    find_rate_by_key,
    get_rate,
)
from timebank.clearing.rules import LEAST_WORTH, MOST_WORTH, lowest
from timebank.clearing.service import telling
from timebank.clearing.service.deciding import CHANGE, lock_of
from timebank.clearing.service.refusals import (
    BadRate,
    NotYours,
    OneHandPair,
    PairNotReady,
    RateAnswered,
    RateTooLate,
    RateWaiting,
    WordsMissing,
)
from timebank.core.actor import Actor
from timebank.core.clock import today
from timebank.core.errors import FormUsed, NotAllowed

_HOUR: Final = 60
_FARTHEST: Final = timedelta(days=366)


@dataclass(frozen=True, kw_only=True)
class RateDraft:
    """One hour of the other branch is worth so many minutes of one's own, from a day on; the form's key once."""

    branch_id: int
    minutes: int
    valid_from: date
    form_key: str
    words: str = ""


def ask_rate(session: Session, pair_id: int, draft: RateDraft, *, actor: Actor, now: datetime) -> PairRate:
    """Ask the other branch to convert like this. The same form again is harmless.

    Raises PairNotFound, NotAllowed, FormUsed, PairNotReady, BadRate, RateWaiting while another one waits.
    """
    pair = lock_of(session, pair_id, draft.branch_id, actor)
    if actor.member_id is None:
        raise NotAllowed(permission=CHANGE)
    low, high = lowest(*((draft.minutes, _HOUR) if draft.branch_id == pair.low_id else (_HOUR, draft.minutes)))
    asked = {
        "pair_id": pair.id, "low_units": low, "high_units": high, "valid_from": draft.valid_from,
        "asked_for_id": draft.branch_id, "asked_by_id": actor.member_id, "words": draft.words.strip(),
    }  # fmt: skip
    first = find_rate_by_key(session, draft.form_key)
    if first is not None:
        if any(getattr(first, name) != value for name, value in asked.items()):
            raise FormUsed()
        return first
    if pair.status not in {OPEN, FROZEN}:
        raise PairNotReady(status=PAIR_STATUS_NAMES[pair.status])
    _refuse_bad(draft, now)
    if find_asked_rate(session, pair.id) is not None:
        raise RateWaiting()
    rate = PairRate(**asked, asked_at=now, form_key=draft.form_key)
    session.add(rate)
    session.flush()
    telling.of_rate(session, pair, rate, "clearing.rate_asked", to_id=pair.other_of(draft.branch_id), now=now)
    return rate


def agree_rate(session: Session, rate_id: int, *, branch_id: int, actor: Actor, now: datetime) -> PairRate:
    """Say yes for the branch that was asked, before the day it holds from. A repeat is harmless.

    Raises RateNotFound, PairNotFound, NotAllowed, RateAnswered, NotYours, OneHandPair, RateTooLate.
    """
    pair, rate = _lock_rate(session, rate_id, branch_id, actor)
    if (rate.status, rate.answered_by_id) == (RATE_AGREED, actor.member_id):
        return rate
    _refuse_own(rate, branch_id)
    if rate.asked_by_id == actor.member_id:
        raise OneHandPair()
    if rate.valid_from <= today(now):
        raise RateTooLate(day=rate.valid_from)
    _answer(session, rate, RATE_AGREED, "", actor, now)
    telling.of_rate(session, pair, rate, "clearing.rate_agreed", to_id=rate.asked_for_id, now=now)
    return rate


def decline_rate(
    session: Session, rate_id: int, *, branch_id: int, words: str, actor: Actor, now: datetime
) -> PairRate:
    """Say no for the branch that was asked, with a reason. A repeat is harmless.

    Raises RateNotFound, PairNotFound, NotAllowed, WordsMissing, RateAnswered, NotYours.
    """
    pair, rate = _lock_rate(session, rate_id, branch_id, actor)
    if not words.strip():
        raise WordsMissing()
    if (rate.status, rate.note, rate.answered_by_id) == (RATE_DECLINED, words.strip(), actor.member_id):
        return rate
    _refuse_own(rate, branch_id)
    _answer(session, rate, RATE_DECLINED, words.strip(), actor, now)
    telling.of_rate(session, pair, rate, "clearing.rate_declined", to_id=rate.asked_for_id, now=now)
    return rate


def withdraw_rate(session: Session, rate_id: int, *, branch_id: int, actor: Actor, now: datetime) -> PairRate:
    """Take back what one's own branch asked for. A repeat is harmless.

    Raises RateNotFound, PairNotFound, NotAllowed, RateAnswered, NotYours.
    """
    _, rate = _lock_rate(session, rate_id, branch_id, actor)
    if rate.status == RATE_WITHDRAWN:
        return rate
    if rate.status != RATE_ASKED:
        raise RateAnswered()
    if rate.asked_for_id != branch_id:
        raise NotYours()
    _answer(session, rate, RATE_WITHDRAWN, "", actor, now)
    return rate


def _lock_rate(session: Session, rate_id: int, branch_id: int, actor: Actor) -> tuple[BranchPair, PairRate]:
    pair = lock_of(session, get_rate(session, rate_id).pair_id, branch_id, actor)
    if actor.member_id is None:
        raise RateNotFound()
    return pair, get_rate(session, rate_id, lock=True)


def _refuse_own(rate: PairRate, branch_id: int) -> None:
    if rate.status != RATE_ASKED:
        raise RateAnswered()
    if rate.asked_for_id == branch_id:
        raise OneHandPair()


def _refuse_bad(draft: RateDraft, now: datetime) -> None:
    wrong: dict[str, str] = {}
    if not LEAST_WORTH <= draft.minutes <= MOST_WORTH:
        wrong["worth"] = f"请填 {LEAST_WORTH} 分钟到 {MOST_WORTH // _HOUR} 小时之间。"
    if not today(now) < draft.valid_from <= today(now) + _FARTHEST:
        wrong["valid_from"] = "最早从明天起，最晚一年以内。"
    if wrong:
        raise BadRate(fields=wrong)


def _answer(session: Session, rate: PairRate, status: str, note: str, actor: Actor, now: datetime) -> None:
    rate.status, rate.note = status, note
    rate.answered_by_id, rate.answered_at = actor.member_id, now
    session.flush()
