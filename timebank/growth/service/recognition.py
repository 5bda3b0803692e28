"""Saving a version of a branch's recognition rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.core.minutes import COIN_MINUTES
from timebank.growth.models import GRADE_NAMES, RecognitionRule
from timebank.growth.queries import find_recognition, find_recognition_by_key
from timebank.growth.rules import (
    MOST_ACTIVITIES,
    MOST_STAR_HOURS,
    RECOGNITION_SETTINGS,
    STAR_SETTINGS,
    STAR_WORDS,
    Recognition,
    recognition_of,
)

FARTHEST: Final = timedelta(days=370)


class BadRecognition(Invalid):
    """A figure is out of range, the reason is missing, or the day is not one a version can begin on."""

    code = "growth.bad_recognition"


class NothingChanged(Conflict):
    """The version says what would hold on that day anyway."""

    code = "growth.nothing_changed"
    text = "这些规则和 {day} 本来就要执行的一样，没有保存。请改动至少一项。"


@dataclass(frozen=True, kw_only=True)
class RecognitionDraft:
    """A version as a manager writes it down; ``form_key`` makes sending it twice harmless."""

    branch_id: int
    valid_from: date
    settings: Recognition
    reason: str
    form_key: str


def add_recognition(session: Session, draft: RecognitionDraft, *, actor: Actor, now: datetime) -> RecognitionRule:
    """Save a version; the same form again finds the first. Stars that were reached before it stay reached.

    Raises NotAllowed, FormUsed, BadRecognition, NothingChanged.
    """
    actor.require("rules.change", branch_id=draft.branch_id)
    lock_name(session, f"recognition_rule:{draft.branch_id}")  # numbers follow one another
    first = find_recognition_by_key(session, draft.form_key)
    if first is not None:
        if (first.branch_id, first.valid_from, first.reason) != (draft.branch_id, draft.valid_from, draft.reason):
            raise FormUsed()
        return first
    faults = _faults(draft, clock.today(now))
    if faults:
        raise BadRecognition(fields=faults)
    get_branch(session, draft.branch_id)
    if recognition_of(find_recognition(session, draft.branch_id, draft.valid_from)) == draft.settings:
        raise NothingChanged(day=draft.valid_from.isoformat())
    numbers = select(func.max(RecognitionRule.number)).where(RecognitionRule.branch_id == draft.branch_id)
    rule = RecognitionRule(
        branch_id=draft.branch_id,
        number=(session.scalar(numbers) or 0) + 1,
        valid_from=draft.valid_from,
        reason=draft.reason,
        created_by_id=actor.member_id,
        created_by_name=actor.name,
        created_at=now,
        form_key=draft.form_key,
        **{name: getattr(draft.settings, name) for name in RECOGNITION_SETTINGS},
    )
    session.add(rule)
    session.flush()
    return rule


def _faults(draft: RecognitionDraft, today: date) -> dict[str, str]:
    """What is wrong, by the form's fields."""
    rule, faults = draft.settings, {}
    if draft.valid_from <= today:
        faults["valid_from"] = f"最早从明天（{today + timedelta(days=1)}）起：已经得到的星级，规则不会再变。"
    elif draft.valid_from - today > FARTHEST:
        faults["valid_from"] = "这个日期在一年以后，请看看年份有没有写错。"
    least = 0
    for name, word, minutes in zip(STAR_SETTINGS, STAR_WORDS, rule.star_minutes, strict=True):
        if not least < minutes <= MOST_STAR_HOURS * COIN_MINUTES:
            what = f"要比上一颗星多，最多 {MOST_STAR_HOURS:,} 小时" if least else "要多于 0 小时"
            faults[name.replace("_minutes", "_hours")] = f"{word}星{what}。"
        least = max(least, minutes)
    if not rule.award_title.strip():
        faults["award_title"] = "请写上称号。"
    if not 0 <= rule.award_minutes <= MOST_STAR_HOURS * COIN_MINUTES:
        faults["award_hours"] = "请填 0 或更多的小时。"
    if not 0 <= rule.award_activities <= MOST_ACTIVITIES:
        faults["award_activities"] = f"请填 0 到 {MOST_ACTIVITIES}。"
    if rule.award_grade not in (0, *GRADE_NAMES):
        faults["award_grade"] = "请从列出的评价里选一个。"
    if not draft.reason.strip():
        faults["reason"] = "请写一句为什么要改，大家都看得到。"
    return faults
