"""Saving a version of a branch's rules."""

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
from timebank.rulebook.models import CoinRule
from timebank.rulebook.queries import find_by_key, find_rule
from timebank.rulebook.rules import (
    LONGEST_BACKDATE,
    LONGEST_EXPIRY,
    MOST_LARGE,
    MOST_MINUTES,
    MOST_POINTS,
    SETTINGS,
    Settings,
    settings_of,
)

FARTHEST: Final = timedelta(days=370)
_ALL: Final = 100  # percent


class BadRule(Invalid):
    """A figure is out of range, the reason is missing, or the day is not one a version can begin on."""

    code = "rulebook.bad_rule"


class NothingChanged(Conflict):
    """The version says what would hold on that day anyway."""

    code = "rulebook.nothing_changed"
    text = "这些规则和 {day} 本来就要执行的一样，没有保存。请改动至少一项。"


@dataclass(frozen=True, kw_only=True)
class RuleDraft:
    """A version as a manager writes it down; ``form_key`` makes sending it twice harmless."""

    branch_id: int
    valid_from: date
    settings: Settings
    reason: str
    form_key: str


def check_rule(session: Session, draft: RuleDraft, *, actor: Actor, now: datetime) -> CoinRule | None:
    """Refuse a draft that could not be saved now; returns what its form saved before, if it did. Writes nothing.

    Raises NotAllowed, FormUsed, BadRule, NothingChanged.
    """
    actor.require("rules.change", branch_id=draft.branch_id)
    first = find_by_key(session, draft.form_key)
    if first is not None:
        if (first.branch_id, _content(first)) != (draft.branch_id, (draft.valid_from, draft.settings, draft.reason)):
            raise FormUsed()
        return first
    faults = _faults(draft, clock.today(now))
    if faults:
        raise BadRule(fields=faults)
    if settings_of(find_rule(session, draft.branch_id, draft.valid_from)) == draft.settings:
        raise NothingChanged(day=draft.valid_from.isoformat())
    return None


def add_rule(session: Session, draft: RuleDraft, *, actor: Actor, now: datetime) -> CoinRule:
    """Save a version; the same form again finds the first. See ``check_rule`` for the refusals."""
    lock_name(session, f"coin_rule:{draft.branch_id}")  # numbers follow one another
    first = check_rule(session, draft, actor=actor, now=now)
    if first is not None:
        return first
    get_branch(session, draft.branch_id)
    last = session.scalar(select(func.max(CoinRule.number)).where(CoinRule.branch_id == draft.branch_id))
    rule = CoinRule(
        branch_id=draft.branch_id,
        number=(last or 0) + 1,
        valid_from=draft.valid_from,
        reason=draft.reason.strip(),
        created_by_id=actor.member_id,
        created_by_name=actor.name,
        created_at=now,
        form_key=draft.form_key,
        **{name: getattr(draft.settings, name) for name in SETTINGS},
    )
    session.add(rule)
    session.flush()
    return rule


def _content(rule: CoinRule) -> tuple[date, Settings, str]:
    return rule.valid_from, Settings(**{name: getattr(rule, name) for name in SETTINGS}), rule.reason


def _faults(draft: RuleDraft, today: date) -> dict[str, str]:
    """What is wrong, by the form's fields."""
    rule, faults = draft.settings, {}
    if draft.valid_from <= today:
        faults["valid_from"] = f"最早从明天（{today + timedelta(days=1)}）起：已经过去的日子，规则不会再变。"
    elif draft.valid_from - today > FARTHEST:
        faults["valid_from"] = "这个日期在一年以后，请看看年份有没有写错。"
    if not 1 <= rule.points_per_hour <= MOST_POINTS:
        faults["points_per_hour"] = f"请填 1 到 {MOST_POINTS} 之间的整数。"
    for name, minutes in (("daily_cap", rule.daily_cap_minutes), ("holding_cap", rule.holding_cap_minutes)):
        if minutes is not None and not 0 < minutes <= MOST_MINUTES:
            faults[name] = "请填大于 0 的时间；不限就两格都不填。"
    if not 0 <= rule.first_redemption_minutes <= MOST_MINUTES:
        faults["first_redemption"] = "请填 0 或更多的时间。"
    if rule.gift_month_minutes is not None and not 0 <= rule.gift_month_minutes <= MOST_MINUTES:
        faults["gift_month"] = "请填 0 或更多的时间；不限就两格都不填。"
    if rule.expiry_months is not None and not 1 <= rule.expiry_months <= LONGEST_EXPIRY:
        faults["expiry_months"] = f"请填 1 到 {LONGEST_EXPIRY} 之间的月数；不过期就不填。"
    if not draft.reason.strip():
        faults["reason"] = "请写一句为什么要改，大家都看得到。"
    return faults | _approval_faults(rule)


def _approval_faults(rule: Settings) -> dict[str, str]:
    faults = {}
    if not 0 <= rule.large_minutes <= MOST_LARGE:
        faults["large"] = "请填 0 到 24 小时。"
    if not 0 <= rule.hand_share <= _ALL:
        faults["hand_share"] = "请填 0 到 100。"
    if not 0 <= rule.backdate_days <= LONGEST_BACKDATE:
        faults["backdate_days"] = f"请填 0 到 {LONGEST_BACKDATE}；0 就是不能补登。"
    return faults
