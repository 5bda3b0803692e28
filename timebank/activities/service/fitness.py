"""What stands against people on a shift, from what is known of them, of the activity, and of the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from timebank.activities.models import Shift, SignUpOverride
from timebank.activities.queries import count_counted, count_waiting, find_limits
from timebank.activities.rules import is_closed, is_popular
from timebank.activities.rules.fitness import (
    Hindrance,
    closed_by_no_shows,
)
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, Invalid
from timebank.members.models import Member


class DoesNotFit(Conflict):
    """Something stands against it that nobody, or not this person, may let pass."""

    code = "activities.does_not_fit"
    text = "{why}"


class NeedsReason(Invalid):
    """Staff may let it pass, and have to say why."""

    code = "activities.needs_reason"
    text = "{why}确实要报名，请写明理由，会留下记录。"


class RiskUnread(Invalid):
    """Nobody is signed up for dangerous work who was not told of its risks."""

    code = "activities.risk_unread"
    text = "这是高风险活动。请先看过风险和防护办法，勾选“我看过了”，再报名。"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is said along with a sign-up: the risks were read (or told), and why staff let something pass."""

    risk_read: bool = False
    override: str = ""


NOTHING: Final = Given()
Against = list[tuple[Member, Hindrance]]


def closed_for(session: Session, shift: Shift, members: Sequence[Member], *, now: datetime) -> Against:
    """For whom no-shows close this shift, which is popular."""
    limits = find_limits(session, shift.activity.branch_id)
    waiting = count_waiting(session, [shift.id]).get(shift.id, 0)
    if not is_popular(taken=shift.taken, capacity=shift.capacity, waiting=waiting, percent=limits.popular_percent):
        return []
    counted = [(member, count_counted(session, member.id, limits, now=now)) for member in members]
    return [(member, closed_by_no_shows(count, limits)) for member, count in counted if is_closed(count, limits)]


def refuse_unfit(against: Against, given: Given, *, by_staff: bool, named: bool) -> Against:
    """Refuse what must not pass; returns what staff let pass with their reason.

    Raises DoesNotFit, NeedsReason.
    """
    if not against:
        return []
    blocks = [one for one in against if one[1].blocks]
    if blocks or not by_staff:
        raise DoesNotFit(why=_words(blocks or against, named=named))
    if not given.override:
        why = _words(against, named=named)
        raise NeedsReason(fields={"override": NeedsReason.text.format(why=why)}, why=why)
    return against


def keep_overrides(
    session: Session, shift: Shift, passed: Against, reason: str, *, actor: Actor, now: datetime
) -> None:
    """Write down what staff let pass, for whom and why."""
    session.add_all(
        SignUpOverride(
            shift_id=shift.id, member_id=member.id, code=hindrance.code, reason=reason, by_id=actor.member_id, at=now
        )
        for member, hindrance in passed
    )
    session.flush()


def _words(against: Against, *, named: bool) -> str:
    return "".join(f"{member.alias}：{one.text}" if named else one.text for member, one in against)
