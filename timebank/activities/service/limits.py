"""Saving a branch's limits for signing up, leaving and no-shows. Rows are only added; the newest holds at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import SignUpRule
from timebank.activities.queries import find_limits
from timebank.activities.rules import Limits
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed


class SameLimits(Conflict):
    """What was sent holds already."""

    code = "activities.same_limits"
    text = "和现在的规则一样，没有保存。请改动至少一项。"


@dataclass(frozen=True, kw_only=True)
class LimitsDraft:
    """New limits as a manager writes them down; ``form_key`` makes sending them twice harmless."""

    branch_id: int
    limits: Limits
    reason: str
    form_key: str


def save_limits(session: Session, draft: LimitsDraft, *, actor: Actor, now: datetime) -> SignUpRule:
    """Save what holds from now on, with a reason that everybody reads. Raises NotAllowed, FormUsed, SameLimits."""
    actor.require("rules.change", branch_id=draft.branch_id)
    if actor.member_id is None:
        raise NotAllowed(permission="rules.change")
    if not draft.reason:
        raise Invalid(fields={"reason": "请写明为什么改，会员看得到。"})
    lock_name(session, f"sign_up_rule:{draft.branch_id}")
    values = asdict(draft.limits) | {"branch_id": draft.branch_id, "reason": draft.reason}
    sent = session.scalars(select(SignUpRule).where(SignUpRule.form_key == draft.form_key)).one_or_none()
    if sent is not None:
        if any(getattr(sent, name) != value for name, value in values.items()):
            raise FormUsed()
        return sent
    if draft.limits == find_limits(session, draft.branch_id):
        raise SameLimits()
    saved = SignUpRule(**values, created_by_id=actor.member_id, created_at=now, form_key=draft.form_key)
    session.add(saved)
    session.flush()
    return saved
